package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// unit is a service as systemd knows it.
type unit struct {
	Name    string
	Active  string // active, reloading, inactive, failed, activating, deactivating
	MainPID int    // 0: none
	Group   string // its control group, below the root of the tree; "" when it has none
	Quota   string // of CPU time per second; "infinity": none
}

func (p Place) unit(ctx context.Context, name string) (unit, error) {
	if err := checkUnit(name); err != nil {
		return unit{}, err
	}
	out, err := p.command(ctx, "systemctl", "show", "--property=ActiveState,MainPID,ControlGroup,CPUQuotaPerSecUSec", name)
	if err != nil {
		return unit{}, fmt.Errorf("read unit %s: %w", name, err)
	}
	u := unit{Name: name}
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "ActiveState":
			u.Active = value
		case "MainPID":
			if u.MainPID, err = strconv.Atoi(value); err != nil {
				return unit{}, fmt.Errorf("read unit %s: MainPID=%s is not a number", name, value)
			}
		case "ControlGroup":
			u.Group = value
		case "CPUQuotaPerSecUSec":
			u.Quota = value
		}
	}
	return u, nil
}

// running reports whether the service serves: reloading ones do.
func (u unit) running() bool { return u.Active == "active" || u.Active == "reloading" }

// runningUnit refuses a service that does not run: breaking it would show nothing.
func (p Place) runningUnit(ctx context.Context, name string) (unit, error) {
	u, err := p.unit(ctx, name)
	if err != nil {
		return u, err
	}
	if !u.running() || u.MainPID == 0 {
		return u, fmt.Errorf("%s is %s, so there is nothing to break", name, u.Active)
	}
	return u, nil
}

// signal sends a signal to every process of a service.
func (p Place) signal(ctx context.Context, name, signal string) error {
	if _, err := p.command(ctx, "systemctl", "kill", "--kill-whom=all", "--signal="+signal, name); err != nil {
		return fmt.Errorf("send %s to %s: %w", signal, name, err)
	}
	return nil
}

// revive starts a service that systemd may have given up. It does not wait: a
// database may recover for longer than anybody wants to hold a connection.
func (p Place) revive(ctx context.Context, name string) error {
	u, err := p.unit(ctx, name)
	if err != nil {
		return err
	}
	if u.Active == "failed" {
		if _, err := p.command(ctx, "systemctl", "reset-failed", name); err != nil {
			return fmt.Errorf("start %s again: %w", name, err)
		}
	}
	if _, err := p.command(ctx, "systemctl", "start", "--no-block", name); err != nil {
		return fmt.Errorf("start %s again: %w", name, err)
	}
	return nil
}

// groupTrees are where systemd's tree of control groups is mounted: the unified
// one, and on hybrid systems beside the old ones.
var groupTrees = []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"}

// groupDir is the folder of the unit's control group, "" when it has none.
func (p Place) groupDir(u unit) string {
	if u.Group == "" {
		return ""
	}
	for _, tree := range groupTrees {
		dir := p.path(filepath.Join(tree, u.Group))
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			return dir
		}
	}
	return ""
}

// processes lists every process of a service, those of the groups below its own
// included. A group that vanishes meanwhile has none.
func (p Place) processes(u unit) ([]process, error) {
	dir := p.groupDir(u)
	if dir == "" {
		return nil, nil
	}
	var all []process
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "cgroup.procs" {
			return ignoreGone(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return ignoreGone(err)
		}
		for pid := range strings.FieldsSeq(string(data)) {
			n, err := strconv.Atoi(pid)
			if err != nil {
				return fmt.Errorf("read %s: %q is no process number", path, pid)
			}
			if q, ok := p.process(n); ok {
				all = append(all, q)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the processes of %s: %w", u.Name, err)
	}
	return all, nil
}

// ignoreGone drops the errors of a group that has been removed: open says ENOENT,
// reading an open file ENODEV.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}
