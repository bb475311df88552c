// Package priority sets how this process shares processors with others.
package priority

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Set gives this process a nice value: -20 is the most, 19 the least. The kernel
// knows threads one by one; those that are started later, and processes, take after
// these. Values below the present one need the right to set them.
func Set(nice int) error {
	return eachThread(func(id int) error {
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, nice); err != nil {
			return fmt.Errorf("set the priority of this process to %d: %w", nice, err)
		}
		return nil
	})
}

// threadsAnew is how often threads that have come since are looked for. A Go program
// starts its threads in the first moments and few later.
const threadsAnew = 500 * time.Millisecond

// Favour gives this process a nice value until ctx ends, and keeps it from what this
// process starts: a machine that is switched on would outrun the others for the rest of
// its life.
func Favour(ctx context.Context, nice int) error {
	attr := unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: int32(nice), Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	set := func() error {
		return eachThread(func(id int) error {
			if err := unix.SchedSetAttr(id, &attr, 0); !errors.Is(err, unix.ESRCH) { // it has just ended
				return err
			}
			return nil
		})
	}
	if err := set(); err != nil {
		return fmt.Errorf("set the priority of this process to %d: %w", nice, err)
	}
	go func() {
		tick := time.NewTicker(threadsAnew)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = set() // was allowed a moment ago
			}
		}
	}()
	return nil
}

func eachThread(do func(id int) error) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list the threads of this process: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("list the threads of this process: %w", err)
		}
		if err := do(id); err != nil {
			return err
		}
	}
	return nil
}
