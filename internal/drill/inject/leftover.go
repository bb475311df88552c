package inject

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"scaleup/internal/atomicfile"
)

// reaperOrder is a reaper's file: what is broken in the lab, by whom, until when.
type reaperOrder struct {
	ID       string    `json:"id"`
	Lab      Lab       `json:"lab"`
	Action   Action    `json:"action"`
	Servers  []string  `json:"servers"`
	Deadline time.Time `json:"deadline"` // by the computer's clock, which may be set meanwhile
	Drill    process   `json:"drill"`
}

// write returns when the file and its name are on the disk.
func (o reaperOrder) write(file string) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return atomicfile.SyncDir(dir)
}

func readOrder(file string) (reaperOrder, error) {
	var o reaperOrder
	data, err := os.ReadFile(file)
	if err != nil {
		return o, fmt.Errorf("read what a drill has broken: %w", err)
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("read what a drill has broken: %s: %w", file, err)
	}
	return o, nil
}

// Leftover is something in the lab that a drill has broken and nobody has mended yet.
type Leftover struct {
	File  string
	order reaperOrder
}

func (l Leftover) String() string {
	by := "a drill that is over"
	if l.order.Drill.alive() {
		by = fmt.Sprintf("a drill that runs (process %d)", l.order.Drill.PID)
	}
	return fmt.Sprintf("%s, by %s, until %s at most", l.order.Action.words(l.order.Servers), by, l.order.Deadline.Format(time.TimeOnly))
}

// Leftovers lists what is broken in the lab of a site, also by a drill that is
// running. What cannot be read is an error beside the others.
func Leftovers(stateDir string) ([]Leftover, error) {
	files, err := filepath.Glob(filepath.Join(faultsDir(stateDir), "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Leftover
	var errs []error
	for _, file := range files {
		o, err := readOrder(file)
		if err == nil {
			all = append(all, Leftover{file, o})
		} else if !gone(file) { // a reaper may have been faster
			errs = append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// HealLab mends everything that Leftovers lists, and says what that was. It goes on
// after a failure.
func HealLab(ctx context.Context, stateDir string, open Opener) ([]Leftover, error) {
	all, err := Leftovers(stateDir)
	errs := []error{err, forgetUnwatched(stateDir)}
	for _, l := range all {
		var m Machines
		if l.order.Action.needsLab() {
			if m, err = open(l.order.Lab); err != nil {
				errs = append(errs, fmt.Errorf("mend %s: %w", l, err))
				continue
			}
		}
		errs = append(errs, heal(ctx, m, l.order, l.File))
	}
	return all, errors.Join(errs...)
}

// forgetUnwatched removes what drills have left that ended before a reaper watched.
// They had broken nothing. One that was being written says nothing.
func forgetUnwatched(stateDir string) error {
	files, err := filepath.Glob(filepath.Join(faultsDir(stateDir), "*.json"+unwatched))
	errs := []error{err}
	for _, file := range files {
		if o, err := readOrder(file); err != nil || !o.Drill.alive() {
			errs = append(errs, forget(file))
		}
	}
	return errors.Join(errs...)
}

// process is a process of this computer. Numbers come round again, so it is known by
// its number and the moment at which it began.
type process struct {
	PID   int    `json:"pid"`
	Began uint64 `json:"began"` // clock ticks since boot
}

func thisProcess() process {
	p, _ := readProcess(os.Getpid()) // it runs, so it is there
	return p
}

// readProcess reads the 22nd field of proc_pid_stat(5). The second, the program's
// name, may hold anything but ends with the last parenthesis. A zombie has ended.
func readProcess(pid int) (p process, ok bool) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, false
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return p, false
	}
	began, err := strconv.ParseUint(fields[19], 10, 64)
	return process{PID: pid, Began: began}, err == nil
}

func (p process) alive() bool {
	now, ok := readProcess(p.PID)
	return ok && now == p
}
