package priority

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSet(t *testing.T) {
	if err := Set(19); err != nil {
		t.Fatal(err)
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		// The system call answers 20 minus the nice value.
		if got, err := unix.Getpriority(unix.PRIO_PROCESS, id); err != nil || got != 1 {
			t.Errorf("thread %d: nice %d (%v), want 19", id, 20-got, err)
		}
	}
}
