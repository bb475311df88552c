package resource_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

var built = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// tree makes a small release folder.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for path, mode := range map[string]os.FileMode{"foobar": 0o755, "static/app.css": 0o644} {
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte("content of "+path), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(full, built, built); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("static/app.css", filepath.Join(dir, "latest.css")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func digest(t *testing.T, dir string) string {
	t.Helper()
	d, err := resource.TreeDigest(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTreeDigest(t *testing.T) {
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	same := digest(t, tree(t))
	for _, c := range []struct {
		name   string
		change func(dir string)
		equal  bool
	}{
		{"nothing", func(string) {}, true},
		{"mode beyond the executable bit", func(d string) { must(os.Chmod(filepath.Join(d, "foobar"), 0o700)) }, true},
		{"part of a second", func(d string) {
			at := built.Add(time.Millisecond)
			must(os.Chtimes(filepath.Join(d, "foobar"), at, at))
		}, true},
		{"content", func(d string) {
			must(os.WriteFile(filepath.Join(d, "foobar"), []byte("other"), 0o755))
			must(os.Chtimes(filepath.Join(d, "foobar"), built, built))
		}, false},
		{"executable bit", func(d string) { must(os.Chmod(filepath.Join(d, "foobar"), 0o644)) }, false},
		{"time", func(d string) {
			at := built.Add(time.Second)
			must(os.Chtimes(filepath.Join(d, "foobar"), at, at))
		}, false},
		{"name", func(d string) { must(os.Rename(filepath.Join(d, "foobar"), filepath.Join(d, "foobaz"))) }, false},
		{"link", func(d string) {
			must(os.Remove(filepath.Join(d, "latest.css")))
			must(os.Symlink("static/old.css", filepath.Join(d, "latest.css")))
		}, false},
		{"link made a file", func(d string) {
			must(os.Remove(filepath.Join(d, "latest.css")))
			must(os.WriteFile(filepath.Join(d, "latest.css"), []byte("static/app.css"), 0o644))
		}, false},
	} {
		dir := tree(t)
		c.change(dir)
		if equal := digest(t, dir) == same; equal != c.equal {
			t.Errorf("%s changed: the digest stays the same: %t, want %t", c.name, equal, c.equal)
		}
	}
}

// release packs a folder and has the server receive it.
func release(t *testing.T, h *hosttest.Host, dir string) *resource.Release {
	t.Helper()
	r := &resource.Release{Digest: digest(t, dir), Keep: 2}
	r.Path = "/srv/app/releases/" + r.Digest
	var archive bytes.Buffer
	if err := resource.Pack(&archive, dir); err != nil {
		t.Fatal(err)
	}
	if err := resource.Receive(h.System(), r.Digest, &archive); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRelease(t *testing.T) {
	h := newHost(t)
	r := release(t, h, tree(t))
	expectState(t, h, r, resource.Absent)
	apply(t, h, r)
	apply(t, h, r) // again
	if got := digest(t, h.Path(r.Path)); got != r.Digest {
		t.Errorf("what was placed has digest %s, want %s", got, r.Digest)
	}
	info, err := os.Stat(h.Path(r.Path + "/foobar"))
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().Equal(built) || info.Mode() != 0o755 {
		t.Errorf("foobar is %s of %s, want -rwxr-xr-x of %s", info.Mode(), info.ModTime(), built)
	}
	expectOnly(t, h, "/srv/.scaleup-incoming")
}

func TestReleaseThatWasNotReceived(t *testing.T) {
	r := &resource.Release{Path: "/srv/app/releases/d", Digest: "d"}
	if err := r.Apply(t.Context(), newHost(t).System()); err == nil {
		t.Error("a release without content was placed")
	}
}

func TestReleasePrunes(t *testing.T) {
	h := newHost(t)
	for i, name := range []string{"oldest", "older", "old"} {
		h.Write("/srv/app/releases/"+name+"/foobar", "x")
		at := built.Add(time.Duration(i) * time.Hour)
		if err := os.Chtimes(h.Path("/srv/app/releases/"+name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	r := release(t, h, tree(t))
	apply(t, h, r)
	for name, want := range map[string]bool{"oldest": false, "older": true, "old": true, r.Digest: true} {
		if kept := h.Read("/srv/app/releases/"+name+"/foobar") != ""; kept != want {
			t.Errorf("release %s is kept: %t, want %t", name, kept, want)
		}
	}
}

func TestReceiveRefuses(t *testing.T) {
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: 4, ModTime: built}
	}
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	for name, headers := range map[string][]tar.Header{
		"a name that leads out":         {file("../../escaped")},
		"an absolute name":              {file("/escaped")},
		"a link that leads out":         {link("x", "../.."), file("x/escaped")},
		"an absolute link":              {link("x", "/tmp")},
		"links that lead out together":  {file("a/b/f"), link("a/b/up", "../.."), link("a/out", "b/up/.."), file("a/out/escaped")},
		"another content than promised": {file("foobar")},
	} {
		h := newHost(t)
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for _, header := range headers {
			if err := w.WriteHeader(&header); err != nil {
				t.Fatal(err)
			}
			if header.Size > 0 {
				if _, err := w.Write([]byte("evil")); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r := &resource.Release{Path: "/srv/app/releases/d", Digest: "d"}
		if err := resource.Receive(h.System(), r.Digest, &archive); err == nil {
			t.Errorf("%s: received", name)
		}
		if err := r.Apply(t.Context(), h.System()); err == nil {
			t.Errorf("%s: placed", name)
		}
		for _, escaped := range []string{"/escaped", "/srv/escaped", "/srv/.scaleup-incoming/escaped"} {
			if h.Read(escaped) != "" {
				t.Errorf("%s: wrote %s", name, escaped)
			}
		}
	}
}

func TestReceiveHalf(t *testing.T) {
	h := newHost(t)
	dir := tree(t)
	var archive bytes.Buffer
	if err := resource.Pack(&archive, dir); err != nil {
		t.Fatal(err)
	}
	half := strings.NewReader(archive.String()[:archive.Len()/2])
	if err := resource.Receive(h.System(), digest(t, dir), half); err == nil {
		t.Error("half of a release was received")
	}
	apply(t, h, release(t, h, dir)) // the next run finishes the job
}

func TestPackRefusesWhatIsNoFile(t *testing.T) {
	if err := resource.Pack(&bytes.Buffer{}, filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a folder that is not there was packed")
	}
}
