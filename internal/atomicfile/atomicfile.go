// Package atomicfile replaces files in one step: whoever reads one, at any moment and
// after a power cut, finds all of the old content or all of the new.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write makes the file at path hold data and have the mode, whatever the umask. It
// belongs to whom this process runs as, and a link at path is replaced, not followed.
// Several may write at once: one of them is the last. When Write returns, content and
// name are on the disk; when it fails, the file is as it was, unless it is the disk that
// fails.
//
// The folder must be there. A process that is killed meanwhile leaves a file .NAME.*
// in it.
func Write(path string, data []byte, mode fs.FileMode) error {
	if err := write(path, data, mode); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func write(path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	fresh, err := os.CreateTemp(dir, "."+filepath.Base(path)+".") // 0600
	if err != nil {
		return err
	}
	_, err = fresh.Write(data)
	if err = errors.Join(err, fresh.Chmod(mode), fresh.Sync(), fresh.Close()); err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh.Name()))
	}
	return SyncDir(dir)
}

// SyncDir makes the names in a folder last, where the file system can do that.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) { // some network file systems cannot
		err = nil
	}
	return errors.Join(err, d.Close())
}
