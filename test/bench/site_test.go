package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// folders is a stand-in for a built repository.
func folders(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{"foobar/static/favicon.svg": 0o644, "foobar/release/foobar": 0o755} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, path), []byte("x"), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func loadSite(t *testing.T, text string) *topology.Topology {
	t.Helper()
	path := filepath.Join(t.TempDir(), "site.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	site, err := spec.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	shape, err := topology.Build(site)
	if err != nil {
		t.Fatal(err)
	}
	return shape
}

func TestBenchSite(t *testing.T) {
	example, err := os.ReadFile("../../examples/ha.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := benchSite(string(example), folders(t))
	if err != nil {
		t.Fatal(err)
	}
	shape := loadSite(t, text)
	if shape.Site.Lab.Name != labName || shape.Site.Lab.Subnet != labSubnets || len(shape.Servers) != 9 {
		t.Errorf("lab %+v with %d servers, want the bench's with nine", shape.Site.Lab, len(shape.Servers))
	}
	if _, err := benchSite("site: www.foobar.com\n", "/"); err == nil {
		t.Error("a file without a lab is no error")
	}
}

func TestLargeSite(t *testing.T) {
	shape := loadSite(t, largeSite(folders(t)))
	if len(shape.Servers) != 1000 {
		t.Errorf("%d servers, want 1000", len(shape.Servers))
	}
	for _, s := range shape.Servers {
		if !strings.HasPrefix(s.Address.String(), "10.64.") && !shape.Site.Lab.Subnet.Contains(s.Address) {
			t.Errorf("%s has the address %s", s.Name, s.Address)
		}
	}
}
