package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroups are the control groups of one lab. Each machine has one, in every
// tree: without it all machines would share the group of the command that
// started them, and the systemd of one would act on the units of another.
type cgroups struct {
	unified string   // <v2 mount>/scaleup/<lab>
	legacy  []string // the same in the v1 trees of a hybrid host
}

// findCgroups reads the mount table. On a hybrid host the v2 tree has no
// controllers; a machine then also gets a group in the v1 trees that can limit
// it from outside, and in systemd's own.
func findCgroups(lab string) (cgroups, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return cgroups{}, fmt.Errorf("read mounts: %w", err)
	}
	unified, legacy := parseCgroupMounts(string(mounts))
	if unified == "" {
		return cgroups{}, &Problem{
			Reason: "this computer has no cgroup v2 tree, which the lab needs to freeze and stop machines",
			Fix:    "mount it: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified",
		}
	}
	g := cgroups{unified: filepath.Join(unified, "scaleup", lab)}
	for _, tree := range legacy {
		g.legacy = append(g.legacy, filepath.Join(tree, "scaleup", lab))
	}
	return g, nil
}

// parseCgroupMounts finds the v2 tree and the v1 trees a machine has a group in.
func parseCgroupMounts(mounts string) (unified string, legacy []string) {
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		options := strings.Split(f[3], ",")
		switch {
		case f[2] == "cgroup2" && unified == "":
			unified = f[1]
		case f[2] == "cgroup" && (slices.Contains(options, "name=systemd") || slices.Contains(options, "cpu") || slices.Contains(options, "memory")):
			legacy = append(legacy, f[1])
		}
	}
	return unified, legacy
}

func (g cgroups) machine(server string) string { return filepath.Join(g.unified, server) }

// create makes a machine's groups and returns them.
func (g cgroups) create(server string) ([]string, error) {
	var made []string
	for _, lab := range append([]string{g.unified}, g.legacy...) {
		group := filepath.Join(lab, server)
		if err := os.MkdirAll(group, 0o755); err != nil {
			return nil, fmt.Errorf("make cgroup: %w", err)
		}
		for _, parent := range []string{filepath.Dir(filepath.Dir(lab)), filepath.Dir(lab), lab} {
			enableControllers(parent)
		}
		for i, at := range []string{filepath.Dir(lab), lab, group} {
			shareRealtime(at, realtimeShares[i])
		}
		made = append(made, group)
	}
	return made, nil
}

// enableControllers passes the controllers a machine can be limited by on to
// the groups below. Those that the host lacks are simply not there to use.
func enableControllers(group string) {
	for _, c := range []string{"+cpu", "+memory", "+io", "+pids"} {
		_ = os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte(c), 0)
	}
}

// realtimeShares are the parts of its parent's real-time budget that the group
// of all labs, a lab and a machine ask for. Of the usual 950 ms in each second a
// machine gets 26 ms: plenty for keepalived, which needs well under one.
var realtimeShares = [...]int{1, 2, 18}

// shareRealtime gives a v1 cpu group a share of real-time scheduling, of which
// new groups have none: keepalived could not get its priority. The kernel refuses
// what the parent has not left; then less is asked for.
func shareRealtime(group string, part int) {
	file := filepath.Join(group, "cpu.rt_runtime_us")
	if readInt(file) != 0 {
		return
	}
	for share := readInt(filepath.Join(filepath.Dir(group), "cpu.rt_runtime_us")) / part; share >= 1000; share /= 2 {
		if os.WriteFile(file, []byte(strconv.Itoa(share)), 0) == nil {
			return
		}
	}
}

// readInt reads a kernel file with one number; -1 when it is not there.
func readInt(file string) int {
	data, err := os.ReadFile(file)
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return -1
	}
	return n
}

// running reports whether a process of the machine is alive. The machine is
// what runs in its group, whether or not nspawn is still there to watch it.
func (g cgroups) running(server string) bool {
	return event(g.machine(server), "populated")
}

// frozen reports whether the machine is frozen.
func (g cgroups) frozen(server string) bool { return event(g.machine(server), "frozen") }

func event(group, key string) bool {
	data, err := os.ReadFile(filepath.Join(group, "cgroup.events"))
	return err == nil && parseEvent(string(data), key)
}

func parseEvent(events, key string) bool {
	for line := range strings.Lines(events) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == key {
			return v == "1"
		}
	}
	return false
}

// await blocks until an event of the machine's group has a value, or ctx ends.
// A group that is gone has neither processes nor frost.
func (g cgroups) await(ctx context.Context, server, key string, want bool) error {
	f, err := os.Open(filepath.Join(g.machine(server), "cgroup.events"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch machine %s: %w", server, err)
	}
	defer f.Close()
	for {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("watch machine %s: %w", server, err)
		}
		data, err := io.ReadAll(f)
		if errors.Is(err, unix.ENODEV) {
			return nil // removed meanwhile
		}
		if err != nil {
			return fmt.Errorf("watch machine %s: %w", server, err)
		}
		if parseEvent(string(data), key) == want {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// The kernel wakes us on a change; the time limit is for ctx.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLPRI}}, int((50 * time.Millisecond).Milliseconds()))
	}
}

// freeze stops or resumes every process of a machine.
func (g cgroups) freeze(ctx context.Context, server string, on bool) error {
	value := "0"
	if on {
		value = "1"
	}
	if err := os.WriteFile(filepath.Join(g.machine(server), "cgroup.freeze"), []byte(value), 0); err != nil {
		return fmt.Errorf("freeze machine %s: %w", server, err)
	}
	return g.await(ctx, server, "frozen", on)
}

// kill is the power switch: every process of the machine dies at once.
func (g cgroups) kill(ctx context.Context, server string) error {
	err := os.WriteFile(filepath.Join(g.machine(server), "cgroup.kill"), []byte("1"), 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("power off machine %s: %w", server, err)
	}
	return g.await(ctx, server, "populated", false)
}

// remove deletes a machine's groups, which must be empty; the machine's own
// systemd has made groups of its own below.
func (g cgroups) remove(server string) error {
	for _, lab := range append([]string{g.unified}, g.legacy...) {
		if err := removeTree(filepath.Join(lab, server)); err != nil {
			return fmt.Errorf("remove cgroup of machine %s: %w", server, err)
		}
	}
	return nil
}

// removeAll deletes the lab's groups when no machine is left in them, and the
// folder of all labs when this was the last.
func (g cgroups) removeAll() {
	for _, lab := range append([]string{g.unified}, g.legacy...) {
		if os.Remove(lab) == nil {
			_ = os.Remove(filepath.Dir(lab))
		}
	}
}

// removeTree removes a group and the groups below it. A group cannot be
// removed as a folder can: its files are the kernel's.
func removeTree(group string) error {
	entries, err := os.ReadDir(group)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(group, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(group); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// servers lists the machines that have a group, so that those whose folder is
// gone are found, too.
func (g cgroups) servers() []string {
	entries, err := os.ReadDir(g.unified)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// init finds the process that is 1 in the machine's own process namespace.
func (g cgroups) init(server string) (pid int, ok bool) {
	for _, group := range []string{"payload/init.scope", "payload", "init.scope"} {
		f, err := os.Open(filepath.Join(g.machine(server), group, "cgroup.procs"))
		if err != nil {
			continue
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			pid, err := strconv.Atoi(s.Text())
			if err == nil && isInit(pid) {
				return pid, true
			}
		}
	}
	return 0, false
}

func isInit(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && innermostPID(string(status)) == 1
}

// innermostPID is the process's number in the innermost namespace it is in.
func innermostPID(status string) int {
	for line := range strings.Lines(status) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			if f := strings.Fields(rest); len(f) > 1 {
				n, _ := strconv.Atoi(f[len(f)-1])
				return n
			}
		}
	}
	return 0
}
