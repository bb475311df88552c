package fault

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scaleup/internal/resource"
)

// newDisk is a server whose /data is a real file system, in a file of 16 MB.
func newDisk(t *testing.T) Place {
	t.Helper()
	if testing.Short() {
		t.Skip("makes a file system")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: it mounts a file system")
	}
	image, root := filepath.Join(t.TempDir(), "disk"), t.TempDir()
	data := filepath.Join(root, "data")
	must(t, os.Mkdir(data, 0o755))
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, 16<<20))
	for _, argv := range [][]string{{"mkfs.ext4", "-q", "-F", image}, {"mount", "-o", "loop", image, data}} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("needs a loop device with ext4: %v: %s", err, out)
		}
	}
	t.Cleanup(func() {
		// Thawed first, whatever the test has left: a frozen one cannot be unmounted.
		if err := fsIoctl(data, fiThaw); err != nil && !errors.Is(err, unix.EINVAL) {
			t.Errorf("thaw: %v", err)
		}
		if out, err := exec.Command("umount", data).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return Place{System: resource.System{Root: root}, ID: "one", Lease: time.Minute}
}

func TestDiskFull(t *testing.T) {
	at := newDisk(t)
	f := &DiskFull{Path: "/data"}
	file := at.path("/data/ibdata1")
	must(t, os.WriteFile(at.path("/data/binlog.000001"), make([]byte, 1<<20), 0o600))
	expect(t, "bites before", false, f.Bites, at)
	must(t, f.Heal(t.Context(), at))
	for range 2 {
		must(t, f.Inject(t.Context(), at))
		expect(t, "bites", true, f.Bites, at)
	}
	if err := os.WriteFile(file, make([]byte, 4096), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("a write to the full disk: got %v, want ENOSPC", err)
	}
	// The service gives space back, and does not get it.
	must(t, os.Remove(at.path("/data/binlog.000001")))
	must(t, f.keep(t.Context(), at))
	expect(t, "bites still", true, f.Bites, at)
	if _, err := os.Stat(at.journalFile()); err != nil {
		t.Errorf("the journal does not know of it: %v", err)
	}
	for range 2 {
		must(t, f.Heal(t.Context(), at))
		expect(t, "healed", true, f.Healed, at)
	}
	must(t, os.WriteFile(file, make([]byte, 1<<20), 0o600))
	if _, err := os.Stat(at.journalFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the journal still knows of it: %v", err)
	}
}

func TestFillByWriting(t *testing.T) {
	at := newDisk(t)
	file, err := os.OpenFile(at.path("/data/"+fillName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	must(t, err)
	defer file.Close()
	must(t, fillByWriting(file))
	if free, err := available(at.path("/data")); err != nil || free != 0 {
		t.Errorf("%d bytes are available, %v", free, err)
	}
}

func TestDiskStall(t *testing.T) {
	at := newDisk(t)
	f := &DiskStall{Path: "/data"}
	must(t, f.Heal(t.Context(), at))
	expect(t, "bites before", false, f.Bites, at)
	expect(t, "healed before", true, f.Healed, at)
	for range 2 {
		must(t, f.Inject(t.Context(), at))
		expect(t, "bites", true, f.Bites, at)
	}
	expect(t, "healed", false, f.Healed, at)
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(at.path("/data/ibdata1"), []byte("x"), 0o600) }()
	select {
	case err := <-written:
		t.Errorf("a write to the stalled disk came back: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	for range 2 {
		must(t, f.Heal(t.Context(), at))
		expect(t, "healed", true, f.Healed, at)
	}
	must(t, <-written)
	expect(t, "bites after", false, f.Bites, at)
}

// Bites asks by freezing. If the disk was not frozen, it must not be afterwards.
func TestAskingDoesNotStall(t *testing.T) {
	at := newDisk(t)
	f := &DiskStall{Path: "/data"}
	must(t, at.remember(frozenName, true))
	expect(t, "bites", false, f.Bites, at)
	must(t, os.WriteFile(at.path("/data/ibdata1"), []byte("x"), 0o600))
}

// A backup has frozen it. It is not the fault's to thaw.
func TestDiskStallLeavesOthersAlone(t *testing.T) {
	at := newDisk(t)
	f := &DiskStall{Path: "/data"}
	must(t, fsIoctl(at.path("/data"), fiFreeze))
	if err := f.Inject(t.Context(), at); !errors.Is(err, unix.EBUSY) {
		t.Errorf("inject: got %v, want EBUSY", err)
	}
	must(t, f.Heal(t.Context(), at))
	if err := fsIoctl(at.path("/data"), fiFreeze); !errors.Is(err, unix.EBUSY) {
		t.Errorf("healing has thawed it: %v", err)
	}
}

func TestDiskOfTheRootIsRefused(t *testing.T) {
	at := Place{System: resource.System{Root: t.TempDir()}, ID: "one", Lease: time.Minute}
	must(t, os.Mkdir(at.path("/data"), 0o755))
	must(t, os.WriteFile(at.path("/file"), nil, 0o600))
	for _, path := range []string{"/data", "/", "/file", "/absent", "data", "/data/../data"} {
		for _, f := range []Fault{&DiskFull{Path: path}, &DiskStall{Path: path}} {
			if err := f.Inject(t.Context(), at); err == nil {
				t.Errorf("%s was injected", f)
			}
			if _, err := os.Stat(at.journalFile()); err == nil {
				t.Errorf("%s was journalled", f)
			}
		}
	}
}
