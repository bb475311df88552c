package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"scaleup/internal/resource"
)

// unitPrefix begins the names of the units that hold faults.
const unitPrefix = "scaleup-fault-"

// injectLimit is how long injecting may take before systemd ends and heals it: the
// slowest, a read lock, waits lockPatience for its turn.
const injectLimit = 30 * time.Second

// binaryForm are the paths systemd reads as they are: no blanks, quotes, dollar or
// per cent signs.
var binaryForm = regexp.MustCompile(`^/[A-Za-z0-9._/+-]+$`)

func unitName(id string) string { return unitPrefix + id + ".service" }

// Start injects a fault and returns when that is done. From then on the unit
// scaleup-fault-ID holds it, and heals it at its end or when the lease is over.
func Start(ctx context.Context, sys resource.System, binary string, o Order) error {
	unlock, err := lock(ctx, sys)
	if err != nil {
		return err
	}
	defer unlock()
	at := o.at(sys)
	over, err := at.recall(endedName, new(bool))
	if err != nil {
		return err
	}
	if over {
		return fmt.Errorf("start fault %s: it has been ended already", o.ID)
	}
	found, err := List(ctx, sys)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("start fault %s: there is one on this server already: %s; remove it: scaleup heal", o.ID, strings.Join(found, "; "))
	}
	if err := clearState(sys); err != nil {
		return err
	}
	argv, err := holder(binary, o)
	if err != nil {
		return err
	}
	if _, err := at.command(ctx, argv...); err != nil {
		return at.whyFailed(err)
	}
	return nil
}

// holder is the command that starts the fault's unit. --collect forgets the unit
// also when it failed, so that its name does not stay taken.
func holder(binary string, o Order) ([]string, error) {
	if !binaryForm.MatchString(binary) {
		return nil, fmt.Errorf("start fault %s: the path of scaleup, %q, has letters that systemd would read in its own way", o.ID, binary)
	}
	encoded, err := o.encode()
	if err != nil {
		return nil, err
	}
	return []string{
		"systemd-run", "--quiet", "--collect", "--unit=" + unitName(o.ID), "--service-type=notify",
		fmt.Sprintf("--property=TimeoutStartSec=%dms", injectLimit.Milliseconds()),
		fmt.Sprintf("--property=RuntimeMaxSec=%dms", o.Lease.Milliseconds()),
		"--property=ExecStopPost=" + binary + " remote --fault-heal " + encoded,
		binary, "remote", "--fault-hold", encoded,
	}, nil
}

// whyFailed tells what the holder left behind: systemd-run only knows that the unit
// failed.
func (p Place) whyFailed(err error) error {
	var why string
	if told, recalled := p.recall(failedName, &why); recalled != nil || !told {
		return errors.Join(fmt.Errorf("start fault %s: %w", p.ID, err), recalled)
	}
	return errors.New(why)
}

// End ends the fault's unit, which heals, and heals once more where that has
// failed. A fault that was never started cannot be started any more: an order to
// start may still be on its way over a connection that has broken.
func End(ctx context.Context, sys resource.System, o Order) error {
	unlock, err := lock(ctx, sys)
	if err != nil {
		return err
	}
	defer unlock()
	at := o.at(sys)
	if err := at.remember(endedName, true); err != nil {
		return err
	}
	if err := stopUnit(ctx, sys, unitName(o.ID)); err != nil {
		return err
	}
	held, err := at.recall(recordName, new(Order))
	if err != nil || !held {
		return err
	}
	return o.heal(ctx, sys)
}

// stopUnit returns when the unit is gone. One that is not there is no error: its
// lease has ended it.
func stopUnit(ctx context.Context, sys resource.System, unit string) error {
	_, err := sys.Run(ctx, resource.Command{Argv: []string{"systemctl", "stop", unit}})
	if exit, ok := errors.AsType[*resource.ExitError](err); ok && strings.Contains(exit.Output, "not loaded") {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop %s: %w", unit, err)
	}
	return nil
}

// heal mends and then forgets that there is something to mend.
func (o Order) heal(ctx context.Context, sys resource.System) error {
	at := o.at(sys)
	if err := o.Fault.Heal(ctx, at); err != nil {
		return fmt.Errorf("heal %s: %w", o.Fault, err)
	}
	return at.forget(recordName)
}

// List says in words what faults are on the server: held ones, and those that were
// not healed.
func List(ctx context.Context, sys resource.System) ([]string, error) {
	var found []string
	units, err := liveUnits(ctx, sys)
	if err != nil {
		return nil, err
	}
	for _, u := range units {
		found = append(found, u+" is running")
	}
	orders, err := unhealed(sys)
	for _, o := range orders {
		found = append(found, fmt.Sprintf("%s (%s) is not healed", o.Fault, o.ID))
	}
	return found, err
}

func liveUnits(ctx context.Context, sys resource.System) ([]string, error) {
	out, err := sys.Run(ctx, resource.Command{Argv: []string{
		"systemctl", "list-units", "--plain", "--no-legend", "--full",
		"--state=active,reloading,activating,deactivating", unitPrefix + "*",
	}})
	if err != nil {
		return nil, fmt.Errorf("list the faults that are held: %w", err)
	}
	var units []string
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); len(words) > 0 {
			units = append(units, words[0])
		}
	}
	return units, nil
}

// unhealed reads the orders of faults that were injected, or were about to be, and
// are not known to be healed. What cannot be read is an error beside the others.
func unhealed(sys resource.System) ([]Order, error) {
	root := Place{System: sys}
	records, err := filepath.Glob(root.path(filepath.Join(stateDir, "*", recordName+".json")))
	if err != nil {
		return nil, err
	}
	entries, err := filepath.Glob(root.path(filepath.Join(journalDir, "*.json")))
	if err != nil {
		return nil, err
	}
	var orders []Order
	var errs []error
	seen := map[string]bool{}
	add := func(o Order, err error) {
		if err == nil {
			err = o.check()
		}
		errs = append(errs, err)
		if err == nil && !seen[o.ID] {
			seen[o.ID] = true
			orders = append(orders, o)
		}
	}
	for _, path := range records {
		var o Order
		_, err := readJSON(path, &o)
		add(o, err)
	}
	for _, path := range entries {
		var e entry
		_, err := readJSON(path, &e)
		add(e.Order, err)
	}
	return orders, errors.Join(errs...)
}

// HealAll heals every fault of the server, whoever left it, and says in words what
// it found. It goes on after a failure.
func HealAll(ctx context.Context, sys resource.System) (found []string, err error) {
	unlock, err := lock(ctx, sys)
	if err != nil {
		return nil, err
	}
	defer unlock()
	found, _ = List(ctx, sys) // what it cannot read is an error of the same questions below
	units, err := liveUnits(ctx, sys)
	errs := []error{err}
	for _, u := range units {
		errs = append(errs, stopUnit(ctx, sys, u))
	}
	orders, err := unhealed(sys) // those that the end of their unit has not healed
	errs = append(errs, err)
	for _, o := range orders {
		errs = append(errs, o.heal(ctx, sys))
	}
	left, err := deleteTable(ctx, Place{System: sys})
	errs = append(errs, err)
	if left {
		found = append(found, "the table inet "+tableName+" of nftables is there")
	}
	if err := errors.Join(errs...); err != nil {
		return found, err
	}
	return found, clearState(sys)
}

// clearState forgets faults that are over. What they left is kept until the next
// one for the proof that they are gone.
func clearState(sys resource.System) error {
	if err := os.RemoveAll(Place{System: sys}.path(stateDir)); err != nil {
		return fmt.Errorf("forget the faults that are over: %w", err)
	}
	return nil
}

// lock makes starting and ending take turns. The kernel drops the lock of a process
// that dies.
func lock(ctx context.Context, sys resource.System) (unlock func(), err error) {
	path := Place{System: sys}.path(lockFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("wait for the turn to change faults: %w", err)
	}
	l := flock.New(path, flock.SetPermissions(0o600))
	if taken, err := l.TryLockContext(ctx, 50*time.Millisecond); err != nil || !taken {
		return nil, fmt.Errorf("wait for the turn to change faults: %w", err)
	}
	return func() { _ = l.Unlock() }, nil // closing the file is all there is to fail
}
