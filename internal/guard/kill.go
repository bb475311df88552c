package guard

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// serverProcess is the kernel's name of mysqld.
const serverProcess = "mysqld"

// Kill finds mysqld by its name: neither MySQL nor systemd needs to answer for that.
// Where there is more than one, none is killed.
func (d *localMySQL) Kill() error { return killByName("/proc", serverProcess) }

func killByName(proc, name string) error {
	entries, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "comm"))
	if err != nil {
		return err
	}
	var found []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(entry)))
		if err == nil && processName(proc, pid) == name {
			found = append(found, pid)
		}
	}
	if len(found) != 1 {
		return fmt.Errorf("kill %s: there are %d processes of that name", name, len(found))
	}
	// Once it is open, it stands for this process and no later one with its number.
	fd, err := unix.PidfdOpen(found[0], 0)
	if err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	defer unix.Close(fd)
	if processName(proc, found[0]) != name {
		return errors.New("kill " + name + ": it has ended by itself")
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	return nil
}

// processName is "" for a process that has ended.
func processName(proc string, pid int) string {
	name, err := os.ReadFile(filepath.Join(proc, strconv.Itoa(pid), "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}
