package resource_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

func TestFile(t *testing.T) {
	h := newHost(t)
	owner, group := hosttest.Owner(t)
	f := &resource.File{Path: "/etc/x/y.conf", Content: []byte("one"), Mode: 0o640, Owner: owner, Group: group}
	expectState(t, h, f, resource.Absent)
	apply(t, h, f)

	f.Content = []byte("two")
	apply(t, h, f)
	if got := h.Read(f.Path); got != "two" {
		t.Errorf("content %q, want %q", got, "two")
	}
	if err := os.Chmod(h.Path(f.Path), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := observe(t, h, f); got == f.Want() || !strings.Contains(string(got), " 0644 ") {
		t.Errorf("with another mode: %q", got)
	}
	apply(t, h, f)
	expectOnly(t, h, "/etc/x", "y.conf")
}

func TestFileOverLink(t *testing.T) {
	h := newHost(t)
	owner, group := hosttest.Owner(t)
	h.Write("/etc/target", "theirs")
	if err := os.Symlink("target", h.Path("/etc/link")); err != nil {
		t.Fatal(err)
	}
	f := &resource.File{Path: "/etc/link", Content: []byte("ours"), Mode: 0o644, Owner: owner, Group: group}
	apply(t, h, f)
	if got := h.Read("/etc/target"); got != "theirs" {
		t.Errorf("the link's target was written: %q", got)
	}
}

func TestFileRefusedByItsProgram(t *testing.T) {
	h := newHost(t)
	owner, group := hosttest.Owner(t)
	h.Write("/etc/nginx/nginx.conf", "old")
	f := &resource.File{Path: "/etc/nginx/nginx.conf", Content: []byte("new"), Mode: 0o644, Owner: owner, Group: group, Validate: []string{"nginx", "-t", "-c", "{}"}}
	h.On(hosttest.Exit(1, "unknown directive"), "nginx", "-t", "-c", h.Path("/etc/nginx/.scaleup-new-nginx.conf"))

	err := f.Apply(t.Context(), h.System())
	if err == nil || !strings.Contains(err.Error(), "unknown directive") || !strings.Contains(err.Error(), f.Path) {
		t.Errorf("error %v, want one with the path and nginx's reason", err)
	}
	if got := h.Read(f.Path); got != "old" {
		t.Errorf("the file holds %q, want the old content", got)
	}
	expectOnly(t, h, "/etc/nginx", "nginx.conf")

	h.On(hosttest.Output(""), "nginx", "-t")
	apply(t, h, f)
}

// expectOnly says that nothing else was left in a folder.
func expectOnly(t *testing.T, h *hosttest.Host, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(h.Path(dir))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

func TestDirectory(t *testing.T) {
	h := newHost(t)
	owner, group := hosttest.Owner(t)
	d := &resource.Directory{Path: "/srv/app", Mode: 0o750, Owner: owner, Group: group}
	expectState(t, h, d, resource.Absent)
	apply(t, h, d)
	h.Write("/srv/app/content", "stays")
	if err := os.Chmod(h.Path(d.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	apply(t, h, d)
	if got := h.Read("/srv/app/content"); got != "stays" {
		t.Errorf("the folder's content is %q", got)
	}

	h.Write("/srv/file", "")
	d.Path = "/srv/file"
	expectState(t, h, d, "not a directory")
	if err := d.Apply(t.Context(), h.System()); err == nil {
		t.Error("a file was taken for a folder")
	}
}

func TestAbsentPath(t *testing.T) {
	h := newHost(t)
	h.Write("/etc/default-site", "x")
	a := &resource.AbsentPath{Path: "/etc/default-site"}
	expectState(t, h, a, "present")
	apply(t, h, a)
	apply(t, h, a) // again

	h.Write("/etc/folder/precious", "x")
	folder := &resource.AbsentPath{Path: "/etc/folder"}
	if err := folder.Apply(t.Context(), h.System()); err == nil {
		t.Error("a folder was removed")
	}
	if err := os.Remove(h.Path("/etc/folder/precious")); err != nil {
		t.Fatal("the folder's content is gone")
	}
	if err := folder.Apply(t.Context(), h.System()); err == nil {
		t.Error("an empty folder was removed")
	}
}

func TestLink(t *testing.T) {
	h := newHost(t)
	l := &resource.Link{Path: "/srv/app/current", Target: "releases/1"}
	expectState(t, h, l, resource.Absent)
	apply(t, h, l)
	l.Target = "releases/2"
	expectState(t, h, l, "-> releases/1")
	apply(t, h, l)
	// Left over from a run that was cut off.
	if err := os.Symlink("nowhere", h.Path(filepath.Join("/srv/app", "current.scaleup-new"))); err != nil {
		t.Fatal(err)
	}
	l.Target = "releases/3"
	apply(t, h, l)
	expectOnly(t, h, "/srv/app", "current")

	h.Write("/srv/app/file", "x")
	expectState(t, h, &resource.Link{Path: "/srv/app/file", Target: "y"}, "not a link")
}
