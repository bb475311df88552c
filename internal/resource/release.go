package resource

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"
)

// incoming is where received releases wait to be applied: on the same file
// system as /srv's usual place, or the rename falls back to nothing and fails.
const incoming = "/srv/.scaleup-incoming"

// ID implements Spec. It leaves the digest out: a new release is a change of
// this resource, not another resource.
func (r *Release) ID() string { return "release:" + filepath.Dir(r.Path) }

// Want implements Spec.
func (r *Release) Want() State { return State("sha256:" + r.Digest) }

// Observe implements Spec. A folder under the digest's name is whole, for it
// came there by a rename after its content was checked.
func (r *Release) Observe(_ context.Context, sys System) (State, error) {
	_, err := os.Stat(sys.path(r.Path))
	if absent(err) {
		return Absent, nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", r.Path, err)
	}
	return r.Want(), nil
}

// Apply implements Spec. The content must have been received before.
func (r *Release) Apply(_ context.Context, sys System) error {
	if _, err := os.Stat(sys.path(r.Path)); err == nil {
		return nil
	}
	staged := sys.path(filepath.Join(incoming, r.Digest))
	if _, err := os.Stat(staged); err != nil {
		return fmt.Errorf("place release %s: its content has not been received: %w", short(r.Digest), err)
	}
	if err := os.MkdirAll(filepath.Dir(sys.path(r.Path)), 0o755); err != nil {
		return fmt.Errorf("place release %s: %w", short(r.Digest), err)
	}
	if err := os.Rename(staged, sys.path(r.Path)); err != nil {
		return fmt.Errorf("place release %s: %w", short(r.Digest), err)
	}
	now := time.Now()
	if err := os.Chtimes(sys.path(r.Path), now, now); err != nil { // prune goes by age
		return err
	}
	return r.prune(sys)
}

// prune removes the oldest releases beyond Keep.
func (r *Release) prune(sys System) error {
	parent := filepath.Dir(sys.path(r.Path))
	entries, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("prune releases: %w", err)
	}
	type old struct {
		path string
		at   time.Time
	}
	var others []old
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("prune releases: %w", err)
		}
		if e.IsDir() && e.Name() != filepath.Base(r.Path) {
			others = append(others, old{filepath.Join(parent, e.Name()), info.ModTime()})
		}
	}
	sort.Slice(others, func(i, j int) bool { return others[i].at.After(others[j].at) })
	for i := r.Keep; i < len(others); i++ {
		if err := os.RemoveAll(others[i].path); err != nil {
			return fmt.Errorf("prune releases: %w", err)
		}
	}
	return nil
}

func short(digest string) string { return digest[:min(12, len(digest))] }

// treeFile is one file of a release: what the digest is made of.
type treeFile struct {
	path string // slash-separated, relative
	mode fs.FileMode
	link string // target of a symbolic link
}

// TreeDigest is the hex sha256 over a folder's files: path, mode (executable or
// not), link target, modification time in seconds and content, in order of path.
// The time counts because Nginx makes ETags of it.
func TreeDigest(dir string) (string, error) {
	files, err := listTree(dir)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, f := range files {
		info, err := os.Lstat(filepath.Join(dir, f.path))
		if err != nil {
			return "", err
		}
		modified := info.ModTime().Unix()
		if f.link != "" {
			modified = 0 // cannot be set portably on a link
		}
		fmt.Fprintf(sum, "%s\x00%o\x00%s\x00%d\x00", f.path, f.mode, f.link, modified)
		if f.link == "" {
			if err := hashFile(sum, filepath.Join(dir, f.path)); err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func hashFile(w io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	inner := sha256.New()
	if _, err := io.Copy(inner, file); err != nil {
		return err
	}
	_, err = w.Write(inner.Sum(nil))
	return err
}

func listTree(dir string) ([]treeFile, error) {
	var files []treeFile
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f := treeFile{path: filepath.ToSlash(rel), mode: 0o644}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			if f.link, err = os.Readlink(path); err != nil {
				return err
			}
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a link", path)
		case info.Mode()&0o111 != 0:
			f.mode = 0o755
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

// Pack writes a folder as a tar stream that Receive understands.
func Pack(w io.Writer, dir string) error {
	files, err := listTree(dir)
	if err != nil {
		return fmt.Errorf("pack %s: %w", dir, err)
	}
	archive := tar.NewWriter(w)
	for _, f := range files {
		if err := packFile(archive, dir, f); err != nil {
			return fmt.Errorf("pack %s: %w", filepath.Join(dir, f.path), err)
		}
	}
	return archive.Close()
}

func packFile(archive *tar.Writer, dir string, f treeFile) error {
	path := filepath.Join(dir, f.path)
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if f.link != "" {
		return archive.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: f.path, Linkname: f.link})
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: f.path, Mode: int64(f.mode), Size: info.Size(), ModTime: info.ModTime().Truncate(time.Second)}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(archive, file)
	return err
}

// Receive unpacks a release's content where Apply will find it, and checks it
// against its digest.
func Receive(sys System, digest string, r io.Reader) error {
	staged := sys.path(filepath.Join(incoming, digest))
	if err := os.RemoveAll(staged); err != nil {
		return fmt.Errorf("receive release: %w", err)
	}
	if err := unpack(staged+".partial", r); err != nil {
		return fmt.Errorf("receive release %s: %w", short(digest), err)
	}
	got, err := TreeDigest(staged + ".partial")
	if err != nil {
		return fmt.Errorf("receive release %s: %w", short(digest), err)
	}
	if got != digest {
		return fmt.Errorf("receive release %s: what arrived is %s; the folder changed while it was sent; run the command again", short(digest), short(got))
	}
	return os.Rename(staged+".partial", staged)
}

func unpack(dir string, r io.Reader) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	// Through an os.Root, no name and no link in the archive leads out of the folder.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(header.Name) || header.Typeflag == tar.TypeSymlink && !staysInside(header.Name, header.Linkname) {
			return fmt.Errorf("%q leads out of the release", header.Name)
		}
		if err := unpackFile(root, header, archive); err != nil {
			return err
		}
	}
}

// staysInside reports whether a link points at something of its own release.
func staysInside(name, target string) bool {
	return !filepath.IsAbs(target) && filepath.IsLocal(filepath.Join(filepath.Dir(name), target))
}

func unpackFile(root *os.Root, header *tar.Header, content io.Reader) error {
	path := header.Name
	if err := root.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if header.Typeflag == tar.TypeSymlink {
		return root.Symlink(header.Linkname, path)
	}
	file, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(header.Mode).Perm())
	if err != nil {
		return err
	}
	defer file.Close()
	if err := file.Chmod(fs.FileMode(header.Mode).Perm()); err != nil {
		return err
	}
	if _, err := io.Copy(file, content); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return root.Chtimes(path, header.ModTime, header.ModTime)
}
