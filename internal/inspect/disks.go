package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// growing are the folders that fill up.
var growing = []string{"/", "/var/log", "/var/lib/mysql"}

// disks are the file systems of the folders that grow, each once.
func (s server) disks() ([]Disk, error) {
	var found []Disk
	seen := map[uint64]bool{}
	for _, folder := range growing {
		var stat syscall.Stat_t
		err := syscall.Stat(s.path(folder), &stat)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return found, fmt.Errorf("look at %s: %w", folder, err)
		}
		if seen[stat.Dev] {
			continue
		}
		seen[stat.Dev] = true
		var of syscall.Statfs_t
		if err := syscall.Statfs(s.path(folder), &of); err != nil {
			return found, fmt.Errorf("read the disk of %s: %w", folder, err)
		}
		found = append(found, diskOf(folder, of))
	}
	return found, nil
}

// readOnly is ST_RDONLY of statfs(2).
const readOnly = 1

func diskOf(folder string, of syscall.Statfs_t) Disk {
	block := uint64(of.Frsize)
	return Disk{
		Path: folder, Size: int64(of.Blocks * block), Free: int64(of.Bavail * block),
		Inodes: int64(of.Files), InodesFree: int64(of.Ffree), ReadOnly: of.Flags&readOnly != 0,
	}
}
