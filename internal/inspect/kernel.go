package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"scaleup/internal/facts"
)

// isContainer reports whether the server shares its host's kernel and clock. systemd
// leaves the file in each container it starts in.
func (s server) isContainer() (bool, error) {
	_, err := os.Stat(s.path("/run/systemd/container"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// synced asks the kernel, which is what timedatectl does, too: it takes a system call
// instead of two programs.
func (s server) synced() (string, error) {
	if container, err := s.isContainer(); container || err != nil {
		return "", err
	}
	var clock syscall.Timex // with Modes 0 it is read only
	if _, err := syscall.Adjtimex(&clock); err != nil {
		return "", fmt.Errorf("ask the kernel for its clock: %w", err)
	}
	return syncedBy(int64(clock.Maxerror)), nil
}

// maxError is the error, in microseconds, that the kernel's clock is said to have when
// nobody corrects it (NTP_PHASE_LIMIT in linux/timex.h).
const maxError = 16_000_000

func syncedBy(errorNow int64) string {
	if errorNow < maxError {
		return "yes"
	}
	return "no"
}

func (s server) release() (string, error) { return s.text("/proc/sys/kernel/osrelease") }

// host names the running kernel. Its own name would do, but systemd-nspawn puts another
// one over it in each container. The second in which a kernel started together with the
// memory it found is as good as a name among the few hosts of a site's containers.
func (s server) host() (string, error) {
	container, err := s.isContainer()
	if err != nil {
		return "", err
	}
	if !container {
		return s.text("/proc/sys/kernel/random/boot_id")
	}
	stat, err := s.text("/proc/stat")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(stat) {
		if began, ok := strings.CutPrefix(line, "btime "); ok {
			memory, err := s.memory()
			return fmt.Sprintf("host started at %s with %d bytes", strings.TrimSpace(began), memory.Total), err
		}
	}
	return "", errors.New("/proc/stat has no btime")
}

// tick is the unit of times in /proc/PID/stat: USER_HZ, which is 100 for every program
// on every architecture that scaleup runs on.
const tick = 100

// uptime counts from the start of process 1: /proc/uptime counts from the kernel's, which
// in a container is the host's.
func (s server) uptime() (int64, error) {
	first, err := s.text("/proc/1/stat")
	if err != nil {
		return 0, err
	}
	uptime, err := s.text("/proc/uptime")
	if err != nil {
		return 0, err
	}
	return uptimeOf(first, uptime)
}

func uptimeOf(firstProcess, uptime string) (int64, error) {
	text, err := facts.StartTime(firstProcess)
	if err != nil {
		return 0, err
	}
	started, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read when process 1 was started: %w", err)
	}
	now, err := firstNumber(uptime)
	if err != nil {
		return 0, fmt.Errorf("read /proc/uptime: %w", err)
	}
	return int64(now - float64(started)/tick), nil
}

// load is the mean of one minute.
func (s server) load() (float64, error) {
	text, err := s.text("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	return firstNumber(text)
}

func firstNumber(text string) (float64, error) {
	first, _, _ := strings.Cut(text, " ")
	return strconv.ParseFloat(first, 64)
}

func (s server) memory() (Memory, error) {
	text, err := s.text("/proc/meminfo")
	if err != nil {
		return Memory{}, err
	}
	return ParseMemory(text)
}

// ParseMemory reads the text of /proc/meminfo, whose kB are kibibytes.
func ParseMemory(text string) (Memory, error) {
	var m Memory
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			m.Total = kib << 10
		case "MemAvailable:":
			m.Available = kib << 10
		}
	}
	if m.Total == 0 || m.Available == 0 {
		return Memory{}, errors.New("/proc/meminfo lacks MemTotal or MemAvailable")
	}
	return m, nil
}
