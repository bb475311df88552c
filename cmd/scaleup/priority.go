package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// measuringNice is the priority of a drill. On a computer that is also the whole
// site, as in a lab, what is to be measured is the site's struggle for processors and
// not the drill's.
const measuringNice = -15

// prioritise raises the priority of this process, whose threads the kernel knows one
// by one; those that are started later take after these. Without the right to do so
// the drill goes on as it is: it measures how late it is itself.
func prioritise() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list the threads of this process: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("list the threads of this process: %w", err)
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, measuringNice); err != nil {
			return fmt.Errorf("raise the priority of this process: %w", err)
		}
	}
	return nil
}
