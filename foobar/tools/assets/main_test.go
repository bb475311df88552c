package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.ModTime().Equal(builtAt) {
			t.Errorf("%s: got modification time %v, want %v", name, info.ModTime(), builtAt)
		}
		if d.IsDir() {
			return nil
		}
		body, err := os.ReadFile(name)
		got[strings.TrimPrefix(name, root)] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWrite(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "static"), filepath.Join(t.TempDir(), "static")
	for _, out := range []string{one, two, two} { // the second folder is replaced once
		if err := write(out); err != nil {
			t.Fatal(err)
		}
	}
	files := tree(t, one)
	if diff := cmp.Diff(files, tree(t, two)); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}

	var manifest map[string]string
	if err := json.Unmarshal([]byte(files["/manifest.json"]), &manifest); err != nil {
		t.Fatal(err)
	}
	for name, path := range manifest {
		body, ok := files[path]
		if !ok {
			t.Errorf("%s: %s is in the manifest and not in the folder", name, path)
		}
		packed, ok := files[path+".gz"]
		if want := strings.HasSuffix(name, ".css") || strings.HasSuffix(name, ".svg") || strings.HasSuffix(name, ".html"); ok != want {
			t.Errorf("%s: got a compressed copy: %v, want %v", name, ok, want)
		}
		if ok && gunzip(t, packed) != body {
			t.Errorf("%s: the compressed copy differs", name)
		}
	}
}

func gunzip(t *testing.T, packed string) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader([]byte(packed)))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestWriteRefusesAForeignFolder(t *testing.T) {
	out := t.TempDir()
	precious := filepath.Join(out, "thesis.txt")
	if err := os.WriteFile(precious, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write(out); err == nil {
		t.Error("got no error")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}
