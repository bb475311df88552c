package guard

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// sleeper is a process with a name of its own.
func sleeper(t *testing.T, dir, name string) *exec.Cmd {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(sleep)
	if err == nil {
		err = os.WriteFile(path, data, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

func TestKillByName(t *testing.T) {
	dir := t.TempDir()
	const name = "guardkilltest"
	if err := killByName("/proc", name); err == nil || !strings.Contains(err.Error(), "0 processes") {
		t.Errorf("nobody there: %v", err)
	}
	one := sleeper(t, dir, name)
	other := sleeper(t, t.TempDir(), name)
	if err := killByName("/proc", name); err == nil || !strings.Contains(err.Error(), "2 processes") {
		t.Errorf("two of them: %v", err)
	}
	other.Process.Kill()
	other.Wait()
	if err := killByName("/proc", name); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := one.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it ended with %v, want SIGKILL", err)
	}
}
