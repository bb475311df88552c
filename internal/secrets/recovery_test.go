package secrets

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
)

func TestRecovery(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.passwords()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Recovery(); r != nil || err != nil || r.Unfinished() {
		t.Fatalf("a new site has the recovery %+v, %v", r, err)
	}
	if err := s.FinishRecovery(); err != nil {
		t.Errorf("finish none: %v", err)
	}
	recovered := component.Recovered{Replaces: []string{before.GroupName}, Initial: "db1", Voters: []string{"db1", "db2"}, GTIDs: before.GroupName + ":1-10"}
	begun := time.Date(2026, 11, 25, 3, 4, 5, 0, time.UTC)
	if err := s.BeginRecovery(recovered, begun); err != nil {
		t.Fatal(err)
	}
	after, err := s.passwords()
	if err != nil {
		t.Fatal(err)
	}
	if after.GroupName == before.GroupName || after.GroupName == "" || after.MySQLApp != before.MySQLApp {
		t.Errorf("group %q, before %q; the other secrets must stay", after.GroupName, before.GroupName)
	}
	r, err := s.Recovery()
	if diff := cmp.Diff(&Recovery{Recovered: recovered, Begun: begun}, r); err != nil || diff != "" {
		t.Errorf("recovery (-want +got), %v:\n%s", err, diff)
	}
	if diff := cmp.Diff([]string{"db2"}, r.Needs([]string{"db1", "lb1"})); diff != "" || !r.Unfinished() {
		t.Errorf("unfinished: %t, needs (-want +got):\n%s", r.Unfinished(), diff)
	}
	// What is replaced must be the group there is: another run may have been faster.
	if err := s.BeginRecovery(recovered, begun); err == nil || !strings.Contains(err.Error(), "not what was to be replaced") {
		t.Errorf("begun twice: %v", err)
	}
	if err := s.FinishRecovery(); err != nil {
		t.Fatal(err)
	}
	done, err := s.passwords()
	if err != nil || done.Recovery.Unfinished() || done.GroupName != after.GroupName {
		t.Errorf("%v, unfinished: %t, group %q, want %q", err, done.Recovery.Unfinished(), done.GroupName, after.GroupName)
	}
	if diff := cmp.Diff(recovered, done.Recovery.Recovered); diff != "" {
		t.Errorf("what servers that come back must know (-want +got):\n%s", diff)
	}
}
