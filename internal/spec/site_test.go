package spec

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWithKeepsTheOrderOfTheFile(t *testing.T) {
	s := &Site{Servers: []Server{{Name: "b", Role: Web}, {Name: "x", Role: App}, {Name: "a", Role: Web}}}
	want := []Server{{Name: "b", Role: Web}, {Name: "a", Role: Web}}
	if diff := cmp.Diff(want, s.With(Web), sites); diff != "" {
		t.Error(diff)
	}
	if got := s.With(Database); len(got) != 0 {
		t.Errorf("got %v, want none", got)
	}
}

func TestStateName(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	dir := newDir(t)
	for _, c := range []struct{ name, text, want string }{
		{"lab", good, "foobar-ha"},
		{"remote", goodRemote, "www.foobar.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse([]byte(c.text), filepath.Join(dir, "site.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.StateName(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
