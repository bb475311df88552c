// Package priority sets how this process shares processors with others.
package priority

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Set gives this process a nice value: -20 is the most, 19 the least. The kernel
// knows threads one by one; those that are started later, and processes, take after
// these. Values below the present one need the right to set them.
func Set(nice int) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list the threads of this process: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("list the threads of this process: %w", err)
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, nice); err != nil {
			return fmt.Errorf("set the priority of this process to %d: %w", nice, err)
		}
	}
	return nil
}
