package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// limitPeriod is how often a limited machine gets its share, in microseconds: the
// kernel's default. It stands still for the rest of each period.
const limitPeriod = 100_000

// minQuota is the smallest share the kernel takes, in microseconds.
const minQuota = 1_000

// Slow limits the machines' processors from outside, to a percentage of one core for
// all that runs in a machine together, as a neighbour on the same host would.
func (l *Lab) Slow(ctx context.Context, percent int, servers ...string) error {
	if percent*limitPeriod/100 < minQuota {
		return fmt.Errorf("slow machines down: %d %% of a core is less than the kernel gives", percent)
	}
	return l.eachRunning(ctx, servers, func(_ context.Context, r record) error { return l.cgroups.limit(r.Name, percent) })
}

// Unslow takes the limit away.
func (l *Lab) Unslow(ctx context.Context, servers ...string) error {
	return l.eachRunning(ctx, servers, func(_ context.Context, r record) error { return l.cgroups.limit(r.Name, 0) })
}

// limit limits a machine to a percentage of one core; 0 is no limit.
func (g cgroups) limit(server string, percent int) error {
	file, unified, ok := g.limitFile(server)
	if !ok {
		return &Problem{
			Reason: "this computer's control groups cannot limit the processor: neither a v1 cpu tree nor a v2 tree with the cpu controller is mounted",
			Fix:    "boot it with a kernel that has CFS bandwidth control (CONFIG_CFS_BANDWIDTH)",
		}
	}
	if err := os.WriteFile(file, []byte(quota(unified, percent)), 0); err != nil {
		return fmt.Errorf("limit the processor of machine %s: %w", server, err)
	}
	return nil
}

// quota is what is written into the file that limitFile finds. v1 has the period in
// a file of its own, which is left at its default.
func quota(unified bool, percent int) string {
	switch {
	case unified && percent == 0:
		return fmt.Sprintf("max %d", limitPeriod)
	case unified:
		return fmt.Sprintf("%d %d", percent*limitPeriod/100, limitPeriod)
	case percent == 0:
		return "-1"
	default:
		return strconv.Itoa(percent * limitPeriod / 100)
	}
}

// limitFile finds the file that limits a machine. A controller is in one tree only,
// so at most one of them is there.
func (g cgroups) limitFile(server string) (file string, unified, ok bool) {
	for _, tree := range g.legacy {
		if file := filepath.Join(tree, server, "cpu.cfs_quota_us"); exists(file) {
			return file, false, true
		}
	}
	file = filepath.Join(g.machine(server), "cpu.max")
	return file, true, exists(file)
}

// limited reports whether the machine's processor is limited.
func (g cgroups) limited(server string) bool {
	file, _, ok := g.limitFile(server)
	if !ok {
		return false
	}
	data, err := os.ReadFile(file)
	return err == nil && isQuota(string(data))
}

// throttled reads how often a limited machine has used its share up.
func (g cgroups) throttled(server string) int {
	file, _, ok := g.limitFile(server)
	if !ok {
		return 0
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cpu.stat"))
	if err != nil {
		return 0 // it has just been switched off
	}
	return parseThrottled(string(data))
}

func parseThrottled(stat string) int {
	for line := range strings.Lines(stat) {
		if words := strings.Fields(line); len(words) == 2 && words[0] == "nr_throttled" {
			n, err := strconv.Atoi(words[1])
			if err == nil {
				return n
			}
		}
	}
	return 0
}

// isQuota reads either file: "-1" and "max 100000" are no limit.
func isQuota(text string) bool {
	words := strings.Fields(text)
	return len(words) > 0 && words[0] != "-1" && words[0] != "max"
}

// MachineCondition is what has been done to a machine from outside. One that is not
// On is neither frozen nor cut nor slowed.
type MachineCondition struct {
	Made   bool // there is such a machine, on or off
	On     bool // a process of it is alive
	Frozen bool
	Cut    bool // its network cable is cut
	Slowed bool // its processor is limited
	// Throttled is how often it wanted more than its share and had to stand still,
	// since it was switched on.
	Throttled int
}

// State reads a machine's condition from the kernel.
func (l *Lab) State(server string) (MachineCondition, error) {
	_, made, err := l.readRecord(server)
	if err != nil || !made {
		return MachineCondition{}, err
	}
	if !l.cgroups.running(server) {
		return MachineCondition{Made: true}, nil
	}
	return MachineCondition{
		Made: true, On: true,
		Frozen: l.cgroups.frozen(server), Cut: l.cut(server), Slowed: l.cgroups.limited(server), Throttled: l.cgroups.throttled(server),
	}, nil
}
