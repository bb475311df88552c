package lab

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckKernel(t *testing.T) {
	root := t.TempDir()
	for path, content := range map[string]string{
		"proc/sys/kernel/osrelease":          "6.12.1\n",
		"proc/filesystems":                   "nodev\toverlay\n\text4\n",
		"lib/modules/6.12.1/modules.builtin": "kernel/drivers/block/loop.ko\n",
		"lib/modules/6.12.1/modules.dep":     "kernel/net/bridge/bridge.ko:\nkernel/net/netfilter/nf_tables.ko:\n",
	} {
		at := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := checkKernel(root)
	if err == nil || !strings.HasSuffix(err.Error(), "made with: veth") {
		t.Errorf("a kernel without veth: %v", err)
	}
	if err := checkKernel(t.TempDir()); err != nil {
		t.Errorf("a kernel that does not tell: %v", err)
	}
}

// Whatever else is wrong here, a folder that cannot be mounted is named, and so is all
// that was looked at.
func TestExamine(t *testing.T) {
	l := &Lab{dir: filepath.Join(t.TempDir(), "a b"), name: "examined", subnet: netip.MustParsePrefix("192.0.2.0/24")}
	var ids []string
	for _, r := range l.Examine(nil, nil) {
		ids = append(ids, r.ID)
		if r.ID == "folder" && (r.Err == nil || !strings.Contains(r.Err.Error(), "a b")) {
			t.Errorf("folder with a blank: %v", r.Err)
		}
		if r.ID == "disk" && r.Err != nil {
			t.Errorf("no machines need no room: %v", r.Err)
		}
	}
	if diff := cmp.Diff([]string{"architecture", "root", "folder", "tools", "kernel", "bridge", "subnet", "disk"}, ids); diff != "" {
		t.Error(diff)
	}
}
