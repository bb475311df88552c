package resource

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// ID implements Spec.
func (u *Unit) ID() string { return "unit:" + u.Name }

// Want implements Spec. "running enabled restart:… reload:…": the two digests
// stand for the loaded versions of the files whose change needs a restart and
// of those for which a reload is enough.
func (u *Unit) Want() State {
	if !u.Running {
		return "stopped disabled"
	}
	loaded := map[string]string{}
	for _, r := range u.Reads {
		loaded[r.Path] = r.Digest
	}
	return u.state(true, u.Enabled, loaded)
}

func (u *Unit) state(running, enabled bool, loaded map[string]string) State {
	words := []string{"stopped", "disabled"}
	if running {
		words[0] = "running"
	}
	if enabled {
		words[1] = "enabled"
	}
	if running && len(u.Reads) > 0 {
		words = append(words,
			"restart:"+u.digest(OnChangeRestart, loaded),
			"reload:"+u.digest(OnChangeReload, loaded))
	}
	return State(strings.Join(words, " "))
}

// digest sums up the loaded versions of the reads with one rule.
func (u *Unit) digest(rule OnChange, loaded map[string]string) string {
	var lines []string
	for _, r := range u.Reads {
		if r.OnChange == rule {
			lines = append(lines, r.Path+" "+loaded[r.Path])
		}
	}
	sort.Strings(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:6])
}

// Observe implements Spec.
func (u *Unit) Observe(ctx context.Context, sys System) (State, error) {
	p, err := unitProperties(ctx, sys, u.Name)
	if err != nil {
		return "", err
	}
	if p["LoadState"] == "not-found" {
		return Absent, nil
	}
	loaded, err := readLoaded(sys, u.Name)
	if err != nil {
		return "", err
	}
	if p["ActiveState"] == "failed" {
		return State("failed " + p["UnitFileState"]), nil
	}
	running := p["ActiveState"] == "active" || p["ActiveState"] == "reloading"
	enabled, err := startsAtBoot(sys, u.Name)
	if err != nil {
		return "", err
	}
	// A static unit, such as journald, is pulled in by others and cannot be enabled.
	return u.state(running, enabled || p["UnitFileState"] == "static", loaded), nil
}

// UnitAction says what turns one state of a unit into another: start, stop,
// restart, reload, enable or "" when they are equal.
func UnitAction(from, to State) string {
	f, t := strings.Fields(string(from)), strings.Fields(string(to))
	// Words 3 and 4 are what it has loaded: see state.
	word := func(words []string, i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	switch {
	case from == to:
		return ""
	case word(t, 0) == "stopped":
		return "stop"
	case word(f, 0) != "running":
		return "start"
	case word(f, 2) != word(t, 2):
		return "restart"
	case word(f, 3) != word(t, 3):
		return "reload"
	default:
		return "enable"
	}
}

// Tolerates implements Tolerant: what counts is what there is to do.
func (u *Unit) Tolerates(planned, now State) bool {
	return UnitAction(planned, u.Want()) == UnitAction(now, u.Want())
}

// Apply implements Spec.
func (u *Unit) Apply(ctx context.Context, sys System) error {
	from, err := u.Observe(ctx, sys)
	if err != nil {
		return err
	}
	if err := reloadSystemd(ctx, sys, u.Name); err != nil {
		return err
	}
	action := UnitAction(from, u.Want())
	if action == "stop" {
		return stopUnit(ctx, sys, u.Name)
	}
	if u.Enabled {
		if err := enable(ctx, sys, u.Name); err != nil {
			return err
		}
	}
	if action != "start" && action != "restart" && action != "reload" {
		return nil
	}
	if err := runUnit(ctx, sys, action, u.Name); err != nil || action != "start" {
		return err
	}
	// A unit that was starting already, such as one at boot, has read its files before
	// this run replaced them: systemd then lets both starts be one.
	now, err := u.Observe(ctx, sys)
	if err != nil || UnitAction(now, u.Want()) != "restart" {
		return err
	}
	return runUnit(ctx, sys, "restart", u.Name)
}

// startsAtBoot looks for the link that enabling a unit makes. systemd's own answer
// is from its last reload, and a reload per unit would be half of an
// installation's time.
func startsAtBoot(sys System, unit string) (bool, error) {
	links, err := filepath.Glob(sys.path("/etc/systemd/system/*.wants/" + unit))
	return len(links) > 0, err
}

func enable(ctx context.Context, sys System, unit string) error {
	if done, err := startsAtBoot(sys, unit); done || err != nil {
		return err
	}
	_, err := sys.command(ctx, "systemctl", "enable", "--quiet", "--no-reload", unit)
	return err
}

// runUnit starts, restarts or reloads a unit; when it fails, the error carries
// the unit's last log lines, which is where the reason stands.
func runUnit(ctx context.Context, sys System, action, unit string) error {
	p, err := unitProperties(ctx, sys, unit)
	if err != nil {
		return err
	}
	if p["ActiveState"] == "failed" {
		// A unit that failed too often refuses to start until that is forgotten.
		if _, err := sys.command(ctx, "systemctl", "reset-failed", unit); err != nil {
			return err
		}
	}
	if _, err := sys.command(ctx, "systemctl", action, unit); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", action, unit, err, lastLog(ctx, sys, unit))
	}
	return nil
}

// stopUnit stops a unit now and at boot. One that failed counts as stopped only
// when that is forgotten.
func stopUnit(ctx context.Context, sys System, unit string) error {
	if _, err := sys.command(ctx, "systemctl", "disable", "--now", "--quiet", unit); err != nil {
		return fmt.Errorf("stop %s: %w", unit, err)
	}
	if _, err := sys.command(ctx, "systemctl", "reset-failed", unit); err != nil && !isExit(err) {
		return fmt.Errorf("stop %s: %w", unit, err)
	}
	return nil
}

func reloadSystemd(ctx context.Context, sys System, unit string) error {
	p, err := unitProperties(ctx, sys, unit)
	if err != nil {
		return err
	}
	if p["NeedDaemonReload"] != "yes" && p["LoadState"] != "not-found" {
		return nil
	}
	_, err = sys.command(ctx, "systemctl", "daemon-reload")
	return err
}

func unitProperties(ctx context.Context, sys System, unit string) (map[string]string, error) {
	out, err := sys.command(ctx, "systemctl", "show", unit, "--property=LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload")
	if err != nil {
		return nil, fmt.Errorf("read unit %s: %w", unit, err)
	}
	properties := map[string]string{}
	for line := range strings.Lines(out) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			properties[key] = value
		}
	}
	return properties, nil
}

// lastLog returns the last lines a unit has logged.
func lastLog(ctx context.Context, sys System, unit string) string {
	out, err := sys.command(ctx, "journalctl", "--no-pager", "--quiet", "--output=cat", "--lines=20", "--unit="+unit)
	if err != nil {
		return fmt.Sprintf("(its log could not be read: %v)", err)
	}
	return strings.TrimRight(out, "\n")
}

// readLoaded reads what Recorder's drop-in has written: path -> digest.
func readLoaded(sys System, unit string) (map[string]string, error) {
	file, err := os.Open(sys.path(filepath.Join(LoadedDir, unit)))
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what %s has loaded: %w", unit, err)
	}
	defer file.Close()
	loaded := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if digest, path, ok := strings.Cut(lines.Text(), "  "); ok {
			loaded[path] = digest
		}
	}
	return loaded, lines.Err()
}

func isExit(err error) bool {
	_, ok := err.(*ExitError)
	return ok
}

// UnitStates says of each unit whether it is running, failed or stopped.
func UnitStates(ctx context.Context, sys System, units []string) (map[string]string, error) {
	out, err := sys.command(ctx, append([]string{"systemctl", "show", "--property=Id,ActiveState"}, units...)...)
	if err != nil {
		return nil, fmt.Errorf("read the states of units: %w", err)
	}
	states := map[string]string{}
	for stanza := range strings.SplitSeq(out, "\n\n") {
		var id, active string
		for line := range strings.Lines(stanza) {
			if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Id="); ok {
				id = v
			} else if v, ok := strings.CutPrefix(strings.TrimSpace(line), "ActiveState="); ok {
				active = v
			}
		}
		switch active {
		case "active", "reloading":
			states[id] = "running"
		case "failed":
			states[id] = "failed"
		default:
			states[id] = "stopped"
		}
	}
	return states, nil
}
