package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Two of three servers were surveyed: both get the new group at once, the chosen
// one is awaited first, and what else differs is left for apply.
func TestRecover(t *testing.T) {
	s := newSite(t, 1)
	kept := s.want.Items[:0:0]
	for _, item := range s.want.Items {
		if item.Server == "db1" || item.Server == "db2" {
			kept = append(kept, item)
		}
	}
	s.want.Items, s.got.Holder, s.got.Primary = kept, "", ""
	for _, db := range []string{"db1", "db2"} {
		s.got.States[db]["file:/etc/base"] = "absent"
		s.stale(db, "mysql.service", Restart)
		s.got.States[db]["member:"+db] = "OFFLINE"
	}
	want := []string{
		"1 db1 restart unit:mysql.service", "1 db2 restart unit:mysql.service",
		"2 db2 wait member:db2", "3 db1 wait member:db1",
	}
	if diff := cmp.Diff(want, short(Recover(s.want, s.got, "db2"))); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

// A run that died after the group was formed goes on with what is left.
func TestRecoverGoesOn(t *testing.T) {
	s := newSite(t, 1)
	s.got.States["db2"]["member:db2"] = "RECOVERING"
	if diff := cmp.Diff([]string{"1 db2 wait member:db2"}, short(Recover(s.want, s.got, "db1"))); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}
