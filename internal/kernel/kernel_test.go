package kernel

import (
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, root, path, content string) {
	t.Helper()
	at := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestModule(t *testing.T) {
	root := t.TempDir()
	write(t, root, "proc/sys/kernel/osrelease", "6.12.1\n")
	write(t, root, "sys/module/bridge/refcnt", "0\n")
	write(t, root, "lib/modules/6.12.1/modules.builtin", "kernel/fs/overlayfs/overlay.ko\n")
	write(t, root, "lib/modules/6.12.1/modules.dep", "kernel/net/nf-tables.ko.xz: kernel/lib/libcrc32c.ko.xz\n")
	for name, want := range map[string]Has{
		"bridge":    Yes, // loaded
		"overlay":   Yes, // built in
		"nf_tables": Yes, // can be loaded; its file has a hyphen
		"libcrc32c": No,  // named only as what another one needs
		"veth":      No,
	} {
		if got := Module(root, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestModuleWithoutLists(t *testing.T) {
	root := t.TempDir()
	if got := Module(root, "veth"); got != Unknown {
		t.Errorf("without a release: %s", got)
	}
	write(t, root, "proc/sys/kernel/osrelease", "6.12.1\n")
	write(t, root, "lib/modules/6.12.1/modules.builtin", "kernel/fs/overlayfs/overlay.ko\n")
	// One list is not there: what the other one lacks may be in it.
	if got := Module(root, "veth"); got != Unknown {
		t.Errorf("with half of the lists: %s", got)
	}
	if got := Module(root, "overlay"); got != Yes {
		t.Errorf("in the list that is there: %s", got)
	}
}

func TestFileSystem(t *testing.T) {
	root := t.TempDir()
	write(t, root, "proc/filesystems", "nodev\tsysfs\nnodev\toverlay\n\text4\n")
	for name, want := range map[string]Has{"overlay": Yes, "ext4": Yes, "nodev": Unknown} {
		if got := FileSystem(root, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
