package resource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// ID implements Spec.
func (f *File) ID() string { return "file:" + f.Path }

// Want implements Spec.
func (f *File) Want() State {
	return fileState(Digest(f.Content), f.Mode, nameOr(f.Owner), nameOr(f.Group))
}

// Observe implements Spec.
func (f *File) Observe(_ context.Context, sys System) (State, error) {
	info, err := os.Lstat(sys.path(f.Path))
	if absent(err) {
		return Absent, nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", f.Path, err)
	}
	if !info.Mode().IsRegular() {
		return State("a " + info.Mode().Type().String() + ", not a regular file"), nil
	}
	content, err := os.ReadFile(sys.path(f.Path))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", f.Path, err)
	}
	owner, group := owners(info)
	return fileState(Digest(content), info.Mode().Perm(), owner, group), nil
}

// Apply implements Spec: the new file is written beside the old one, checked by
// the program that will read it, and renamed over it.
func (f *File) Apply(ctx context.Context, sys System) error {
	path := sys.path(f.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	fresh := filepath.Join(filepath.Dir(path), ".scaleup-new-"+filepath.Base(path))
	if err := writeSynced(fresh, f.Content, f.Mode); err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	defer os.Remove(fresh)
	if err := chown(sys, fresh, f.Owner, f.Group); err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	if err := f.validate(ctx, sys, fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	return nil
}

// validate lets the real program judge the new file before it replaces the old
// one, so that a mistake never reaches a place from which a restart reads it.
func (f *File) validate(ctx context.Context, sys System, fresh string) error {
	if len(f.Validate) == 0 {
		return nil
	}
	argv := make([]string, len(f.Validate))
	for i, a := range f.Validate {
		if a == "{}" {
			a = fresh
		}
		argv[i] = a
	}
	if _, err := sys.command(ctx, argv...); err != nil {
		return fmt.Errorf("%s refused, the old one stays: %w", f.Path, err)
	}
	return nil
}

// writeSynced writes a file and its data reaches the disk before it is renamed
// into place: a power cut leaves the old file or the new one, never half of it.
func writeSynced(path string, content []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := file.Chmod(mode); err != nil { // the umask, and a left-over file's mode
		return err
	}
	if _, err := file.Write(content); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}

func fileState(digest string, mode fs.FileMode, owner, group string) State {
	return State(fmt.Sprintf("sha256:%s %04o %s:%s", digest, mode.Perm(), owner, group))
}

func nameOr(name string) string {
	if name == "" {
		return "root"
	}
	return name
}

func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// owners names the owner and group of a file; a number where there is no name.
func owners(info fs.FileInfo) (owner, group string) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "?", "?"
	}
	owner, group = strconv.Itoa(int(stat.Uid)), strconv.Itoa(int(stat.Gid))
	if u, err := user.LookupId(owner); err == nil {
		owner = u.Username
	}
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return owner, group
}

// chown gives a path (below Root already) to an owner and group by name. On a
// temporary root, files stay with whoever runs the test.
func chown(sys System, path, owner, group string) error {
	if sys.Root != "/" && os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup(nameOr(owner))
	if err != nil {
		return err
	}
	g, err := user.LookupGroup(nameOr(group))
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(g.Gid)
	if err != nil {
		return err
	}
	return os.Lchown(path, uid, gid)
}
