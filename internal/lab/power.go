package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// Off is the power switch: every process of the machines dies at once, nothing
// is written back, files stay as they are.
func (l *Lab) Off(ctx context.Context, servers ...string) error {
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return l.each(ctx, servers, func(ctx context.Context, r record) error { return l.powerOff(ctx, r.Name) })
}

// On boots machines that are off. It returns when they have been started; use
// Await to wait for SSH.
func (l *Lab) On(ctx context.Context, servers ...string) error {
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.ensureBridge(ctx); err != nil {
		return err
	}
	return l.each(ctx, servers, func(ctx context.Context, r record) error {
		if l.up(r.Name) {
			return nil
		}
		_, err := l.boot(ctx, r)
		return err
	})
}

// Await returns when SSH answers on the machines.
func (l *Lab) Await(ctx context.Context, servers ...string) error {
	return l.each(ctx, servers, func(ctx context.Context, r record) error { return l.awaitSSH(ctx, r, nil) })
}

// Freeze hangs the machines as a stalled host hangs: no process goes on, and
// nothing is answered on the network, not even ARP. The carrier stays.
func (l *Lab) Freeze(ctx context.Context, servers ...string) error {
	return l.eachRunning(ctx, servers, func(ctx context.Context, r record) error { return l.setFrozen(ctx, r.Name, true) })
}

// Thaw lets frozen machines go on.
func (l *Lab) Thaw(ctx context.Context, servers ...string) error {
	return l.eachRunning(ctx, servers, func(ctx context.Context, r record) error { return l.setFrozen(ctx, r.Name, false) })
}

// setFrozen freezes processes and port together: the machines share this
// computer's kernel, which would go on acknowledging and answering for them.
func (l *Lab) setFrozen(ctx context.Context, server string, frozen bool) error {
	if err := l.setPort(ctx, server, !frozen); err != nil {
		return err
	}
	return l.cgroups.freeze(ctx, server, frozen)
}

// Cut cuts the machines' network cable. The machines see it: carrier lost.
func (l *Lab) Cut(ctx context.Context, servers ...string) error {
	return l.eachRunning(ctx, servers, func(ctx context.Context, r record) error { return l.setCable(ctx, r.Name, "down") })
}

// Join mends the cable.
func (l *Lab) Join(ctx context.Context, servers ...string) error {
	return l.eachRunning(ctx, servers, func(ctx context.Context, r record) error { return l.setCable(ctx, r.Name, "up") })
}

// Remove takes machines down and deletes them with their data.
func (l *Lab) Remove(ctx context.Context, servers ...string) error {
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	return l.each(ctx, servers, func(ctx context.Context, r record) error {
		if err := l.powerOff(ctx, r.Name); err != nil {
			return err
		}
		return l.forget(r.Name)
	})
}

// forget deletes a machine's folder, its record first: a deletion that is cut
// off leaves a half-made machine, which nobody boots.
func (l *Lab) forget(server string) error {
	dir := l.machineDir(server)
	if err := os.Remove(filepath.Join(dir, machineFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove machine %s: %w", server, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove machine %s: %w", server, err)
	}
	return nil
}

// each does something to several machines at once. It refuses names of no
// machine before it touches any.
func (l *Lab) each(ctx context.Context, servers []string, do func(context.Context, record) error) error {
	if err := needRoot(); err != nil {
		return err
	}
	records := make([]record, len(servers))
	for i, server := range servers {
		r, ok, err := l.readRecord(server)
		if err != nil {
			return err
		}
		if !ok {
			return l.unknown(server)
		}
		records[i] = r
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range records {
		g.Go(func() error { return do(ctx, r) })
	}
	return g.Wait()
}

func (l *Lab) eachRunning(ctx context.Context, servers []string, do func(context.Context, record) error) error {
	return l.each(ctx, servers, func(ctx context.Context, r record) error {
		if !l.cgroups.running(r.Name) {
			return &Problem{Reason: fmt.Sprintf("machine %s is off", r.Name), Fix: "switch it on: scaleup lab on " + r.Name}
		}
		return do(ctx, r)
	})
}

func (l *Lab) unknown(server string) error {
	names, err := l.machineNames()
	if err != nil {
		return err
	}
	p := &Problem{Reason: fmt.Sprintf("lab %s has no machine %s", l.name, server), Fix: "make the lab: scaleup up"}
	if len(names) > 0 {
		slices.Sort(names)
		p.Fix = "it has: " + strings.Join(names, ", ")
	}
	return p
}

// powerOff kills a machine and clears away its cgroups and cable. A machine that
// is off already is no error.
func (l *Lab) powerOff(ctx context.Context, server string) error {
	if err := l.cgroups.kill(ctx, server); err != nil {
		return err
	}
	if err := l.cgroups.remove(server); err != nil {
		return err
	}
	l.removeCable(ctx, server)
	if err := l.awaitFree(ctx, server); err != nil {
		return err
	}
	if err := os.Remove(l.leavingFile(server)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("power off machine %s: %w", server, err)
	}
	return nil
}

// leavingFile marks a machine that has been asked to power off. Without it, a
// run after one that died right then would take the machine for running.
func (l *Lab) leavingFile(server string) string {
	return filepath.Join(l.machineDir(server), "leaving")
}

// up reports whether a machine runs, will go on running, and has its cable on
// the lab's bridge.
func (l *Lab) up(server string) bool {
	return l.cgroups.running(server) && l.linked(server) && !exists(l.leavingFile(server))
}

// awaitFree waits until the kernel has let go of a dead machine's disk.
func (l *Lab) awaitFree(ctx context.Context, server string) error {
	limit := time.Now().Add(2 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for len(loopsOf(l.machineDir(server))) > 0 && time.Now().Before(limit) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil // start refuses a disk that is in use, with the reason
}

// askOff is systemd's signal for an orderly power off (SIGRTMIN+4).
const askOff = syscall.Signal(34 + 4)

// shutDown asks a machine to power off and waits for it a little, then switches
// it off.
func (l *Lab) shutDown(ctx context.Context, server string, patience time.Duration) error {
	if l.cgroups.frozen(server) {
		_ = l.cgroups.freeze(ctx, server, false)
	}
	// A machine whose folder is gone has no place for the mark and needs none:
	// nobody can take it for one to keep.
	_ = os.WriteFile(l.leavingFile(server), nil, 0o644)
	if pid, ok := l.cgroups.init(server); ok && syscall.Kill(pid, askOff) == nil {
		wait, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_ = l.cgroups.await(wait, server, "populated", false)
	}
	return l.powerOff(ctx, server)
}
