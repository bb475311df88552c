package resource

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// initialising marks a data directory whose initialisation has begun and not
// ended. Names with a leading dot do not count as content for mysqld.
const initialising = ".scaleup-initialising"

// halfInitialised is the state of such a directory.
const halfInitialised State = "half initialised"

// ID implements Spec.
func (m *MySQLData) ID() string { return "mysql-data:" + m.Path }

// Want implements Spec.
func (m *MySQLData) Want() State { return "initialised" }

// Observe implements Spec.
func (m *MySQLData) Observe(_ context.Context, sys System) (State, error) {
	if _, err := os.Stat(sys.path(filepath.Join(m.Path, initialising))); err == nil {
		return halfInitialised, nil
	}
	_, err := os.Stat(sys.path(filepath.Join(m.Path, "mysql.ibd")))
	if absent(err) {
		if err := refuseContent(sys.path(m.Path)); err != nil {
			return "", fmt.Errorf("use %s for MySQL: %w", m.Path, err)
		}
		return Absent, nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", m.Path, err)
	}
	state, err := m.ownership(sys)
	if err != nil {
		return "", err
	}
	return state, m.refuseNewer(sys)
}

// Apply implements Spec. Data is removed only where the mark proves that an
// earlier initialisation was cut off; so the mark is never put beside content
// that somebody else left.
func (m *MySQLData) Apply(ctx context.Context, sys System) error {
	state, err := m.Observe(ctx, sys)
	if err != nil || state == m.Want() {
		return err
	}
	if state == unmarked {
		return m.mark(ctx, sys)
	}
	mark := filepath.Join(m.Path, initialising)
	if state == Absent {
		err = refuseContent(sys.path(m.Path))
	} else {
		err = emptyDirectory(sys.path(m.Path), initialising)
	}
	if err != nil {
		return fmt.Errorf("initialise %s: %w", m.Path, err)
	}
	if err := (&File{Path: mark, Mode: 0o600}).Apply(ctx, sys); err != nil {
		return err
	}
	for _, name := range leavings {
		if err := (&AbsentPath{Path: filepath.Join(m.Path, name)}).Apply(ctx, sys); err != nil {
			return err
		}
	}
	if _, err := sys.command(ctx, "mysqld", "--no-defaults", "--initialize-insecure", "--user="+m.User, "--datadir="+m.Path); err != nil {
		return fmt.Errorf("initialise %s: %w", m.Path, err)
	}
	if err := m.mark(ctx, sys); err != nil {
		return err
	}
	return (&AbsentPath{Path: mark}).Apply(ctx, sys)
}

// leavings are what mysqld 9.7 writes into an empty data directory before it gives up
// for want of data. It would not initialise the directory with them in it.
var leavings = []string{"auto.cnf", "binlog.index", "ib_buffer_pool"}

// refuseContent fails when a folder holds what is not for scaleup to remove.
func refuseContent(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !absent(err) {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "lost+found" && !slices.Contains(leavings, e.Name()) {
			return fmt.Errorf("it holds %s, which is no complete MySQL data directory and not scaleup's to remove; move it away", e.Name())
		}
	}
	return nil
}

func emptyDirectory(dir, keep string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == keep || e.Name() == "lost+found" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
