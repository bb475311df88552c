package spec

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// FuzzParse checks what holds for every input: no panic; an error is Errors,
// sorted, of one line each and inside the file; and a Site without an error has
// all roles and no text that could break a line of a configuration.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(goodRemote))
	f.Add([]byte(everything))
	for _, name := range []string{"ha.yaml", "seed.yaml", "servers.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	dir := newDir(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parse(data, filepath.Join(dir, "site.yaml"), now)
		if err != nil {
			wellFormed(t, err, strings.Count(string(data), "\n")+1)
			return
		}
		for _, role := range Roles {
			if len(s.With(role)) == 0 {
				t.Errorf("no server has the role %s", role)
			}
		}
		for _, text := range texts(s) {
			if strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("control character in %q", text)
			}
		}
	})
}

// wellFormed checks an error of Parse for a file of so many lines.
func wellFormed(t *testing.T, err error, lines int) {
	t.Helper()
	var problems Errors
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("got a %T, want Errors: %v", err, err)
	}
	last := 0
	for _, p := range problems {
		if p.Line < last || p.Line > lines {
			t.Errorf("line %d of %d, after line %d: %s", p.Line, lines, last, p.Reason)
		}
		last = p.Line
		if p.Reason == "" || p.Hint == "" || strings.ContainsFunc(p.Reason+p.Hint, unicode.IsControl) {
			t.Errorf("reason %q, hint %q", p.Reason, p.Hint)
		}
	}
}

// texts are all texts of a site that a user can choose.
func texts(s *Site) []string {
	all := []string{
		s.Name, s.Lab.Name, s.SSH.User, s.SSH.Key, s.SSH.KnownHosts, s.TLS.Cert, s.TLS.Key,
		s.Web.Static, s.App.Release, s.App.Health, s.App.Ready, s.Database.Name,
	}
	for _, v := range s.Servers {
		all = append(all, v.Name, string(v.Role))
	}
	all = append(append(all, s.App.Command...), s.App.Migrate...)
	for name, value := range s.App.Env {
		all = append(all, name, value)
	}
	for _, paths := range [][]string{s.Drill.Static, s.Drill.Pages, s.Drill.API} {
		all = append(all, paths...)
	}
	return all
}
