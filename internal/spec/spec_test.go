package spec

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// now is when the tests take place; certificates are made around it.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// good is a valid file that the mistakes are made in. Its line numbers are those
// of the tables.
const good = `site: www.foobar.com
lab: {name: foobar-ha, subnet: 10.77.0.0/24}
servers:
  lb1: {role: loadbalancer}
  web1: {role: web}
  app1: {role: app}
  db1: {role: database}
web: {static: static}
app:
  release: release
  command: [./server]
database: {name: foobar}
`

// goodRemote is the same for servers with addresses.
const goodRemote = `site: www.foobar.com
servers:
  lb1: {role: loadbalancer, address: 192.0.2.21}
  web1: {role: web, address: 192.0.2.31}
  app1: {role: app, address: 192.0.2.41}
  db1: {role: database, address: 192.0.2.51}
vips: {public: 192.0.2.10, internal: 192.0.2.11}
web: {static: static}
app:
  release: release
  command: [./server]
database: {name: foobar, packages: debian-sid}
`

// newDir makes the folder of a site file with what the files above name in it.
func newDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "static", "site.css"), 0o644, "body {}")
	write(t, filepath.Join(dir, "release", "server"), 0o755, "#!/bin/sh\n")
	return dir
}

// write makes a file and its folder.
func write(t testing.TB, path string, mode os.FileMode, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// mistake is one change to a valid file and the one problem it must cause.
type mistake struct {
	name     string
	in       string // file to change; good when empty
	from, to string // from "" means that to is added at the end
	line     int
	reason   string // substring
	hint     string // substring
}

// text is the file with the mistake.
func (m mistake) text(t *testing.T) string {
	t.Helper()
	in := m.in
	if in == "" {
		in = good
	}
	if m.from == "" {
		return in + m.to
	}
	if strings.Count(in, m.from) == 0 {
		t.Fatalf("%q is not in the file", m.from)
	}
	return strings.Replace(in, m.from, m.to, 1)
}

// runMistakes parses each file in dir and wants exactly the one problem.
func runMistakes(t *testing.T, dir string, mistakes []mistake) {
	t.Helper()
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			file := filepath.Join(dir, "site.yaml")
			problems := problemsOf(t, m.text(t), file)
			if len(problems) != 1 {
				t.Fatalf("got %d problems, want 1:\n%v", len(problems), problems)
			}
			p := problems[0]
			if p.File != file || p.Line != m.line {
				t.Errorf("got %s line %d, want line %d: %v", p.File, p.Line, m.line, p)
			}
			if !strings.Contains(p.Reason, m.reason) {
				t.Errorf("got reason %q, want %q in it", p.Reason, m.reason)
			}
			if m.hint == "" || !strings.Contains(p.Hint, m.hint) {
				t.Errorf("got hint %q, want %q in it", p.Hint, m.hint)
			}
		})
	}
}

// problemsOf parses a text that must not be valid.
func problemsOf(t testing.TB, text, file string) Errors {
	t.Helper()
	s, err := parse([]byte(text), file, now)
	if err == nil {
		t.Fatalf("no error, got %+v", s)
	}
	var problems Errors
	if !errors.As(err, &problems) {
		t.Fatalf("got a %T, want Errors: %v", err, err)
	}
	return problems
}
