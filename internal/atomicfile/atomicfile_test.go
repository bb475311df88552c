package atomicfile

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// names are the files in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestWrite(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // it changes no mode
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, c := range []struct {
		content string
		mode    fs.FileMode
	}{{"first", 0o644}, {"", 0o600}, {"third", 0o640}} {
		if err := Write(path, []byte(c.content), c.mode); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		info, serr := os.Stat(path)
		if err != nil || serr != nil || string(content) != c.content || info.Mode() != c.mode {
			t.Errorf("%q, %v (%v, %v), want %q with %v", content, info.Mode(), err, serr, c.content, c.mode)
		}
	}
	if diff := cmp.Diff([]string{"file"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestWriteReplacesALink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := Write(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	was, err := os.ReadFile(target)
	if info, lerr := os.Lstat(link); err != nil || lerr != nil || string(was) != "another's" || !info.Mode().IsRegular() {
		t.Errorf("the link's target holds %q, the link is %v (%v, %v)", was, info.Mode(), err, lerr)
	}
}

func TestWriteThatFailsLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{taken, filepath.Join(dir, "absent", "file")} {
		if err := Write(path, []byte("x"), 0o600); err == nil || !strings.HasPrefix(err.Error(), "write "+path+": ") {
			t.Errorf("error %v, want one that names %s", err, path)
		}
	}
	if diff := cmp.Diff([]string{"taken"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// Whoever reads while others write finds what one of them wrote, whole.
func TestWritersAndReadersAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	content := func(writer int) []byte { return bytes.Repeat([]byte{byte('a' + writer)}, 64<<10) }
	if err := Write(path, content(0), 0o600); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	done := make(chan struct{})
	for writer := range 3 {
		writers.Go(func() {
			for range 20 {
				if err := Write(path, content(writer), 0o600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { writers.Wait(); close(done) }()
	for {
		got, err := os.ReadFile(path)
		if err != nil || len(got) != 64<<10 || !bytes.Equal(got, content(int(got[0]-'a'))) {
			t.Fatalf("read %d bytes, %v, want one writer's, whole", len(got), err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
