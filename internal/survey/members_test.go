package survey

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/remote"
)

// What the running site has is what its guards were told, also while the group is
// down; a guard from before they tell it names the members at least.
func TestMembers(t *testing.T) {
	answers := map[string]remote.Response{
		"db1": {Member: []byte(`{"state":"OFFLINE","voters":["db1","db2","db4"]}`)},
		"db2": {Member: []byte(`{"state":"ONLINE","members":[{"server":"db2"},{"server":"db9"}]}`)},
		"db3": {Member: []byte(`"hello"`)},
	}
	if diff := cmp.Diff([]string{"db1", "db2", "db4", "db9"}, members(databases(t), answers)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if got := members(databases(t), nil); len(got) != 0 {
		t.Errorf("a site without guards has the members %v", got)
	}
}
