package fault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownFileSystem refuses a folder on the file system of the server's root: a server
// whose root is full or stands still can neither be reached nor healed.
func (p Place) ownFileSystem(dir string) error {
	if err := checkPath(dir); err != nil {
		return err
	}
	of := func(path string) (uint64, error) {
		info, err := os.Stat(p.path(path))
		if err != nil {
			return 0, fmt.Errorf("find the file system of %s: %w", path, err)
		}
		if !info.IsDir() {
			return 0, fmt.Errorf("find the file system of %s: it is no folder", path)
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return 0, fmt.Errorf("find the file system of %s: this system does not tell", path)
		}
		return stat.Dev, nil
	}
	root, err := of("/")
	if err != nil {
		return err
	}
	own, err := of(dir)
	if err != nil {
		return err
	}
	if own == root {
		return fmt.Errorf("%s is on the same file system as /, which is not touched: give it a disk of its own", dir)
	}
	return nil
}

// available is what the file system of a folder has left for everybody but root, in
// bytes.
func available(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("measure the free space of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// fillName is the file that takes the space. MySQL ignores names that begin with a
// dot.
const fillName = ".scaleup-drill-full"

// fill makes a file that takes all the space its file system has, what is reserved
// for root included. Blocks are allocated, not written, where the file system can.
func fill(dir string) error {
	file, err := os.OpenFile(filepath.Join(dir, fillName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &s); err != nil {
		return err
	}
	for step := int64(1 << 30); step >= int64(s.Bsize); {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		switch err := unix.Fallocate(int(file.Fd()), 0, info.Size(), step); {
		case errors.Is(err, unix.ENOSPC):
			step /= 2 // it may have got a part of it, which the size tells
		case errors.Is(err, unix.EOPNOTSUPP):
			return fillByWriting(file)
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		}
	}
	return nil
}

// fillByWriting is for file systems that cannot allocate without writing.
func fillByWriting(file *os.File) error {
	for piece := make([]byte, 1<<20); len(piece) > 0; {
		if _, err := file.Write(piece); errors.Is(err, unix.ENOSPC) {
			piece = piece[:len(piece)/2]
		} else if err != nil {
			return err
		}
	}
	return file.Sync()
}
