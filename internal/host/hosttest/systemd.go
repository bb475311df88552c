package hosttest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"scaleup/internal/resource"
)

// unitDir is where the unit files and drop-ins that scaleup writes lie.
const unitDir = "/etc/systemd/system"

// Unit is a systemd unit as the model knows it. A unit exists when Unit made it
// (a distribution's package brought it) or its file lies in /etc/systemd/system.
// Starting and reloading it does what a Recorder's drop-in would do.
type Unit struct {
	Active   string // ActiveState: active, inactive, failed
	Restarts int    // NRestarts

	// OnStart, when set, decides whether a start succeeds, with the log lines
	// that the unit leaves; an error makes it fail.
	OnStart func() (log string, err error)

	log    string
	loaded string // unit file and drop-ins as systemd has read them
}

// Unit returns a unit of the server, and brings it along if it is not known yet.
func (h *Host) Unit(name string) *Unit {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unit(name)
}

func (h *Host) unit(name string) *Unit {
	if h.units[name] == nil {
		h.units[name] = &Unit{Active: "inactive", loaded: h.unitFiles(name)}
	}
	return h.units[name]
}

// systemd answers systemctl and journalctl; ok is false for anything else.
func (h *Host) systemd(argv []string) (out string, ok bool, err error) {
	if argv[0] == "journalctl" {
		name := strings.TrimPrefix(argv[len(argv)-1], "--unit=")
		if u := h.units[name]; u != nil {
			return u.log, true, nil
		}
		return "", true, nil
	}
	if argv[0] != "systemctl" || len(argv) < 2 {
		return "", false, nil
	}
	verb, options, names := argv[1], map[string]bool{}, []string{}
	for _, a := range argv[2:] {
		if strings.HasPrefix(a, "-") {
			options[a] = true
		} else {
			names = append(names, a)
		}
	}
	switch {
	case verb == "show":
		return h.show(options, names), true, nil
	case verb == "list-units" && options["--failed"]:
		return h.failed(), true, nil
	}
	h.note(argv)
	if verb == "daemon-reload" {
		for name, u := range h.units {
			u.loaded = h.unitFiles(name)
		}
		return "", true, nil
	}
	for _, name := range names {
		if !h.exists(name) {
			return "", true, &resource.ExitError{Argv: argv, Code: 5, Output: "Unit " + name + " not loaded."}
		}
		if ok, err = h.change(argv, verb, options, name); err != nil || !ok {
			return "", ok, err
		}
	}
	return "", true, nil
}

// Enabled reports whether the link is there that starts a unit at boot.
func (h *Host) Enabled(name string) bool {
	_, err := os.Lstat(h.Path(wants + name))
	return err == nil
}

// SetEnabled makes or removes that link.
func (h *Host) SetEnabled(name string, enabled bool) {
	h.t.Helper()
	if enabled {
		h.Write(wants+name, "")
	} else if err := os.Remove(h.Path(wants + name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatal(err)
	}
}

const wants = "/etc/systemd/system/multi-user.target.wants/"

// change does to one unit what systemctl's verb says.
func (h *Host) change(argv []string, verb string, options map[string]bool, name string) (ok bool, err error) {
	u := h.unit(name)
	switch verb {
	case "enable":
		h.SetEnabled(name, true)
	case "disable":
		h.SetEnabled(name, false)
		if options["--now"] {
			u.stop()
		}
	case "stop":
		u.stop()
	case "reset-failed":
		if u.Active == "failed" {
			u.Active = "inactive"
		}
		u.Restarts = 0
	case "start", "restart":
		if verb == "start" && u.Active == "active" {
			return true, nil
		}
		if verb == "start" && u.Active == "activating" { // it waits for the start that is under way
			u.Active = "active"
			return true, nil
		}
		if u.OnStart != nil {
			if u.log, err = u.OnStart(); err != nil {
				u.Active = "failed"
				return true, &resource.ExitError{Argv: argv, Code: 1, Output: "Job for " + name + " failed."}
			}
		}
		u.Active = "active"
		return true, h.record(name, u)
	case "reload":
		if u.Active != "active" {
			return true, &resource.ExitError{Argv: argv, Code: 1, Output: name + " is not active, cannot reload."}
		}
		return true, h.record(name, u)
	default:
		return false, nil
	}
	return true, nil
}

// stop leaves a failed unit failed, as systemd does.
func (u *Unit) stop() {
	if u.Active == "active" {
		u.Active = "inactive"
	}
}

func (h *Host) exists(name string) bool {
	return h.units[name] != nil || h.unitFiles(name) != ""
}

func (h *Host) show(options map[string]bool, names []string) string {
	if options["--property=NRestarts"] {
		return fmt.Sprintln(h.unit(names[0]).Restarts)
	}
	var stanzas []string
	for _, name := range names {
		if !h.exists(name) {
			stanzas = append(stanzas, "Id="+name+"\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\nNeedDaemonReload=no\n")
			continue
		}
		u := h.unit(name)
		enabled, stale := "disabled", "no"
		if h.Enabled(name) {
			enabled = "enabled"
		}
		if u.loaded != h.unitFiles(name) {
			stale = "yes"
		}
		stanzas = append(stanzas, fmt.Sprintf("Id=%s\nLoadState=loaded\nActiveState=%s\nUnitFileState=%s\nNeedDaemonReload=%s\n", name, u.Active, enabled, stale))
	}
	return strings.Join(stanzas, "\n")
}

// failed lists the failed units in systemctl's plain form.
func (h *Host) failed() string {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h.units)) {
		if h.units[name].Active == "failed" {
			fmt.Fprintf(&lines, "%s loaded failed failed %s\n", name, name)
		}
	}
	return lines.String()
}

// unitFiles is the text of a unit's file and drop-ins as they lie on disk. An
// instance (app@a.service) has those of its template.
func (h *Host) unitFiles(name string) string {
	files := []string{name}
	if prefix, rest, ok := strings.Cut(name, "@"); ok {
		files = append(files, prefix+"@"+filepath.Ext(rest))
	}
	var all strings.Builder
	for _, f := range files {
		dropIns, err := filepath.Glob(h.Path(filepath.Join(unitDir, f+".d", "*.conf")))
		if err != nil {
			h.t.Errorf("look for drop-ins of %s: %v", name, err)
		}
		for _, path := range append([]string{h.Path(filepath.Join(unitDir, f))}, dropIns...) {
			if content, err := os.ReadFile(path); err == nil {
				all.Write(content)
			}
		}
	}
	return all.String()
}

var recorded = regexp.MustCompile(`sha256sum (.*) >(\S+)'`)

// record runs the lines of a Recorder's drop-in that systemd knows of.
func (h *Host) record(name string, u *Unit) error {
	match := recorded.FindStringSubmatch(u.loaded)
	if match == nil {
		return nil
	}
	var lines strings.Builder
	for path := range strings.FieldsSeq(match[1]) {
		content, err := os.ReadFile(h.Path(path))
		if err != nil {
			return &resource.ExitError{Argv: []string{"sha256sum", path}, Code: 1, Output: "Job for " + name + " failed: " + err.Error()}
		}
		fmt.Fprintf(&lines, "%s  %s\n", resource.Digest(content), path)
	}
	path := h.Path(match[2])
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(lines.String()), 0o644)
}
