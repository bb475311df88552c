package resource

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// ID implements Spec.
func (d *Directory) ID() string { return "directory:" + d.Path }

// Want implements Spec.
func (d *Directory) Want() State {
	return State(fmt.Sprintf("directory %04o %s:%s", d.Mode.Perm(), nameOr(d.Owner), nameOr(d.Group)))
}

// Observe implements Spec.
func (d *Directory) Observe(_ context.Context, sys System) (State, error) {
	info, err := os.Stat(sys.path(d.Path))
	if absent(err) {
		return Absent, nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", d.Path, err)
	}
	if !info.IsDir() {
		return "not a directory", nil
	}
	owner, group := owners(info)
	return State(fmt.Sprintf("directory %04o %s:%s", info.Mode().Perm(), owner, group)), nil
}

// Apply implements Spec.
func (d *Directory) Apply(_ context.Context, sys System) error {
	path := sys.path(d.Path)
	if err := os.MkdirAll(path, d.Mode); err != nil {
		return fmt.Errorf("make directory %s: %w", d.Path, err)
	}
	if err := os.Chmod(path, d.Mode); err != nil {
		return fmt.Errorf("make directory %s: %w", d.Path, err)
	}
	if err := chown(sys, path, d.Owner, d.Group); err != nil {
		return fmt.Errorf("make directory %s: %w", d.Path, err)
	}
	return nil
}

// ID implements Spec.
func (a *AbsentPath) ID() string { return "absent:" + a.Path }

// Want implements Spec.
func (a *AbsentPath) Want() State { return Absent }

// Observe implements Spec.
func (a *AbsentPath) Observe(_ context.Context, sys System) (State, error) {
	_, err := os.Lstat(sys.path(a.Path))
	if absent(err) {
		return Absent, nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", a.Path, err)
	}
	return "present", nil
}

// Apply implements Spec.
func (a *AbsentPath) Apply(_ context.Context, sys System) error {
	info, err := os.Lstat(sys.path(a.Path))
	if absent(err) {
		return nil
	}
	if err == nil && info.IsDir() {
		return fmt.Errorf("remove %s: it is a directory, and only files and links are removed", a.Path)
	}
	if err := os.Remove(sys.path(a.Path)); err != nil && !absent(err) {
		return fmt.Errorf("remove %s: %w", a.Path, err)
	}
	return nil
}

// ID implements Spec.
func (l *Link) ID() string { return "link:" + l.Path }

// Want implements Spec.
func (l *Link) Want() State { return State("-> " + l.Target) }

// Observe implements Spec.
func (l *Link) Observe(_ context.Context, sys System) (State, error) {
	target, err := os.Readlink(sys.path(l.Path))
	if absent(err) {
		return Absent, nil
	}
	if err != nil {
		return "not a link", nil
	}
	return State("-> " + target), nil
}

// Apply implements Spec.
func (l *Link) Apply(_ context.Context, sys System) error { return replaceLink(sys, l.Path, l.Target) }

// replaceLink points a link elsewhere in one step, so that no moment is without
// it.
func replaceLink(sys System, link, target string) error {
	path := sys.path(link)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("link %s: %w", link, err)
	}
	fresh := path + ".scaleup-new"
	if err := os.Remove(fresh); err != nil && !absent(err) {
		return fmt.Errorf("link %s: %w", link, err)
	}
	if err := os.Symlink(target, fresh); err != nil {
		return fmt.Errorf("link %s: %w", link, err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("link %s: %w", link, err)
	}
	return nil
}
