package priority

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFavour(t *testing.T) {
	if os.Getenv("PRIORITY_CHILD") == "" {
		alone(t, "TestFavour")
		return
	}
	if err := Favour(t.Context(), -5); errors.Is(err, unix.EPERM) {
		t.Skip("no priority is to be had here: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	for _, id := range threads(t) {
		attr, err := unix.SchedGetAttr(id, 0)
		if err != nil {
			t.Fatal(err)
		}
		if attr.Nice != -5 {
			t.Errorf("thread %d: nice %d, want -5", id, attr.Nice)
		}
	}
	// The child says what it is itself: field 19 of its own stat is the nice value.
	out, err := exec.Command("cat", "/proc/self/stat").Output()
	if err != nil {
		t.Fatal(err)
	}
	if f := strings.Fields(string(out)); len(f) < 19 || f[18] != "0" {
		t.Errorf("a child is not an ordinary process: %s", out)
	}
}

func TestSet(t *testing.T) {
	if os.Getenv("PRIORITY_CHILD") == "" {
		alone(t, "TestSet")
		return
	}
	if err := Set(19); err != nil {
		t.Fatal(err)
	}
	for _, id := range threads(t) {
		// The system call answers 20 minus the nice value.
		if got, err := unix.Getpriority(unix.PRIO_PROCESS, id); err != nil || got != 1 {
			t.Errorf("thread %d: nice %d (%v), want 19", id, 20-got, err)
		}
	}
}

// alone runs a test in a process of its own, since it changes its process.
func alone(t *testing.T, name string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^"+name+"$", "-test.v")
	cmd.Env = append(os.Environ(), "PRIORITY_CHILD=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skipf("%s", out)
	}
}

func threads(t *testing.T) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}
