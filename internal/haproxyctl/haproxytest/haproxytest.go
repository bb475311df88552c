// Package haproxytest is for tests that run a real HAProxy. Only tests import it.
package haproxytest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// AwaitMaster waits until the master process can be told to reload. It ignores the
// signal in its first moments, when its worker answers already (seen with 2.6).
func AwaitMaster(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		_, caught, _ := strings.Cut(string(status), "SigCgt:")
		caught, _, _ = strings.Cut(caught, "\n")
		mask, err := strconv.ParseUint(strings.TrimSpace(caught), 16, 64)
		if err != nil {
			t.Fatalf("the signals that process %d catches: %v", pid, err)
		}
		if mask&(1<<(syscall.SIGUSR2-1)) != 0 {
			return
		}
	}
	t.Fatalf("process %d takes no signal to reload", pid)
}
