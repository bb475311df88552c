package secrets

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
)

func inUse(all component.Secrets) component.Passwords {
	return component.Passwords{App: all.MySQLApp, Replication: all.MySQLReplication, Drill: all.MySQLDrill}
}

func TestRotation(t *testing.T) {
	s, top := store(t), site(t)
	first := load(t, s, top)
	if s.UseRotated() == nil || s.EndRotation() == nil {
		t.Error("a rotation that was not begun goes on")
	}
	begun := time.Date(2026, 3, 1, 2, 3, 4, 5, time.UTC)
	if err := s.BeginRotation(begun); err != nil {
		t.Fatal(err)
	}
	offered := load(t, s, top)
	if inUse(offered) != inUse(first) || offered.Rotating == nil || offered.Rotating.Old != inUse(first) {
		t.Fatal("programs do not keep the old passwords at first")
	}
	next := offered.Rotating.New
	for _, p := range []string{next.App, next.Replication, next.Drill} {
		if len(p) != 32 || slices.Contains([]string{first.MySQLApp, first.MySQLReplication, first.MySQLDrill}, p) {
			t.Errorf("new password of %d bytes; it has to be another, of the 32 that replication takes", len(p))
		}
	}
	if s.BeginRotation(begun) == nil || s.EndRotation() == nil {
		t.Error("passwords that nobody uses yet are replaced or the only ones")
	}
	// Another process goes on after this one died.
	again, err := Open(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.UseRotated(); err != nil {
		t.Fatal(err)
	}
	want := &Rotation{Begun: begun.Truncate(time.Second), Use: true, Old: inUse(first), New: next}
	if got, err := again.Rotation(); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("error %v; rotation (-want +got):\n%s", err, cmp.Diff(want, got))
	}
	if used := load(t, again, top); inUse(used) != next || used.Rotating == nil || *used.Rotating != *offered.Rotating {
		t.Error("the new passwords are not in use, or an old one is not good any more")
	}
	if err := s.EndRotation(); err != nil {
		t.Fatal(err)
	}
	if ended := load(t, s, top); inUse(ended) != next || ended.Rotating != nil {
		t.Error("the rotation has not ended with the new passwords")
	}
}
