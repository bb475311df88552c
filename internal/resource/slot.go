package resource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// slotRecord is where it stands which digest a slot runs. It is written when the
// slot has proved itself: a slot without one was cut off while it started.
const slotRecord = "/var/lib/scaleup/slot-"

// ID implements Spec.
func (s *Slot) ID() string { return "slot:" + s.Server + "/" + s.Slot }

// Want implements Spec.
func (s *Slot) Want() State {
	if s.Target == "" {
		return "stopped"
	}
	return State("running sha256:" + s.Digest)
}

// Observe implements Spec.
func (s *Slot) Observe(ctx context.Context, sys System) (State, error) {
	p, err := unitProperties(ctx, sys, s.Unit)
	if err != nil {
		return "", err
	}
	switch p["ActiveState"] {
	case "active":
		digest, err := os.ReadFile(sys.path(slotRecord + s.Slot))
		if absent(err) {
			return "started, but not proved ready", nil
		}
		if err != nil {
			return "", fmt.Errorf("read what slot %s runs: %w", s.Slot, err)
		}
		return State("running sha256:" + string(digest)), nil
	case "inactive", "":
		if enabled, err := startsAtBoot(sys, s.Unit); enabled || err != nil {
			return "stopped, but enabled", err
		}
		return "stopped", nil
	default:
		return State(p["ActiveState"]), nil
	}
}

// Apply implements Spec. A slot that does not become ready is stopped again, and
// the error ends with the last lines of its log.
func (s *Slot) Apply(ctx context.Context, sys System) error {
	if s.Target == "" {
		return s.stop(ctx, sys)
	}
	record := slotRecord + s.Slot
	if err := (&AbsentPath{Path: record}).Apply(ctx, sys); err != nil {
		return err
	}
	if err := replaceLink(sys, s.Link, s.Target); err != nil {
		return err
	}
	if err := reloadSystemd(ctx, sys, s.Unit); err != nil {
		return err
	}
	if err := runUnit(ctx, sys, "restart", s.Unit); err != nil {
		return errors.Join(err, s.stop(ctx, sys))
	}
	if err := s.awaitReady(ctx, sys); err != nil {
		err = fmt.Errorf("slot %s of %s %w; it got no traffic and was stopped; its last lines were:\n%s", s.Slot, s.Server, err, lastLog(ctx, sys, s.Unit))
		return errors.Join(err, s.stop(ctx, sys))
	}
	// Only a slot that proved itself comes back after a reboot.
	if err := enable(ctx, sys, s.Unit); err != nil {
		return err
	}
	return (&File{Path: record, Content: []byte(s.Digest), Mode: 0o644}).Apply(ctx, sys)
}

func (s *Slot) stop(ctx context.Context, sys System) error { return stopUnit(ctx, sys, s.Unit) }

// slotRestarts is after how many crashes a starting slot is given up.
const slotRestarts = 3

func (s *Slot) awaitReady(ctx context.Context, sys System) error {
	// A timer, not ctx's deadline: that would cut the last question off, and the
	// error would tell of that instead of the answer.
	deadline := time.After(time.Duration(s.Wait) * time.Second)
	for {
		last := probe(ctx, s.Ready)
		if last == nil {
			return nil
		}
		if restarts, err := s.restarts(ctx, sys); err == nil && restarts >= slotRestarts {
			return fmt.Errorf("crashed %d times while starting", restarts)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("was cut off while starting: %w", context.Cause(ctx))
		case <-deadline:
			return fmt.Errorf("was not ready within %d s (%w)", s.Wait, last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Slot) restarts(ctx context.Context, sys System) (int, error) {
	out, err := sys.command(ctx, "systemctl", "show", s.Unit, "--property=NRestarts", "--value")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// probe asks a URL of this server and wants 200.
func probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return nil
}

// ID implements Spec.
func (m *Migration) ID() string { return "migration:" + m.Unit }

// Want implements Spec.
func (m *Migration) Want() State { return State("applied sha256:" + m.Digest) }

// Observe implements Spec.
func (m *Migration) Observe(_ context.Context, sys System) (State, error) {
	digest, err := os.ReadFile(sys.path(m.Record))
	if absent(err) {
		return Absent, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the last migration: %w", err)
	}
	return State("applied sha256:" + string(digest)), nil
}

// Apply implements Spec.
func (m *Migration) Apply(ctx context.Context, sys System) error {
	if err := replaceLink(sys, m.Link, m.Target); err != nil {
		return err
	}
	if err := reloadSystemd(ctx, sys, m.Unit); err != nil {
		return err
	}
	if err := runUnit(ctx, sys, "start", m.Unit); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	record := File{Path: m.Record, Content: []byte(m.Digest), Mode: 0o644}
	return record.Apply(ctx, sys)
}
