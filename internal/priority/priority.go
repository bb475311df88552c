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

// lowestRealTime is the least real-time priority: before all ordinary threads, and
// behind everything that asked for more, such as keepalived.
const lowestRealTime = 1

// nearlyFirst is the nice value for where real time is not to be had: kernels that deal
// it out by control groups give none to most of these.
const nearlyFirst = -5

// Neither threads nor processes that are started later take after these: a machine that
// is switched on would outrun the others for the rest of its life.
var (
	realTime = rank{Policy: unix.SCHED_RR, Priority: lowestRealTime, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	favoured = rank{Policy: unix.SCHED_NORMAL, Nice: nearlyFirst, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
)

// rank is a place among the threads that want a processor.
type rank unix.SchedAttr

// set gives it to all threads there are. One that has just ended needs none.
func (r rank) set() error {
	attr := unix.SchedAttr(r)
	return eachThread(func(id int) error {
		if err := unix.SchedSetAttr(id, &attr, 0); !errors.Is(err, unix.ESRCH) {
			return err
		}
		return nil
	})
}

// First lets this process run before every ordinary one, at once when it has something
// to do, until ctx ends: for what measures others and must not wait for them. Processes
// that it starts are ordinary. The kernel leaves others a twentieth of each second
// whatever real-time threads do (sched_rt_runtime_us). Where it allows no real time,
// this process is favoured by its nice value; where not even that, First fails.
func First(ctx context.Context) error {
	how := realTime
	err := how.set()
	if errors.Is(err, unix.EPERM) {
		how = favoured
		err = how.set()
	}
	if err != nil {
		return fmt.Errorf("let this process run first: %w", err)
	}
	go func() {
		tick := time.NewTicker(threadsAnew)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = how.set() // was allowed a moment ago
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
