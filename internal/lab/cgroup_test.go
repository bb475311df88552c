package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCgroupMounts(t *testing.T) {
	for name, c := range map[string]struct {
		mounts  string
		unified string
		legacy  []string
	}{
		"unified": {
			mounts:  "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n",
			unified: "/sys/fs/cgroup",
		},
		"hybrid": {
			mounts: "tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0\n" +
				"cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n" +
				"cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n" +
				"cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n" +
				"cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n" +
				"cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n",
			unified: "/sys/fs/cgroup/unified",
			legacy:  []string{"/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/systemd"},
		},
		"none": {mounts: "cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			unified, legacy := parseCgroupMounts(c.mounts)
			if unified != c.unified {
				t.Errorf("v2 tree: got %q, want %q", unified, c.unified)
			}
			if diff := cmp.Diff(c.legacy, legacy); diff != "" {
				t.Errorf("v1 trees (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEvent(t *testing.T) {
	const events = "populated 1\nfrozen 0\n"
	for key, want := range map[string]bool{"populated": true, "frozen": false, "other": false} {
		if got := parseEvent(events, key); got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
}

func TestInnermostPID(t *testing.T) {
	for status, want := range map[string]int{
		"Name:\tsystemd\nNSpid:\t3141\t1\n": 1,
		"Name:\tsshd\nNSpid:\t3150\t42\n":   42,
		"Name:\tinit\nNSpid:\t1\n":          0, // this computer's own first process is no machine's
		"Name:\tx\n":                        0,
	} {
		if got := innermostPID(status); got != want {
			t.Errorf("%q: got %d, want %d", status, got, want)
		}
	}
}

// A group's files cannot be removed one by one, its sub-groups can; a plain
// folder is close enough when it has no files.
func TestRemoveTree(t *testing.T) {
	root := filepath.Join(t.TempDir(), "machine")
	if err := os.MkdirAll(filepath.Join(root, "payload/system.slice/ssh.service"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is gone already
		if err := removeTree(root); err != nil {
			t.Fatal(err)
		}
	}
	if exists(root) {
		t.Error("the group is still there")
	}
}
