package fault

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// process is one process. Numbers come round again, so it is known by its number
// and the moment at which it began.
type process struct {
	PID   int    `json:"pid"`
	Began uint64 `json:"began"` // clock ticks since boot
	State byte   `json:"-"`     // as in proc(5): R, S, D, T, Z …
}

// process reads a process; ok is false when there is none of this number.
func (p Place) process(pid int) (q process, ok bool) {
	data, err := os.ReadFile(p.path(fmt.Sprintf("/proc/%d/stat", pid)))
	if err != nil {
		return process{}, false // it has ended; nothing else keeps root from reading
	}
	return parseStat(pid, string(data))
}

// parseStat reads the third and the 22nd field of proc_pid_stat(5). The second, the
// program's name, may hold anything but ends with the last parenthesis.
func parseStat(pid int, stat string) (process, bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return process{}, false
	}
	began, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return process{}, false
	}
	return process{PID: pid, Began: began, State: fields[0][0]}, true
}

// alive reports whether a process that was read before still runs. A zombie has
// ended, whether or not its parent knows.
func (p Place) alive(q process) bool {
	now, ok := p.process(q.PID)
	return ok && now.Began == q.Began && now.State != 'Z' && now.State != 'X'
}

// stopped counts the processes that a signal has stopped. Zombies cannot be.
func stopped(all []process) (stopped, of int) {
	for _, q := range all {
		switch q.State {
		case 'T':
			stopped++
			of++
		case 'Z', 'X':
		default:
			of++
		}
	}
	return stopped, of
}
