package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// DiskFull fills a file system to its last block and keeps it full. Writes then fail
// with ENOSPC; what is there stays readable.
type DiskFull struct {
	Path string `json:"path"` // a folder on it, such as /var/lib/mysql
}

func (d *DiskFull) String() string { return "disk of " + d.Path + " full" }

// Inject implements Fault. The file would outlive a reboot, so it is journalled.
func (d *DiskFull) Inject(_ context.Context, at Place) error {
	if err := at.ownFileSystem(d.Path); err != nil {
		return err
	}
	if err := at.journal(d, nil); err != nil {
		return err
	}
	return d.fill(at)
}

func (d *DiskFull) fill(at Place) error {
	if err := fill(at.path(d.Path)); err != nil {
		return fmt.Errorf("fill the disk of %s: %w", d.Path, err)
	}
	return nil
}

// keep takes what the service has given back: MySQL deletes logs and temporary
// files while it waits for space.
func (d *DiskFull) keep(_ context.Context, at Place) error {
	free, err := available(at.path(d.Path))
	if err != nil || free == 0 {
		return err
	}
	return d.fill(at)
}

// Bites implements Fault.
func (d *DiskFull) Bites(_ context.Context, at Place) (string, bool, error) {
	free, err := available(at.path(d.Path))
	return fmt.Sprintf("%s: %d bytes available", d.Path, free), err == nil && free == 0, err
}

// Heal implements Fault.
func (d *DiskFull) Heal(_ context.Context, at Place) error {
	if err := checkPath(d.Path); err != nil {
		return err
	}
	if err := remove(d.file(at)); err != nil {
		return fmt.Errorf("free the disk of %s: %w", d.Path, err)
	}
	return at.unjournal()
}

func (d *DiskFull) file(at Place) string { return at.path(filepath.Join(d.Path, fillName)) }

// Healed implements Fault.
func (d *DiskFull) Healed(_ context.Context, at Place) (string, bool, error) {
	if _, err := os.Lstat(d.file(at)); !errors.Is(err, os.ErrNotExist) {
		return d.Path + ": the file that fills it is still there", false, err
	}
	free, err := available(at.path(d.Path))
	return fmt.Sprintf("%s: %d bytes available", d.Path, free), err == nil && free > 0, err
}
