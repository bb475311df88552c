package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// patience is how long machines may take to power off in order before they are
// switched off. Databases survive that: it is a power loss.
const patience = 1500 * time.Millisecond

// Down takes the lab down: machines, cgroups, bridge. It keeps the machines'
// files, so that Ensure brings them back as they were; with purge it deletes
// them. Layers stay. A lab that is not there, or half there, is taken down all
// the same.
func (l *Lab) Down(ctx context.Context, purge bool) error {
	if err := needRoot(); err != nil {
		return err
	}
	unlock, err := l.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	// Another folder's lab of the same name has the same cgroups: leave it alone.
	if err := l.checkBridge(bridgeName(l.name)); err != nil {
		return err
	}
	names, err := l.machineNames()
	if err != nil {
		return err
	}
	names = append(names, l.cgroups.servers()...) // with those whose folder is gone
	slices.Sort(names)
	g, gctx := errgroup.WithContext(ctx)
	for _, name := range slices.Compact(names) {
		g.Go(func() error { return l.shutDown(gctx, name, patience) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("take lab %s down: %w", l.name, err)
	}
	l.cgroups.removeAll()
	l.freeLoops(ctx)
	if err := l.removeBridge(ctx); err != nil {
		return err
	}
	if !purge {
		return nil
	}
	return l.purge()
}

// purge deletes the lab's files. The records go first, see forget.
func (l *Lab) purge() error {
	names, err := l.machineNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := l.forget(name); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(l.labDir()); err != nil {
		return fmt.Errorf("delete lab %s: %w", l.name, err)
	}
	return nil
}

// freeLoops detaches loop devices that outlived their machine, which happens
// when someone looked into an image.
func (l *Lab) freeLoops(ctx context.Context) {
	for _, device := range loopsOf(l.labDir()) {
		_, _ = run(ctx, "losetup", "--detach", device)
	}
}

// MachineState is what a machine is doing.
type MachineState struct {
	Name    string
	Address string
	Role    string
	Running bool
	Frozen  bool
	Cut     bool // its network cable is cut
	PID     int  // of its first process, as this computer sees it; 0 when off
}

// List tells the state of every machine that has been made, by name.
func (l *Lab) List(context.Context) ([]MachineState, error) {
	names, err := l.machineNames()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var states []MachineState
	for _, name := range names {
		r, ok, err := l.readRecord(name)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		s := MachineState{Name: name, Address: r.Address.String(), Role: r.Role, Running: l.cgroups.running(name)}
		if s.Running {
			s.Frozen, s.Cut = l.cgroups.frozen(name), l.cut(name)
			s.PID, _ = l.cgroups.init(name)
		}
		states = append(states, s)
	}
	return states, nil
}

// Up reports whether the lab's bridge is there, that is, whether its addresses
// belong to it. Nothing may be sent to a lab address otherwise.
func (l *Lab) Up() bool {
	name := bridgeName(l.name)
	_, err := net.InterfaceByName(name)
	return err == nil && l.checkBridge(name) == nil
}
