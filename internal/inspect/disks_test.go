package inspect

import (
	"os"
	"syscall"
	"testing"

	"scaleup/internal/resource"
)

func TestDiskOf(t *testing.T) {
	of := syscall.Statfs_t{Frsize: 4096, Bsize: 1 << 20, Blocks: 1000, Bfree: 300, Bavail: 250, Files: 500, Ffree: 40, Flags: readOnly | 0x20}
	want := Disk{Path: "/var/log", Size: 4096000, Free: 1024000, Inodes: 500, InodesFree: 40, ReadOnly: true}
	if got := diskOf("/var/log", of); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	of.Flags = 0x20
	if diskOf("/", of).ReadOnly {
		t.Error("a disk that can be written is told to be read-only")
	}
}

// Folders of one file system are told once, and those that are not there not at all.
func TestDisks(t *testing.T) {
	s := server{resource.System{Root: t.TempDir()}}
	if err := os.MkdirAll(s.path("/var/log"), 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := s.disks()
	if err != nil || len(got) != 1 || got[0].Path != "/" || got[0].Size <= 0 || got[0].Free > got[0].Size || got[0].ReadOnly {
		t.Errorf("%+v, %v; want the disk of /", got, err)
	}
}
