package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// DiskStall makes a file system stand still: writes wait, and with them whoever
// wrote, until it is healed. Nothing fails and nothing is lost. A reboot ends it.
type DiskStall struct {
	Path string `json:"path"` // a folder on it, such as /var/lib/mysql
}

// Requests of ioctl_fs(2) (linux/fs.h: _IOWR('X', 119, int) and 120).
const (
	fiFreeze = 0xc0045877
	fiThaw   = 0xc0045878
)

const (
	frozenName = "frozen"               // the state that says that the freeze is this fault's
	probeName  = ".scaleup-drill-probe" // the file that is written to see that writing works again
	probeLimit = time.Second
)

func (d *DiskStall) String() string { return "disk of " + d.Path + " stalled" }

// Inject implements Fault. It refuses a file system that somebody else has frozen,
// a backup perhaps, since healing would thaw it.
func (d *DiskStall) Inject(_ context.Context, at Place) error {
	if err := at.ownFileSystem(d.Path); err != nil {
		return err
	}
	ours, err := at.recall(frozenName, new(bool))
	if err != nil {
		return err
	}
	if err := at.remember(frozenName, true); err != nil {
		return err
	}
	err = fsIoctl(at.path(d.Path), fiFreeze)
	switch {
	case err == nil || ours && errors.Is(err, unix.EBUSY):
		return nil
	case ours:
		return fmt.Errorf("freeze the file system of %s: %w", d.Path, err)
	default: // it is as it was, so there is nothing to thaw
		return errors.Join(fmt.Errorf("freeze the file system of %s: %w", d.Path, err), at.forget(frozenName))
	}
}

// fsIoctl sends a request without argument to the file system of a folder.
func fsIoctl(dir string, request uint) error {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.IoctlSetInt(fd, request, 0)
}

// Bites implements Fault: freezing what is frozen is refused. There is no other way
// to ask that does not hang. If it is not refused, it is undone at once; it is only
// tried while the fault is held, so that its end thaws what this process could not.
func (d *DiskStall) Bites(_ context.Context, at Place) (string, bool, error) {
	if ours, err := at.recall(frozenName, new(bool)); err != nil || !ours {
		return d.Path + ": not frozen", false, err
	}
	err := fsIoctl(at.path(d.Path), fiFreeze)
	if errors.Is(err, unix.EBUSY) {
		return d.Path + ": its file system is frozen", true, nil
	}
	if err == nil {
		err = fsIoctl(at.path(d.Path), fiThaw)
	}
	if err != nil {
		return "", false, fmt.Errorf("ask whether %s is frozen: %w", d.Path, err)
	}
	return d.Path + ": its file system was not frozen", false, nil
}

// Heal implements Fault. Thawing what is not frozen says EINVAL.
func (d *DiskStall) Heal(_ context.Context, at Place) error {
	ours, err := at.recall(frozenName, new(bool))
	if err != nil || !ours {
		return err
	}
	if err := fsIoctl(at.path(d.Path), fiThaw); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("thaw the file system of %s: %w", d.Path, err)
	}
	return at.forget(frozenName)
}

// Healed implements Fault. While the fault is held nothing is written: the write
// would hang, and this process with it.
func (d *DiskStall) Healed(ctx context.Context, at Place) (string, bool, error) {
	if ours, err := at.recall(frozenName, new(bool)); err != nil || ours {
		return d.Path + ": not thawed yet", false, err
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	began := time.Now()
	written := make(chan error, 1)
	go func() { written <- probe(at.path(d.Path)) }()
	select {
	case err := <-written:
		if err != nil {
			return "", false, fmt.Errorf("write to the disk of %s: %w", d.Path, err)
		}
		return fmt.Sprintf("%s: a write took %s", d.Path, time.Since(began).Round(time.Millisecond)), true, nil
	case <-ctx.Done():
		return fmt.Sprintf("%s: a write hangs", d.Path), false, nil
	}
}

// probe writes a little to the disk and takes it back.
func probe(dir string) error {
	path := filepath.Join(dir, probeName)
	return errors.Join(writeFile(path, []byte("x"), 0o600), os.Remove(path))
}
