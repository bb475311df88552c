// Command assets writes the folder that the web servers serve: every static file under its fingerprinted name, a gzip copy
// beside those that shrink, and manifest.json, which maps names to paths. The same sources give the same bytes and the same
// modification times, so that two web servers send the same ETag.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"scaleup/foobar/assets"
)

const manifestName = "manifest.json"

// builtAt is the modification time of everything written.
var builtAt = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func main() {
	out := flag.String("out", "", "the `folder` to write; replaced as a whole if it was written before")
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: assets -out FOLDER")
		os.Exit(64)
	}
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
}

// write builds the folder beside out and puts it in its place.
func write(out string) error {
	if err := mayReplace(out); err != nil {
		return err
	}
	content, err := contents()
	if err != nil {
		return err
	}
	fresh := filepath.Clean(out) + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear an earlier try: %w", err)
	}
	if err := writeTree(fresh, content); err != nil {
		return fmt.Errorf("write %s: %w", fresh, err)
	}
	if err := os.RemoveAll(out); err != nil {
		return fmt.Errorf("remove the former %s: %w", out, err)
	}
	if err := os.Rename(fresh, out); err != nil {
		return fmt.Errorf("put %s in place: %w", out, err)
	}
	return nil
}

// mayReplace refuses to remove a folder that this command did not write.
func mayReplace(out string) error {
	entries, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into %s: %w", out, err)
	}
	if _, err := os.Stat(filepath.Join(out, manifestName)); err != nil {
		return fmt.Errorf("%s is not empty and has no %s: refusing to replace it; choose another folder", out, manifestName)
	}
	return nil
}

// contents is every file to write, by its path in the folder.
func contents() (map[string][]byte, error) {
	set, err := assets.Load()
	if err != nil {
		return nil, err
	}
	content := map[string][]byte{}
	paths := map[string]string{}
	for _, f := range set.Files() {
		paths[f.Name] = f.Path
		content[f.Path] = f.Body
		if !f.Compress {
			continue
		}
		packed, err := compress(f.Body)
		if err != nil {
			return nil, fmt.Errorf("compress %s: %w", f.Name, err)
		}
		if len(packed) < len(f.Body) {
			content[f.Path+".gz"] = packed
		}
	}
	manifest, err := json.MarshalIndent(paths, "", "  ") // keys come sorted
	if err != nil {
		return nil, fmt.Errorf("write the manifest: %w", err)
	}
	content[manifestName] = append(manifest, '\n')
	return content, nil
}

// compress is gzip without name or time in its header.
func compress(body []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// writeTree writes the files with modes that do not depend on the umask, and dates everything, folders last.
func writeTree(root string, content map[string][]byte) error {
	folders := map[string]bool{root: true}
	for name, body := range content {
		file := filepath.Join(root, filepath.FromSlash(name))
		folder := filepath.Dir(file)
		folders[folder] = true
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, body, 0o644); err != nil {
			return err
		}
		if err := date(file, 0o644); err != nil {
			return err
		}
	}
	for folder := range folders {
		if err := date(folder, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func date(name string, mode fs.FileMode) error {
	if err := os.Chmod(name, mode); err != nil {
		return err
	}
	return os.Chtimes(name, builtAt, builtAt)
}
