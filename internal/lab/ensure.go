package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// bootLimit is how long a machine may take from power on until SSH answers.
const bootLimit = 60 * time.Second

// Report says what Ensure did, by machine name, sorted.
type Report struct {
	Created []string // machines that were made
	Started []string // machines that were booted, the new ones included
}

// Ensure makes and boots what is missing and returns when SSH answers on all
// machines. What is there already stays as it is, except that a frozen machine
// is thawed and a cut cable joined. Machines that are not in the list are left
// alone. After an error or an interruption, the next call finishes the job.
func (l *Lab) Ensure(ctx context.Context, machines []Machine, recipes []Recipe) (Report, error) {
	if err := l.Preflight(ctx); err != nil {
		return Report{}, err
	}
	unlock, err := l.lock(ctx)
	if err != nil {
		return Report{}, err
	}
	defer unlock()

	e := &ensuring{lab: l}
	missing, err := l.unmade(machines)
	if err != nil {
		return Report{}, err
	}
	e.layers = newLayerSet(l, recipesOf(missing, recipes))
	if err := l.checkSpace(e.layers, missing); err != nil {
		return Report{}, err
	}
	if err := os.MkdirAll(l.machinesDir(), 0o755); err != nil {
		return Report{}, fmt.Errorf("make lab folder: %w", err)
	}
	if err := l.ensureBridge(ctx); err != nil {
		return Report{}, err
	}
	g, ctx := errgroup.WithContext(ctx)
	if len(missing) > 0 {
		g.Go(func() error { return e.layers.build(ctx) })
	}
	for _, m := range machines {
		g.Go(func() error { return e.machine(ctx, m) })
	}
	err = g.Wait()
	if err != nil {
		err = errors.Join(err, l.withdraw(context.WithoutCancel(ctx)))
	}
	slices.Sort(e.report.Created)
	slices.Sort(e.report.Started)
	return e.report, err
}

// withdraw takes back the bridge of a lab of which no machine came up, such as
// when the package mirror does not answer. It would lead nowhere.
func (l *Lab) withdraw(ctx context.Context) error {
	names, err := l.machineNames()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(names, l.up) {
		return nil
	}
	return l.removeBridge(ctx)
}

// unmade returns the machines that have to be made.
func (l *Lab) unmade(machines []Machine) ([]Machine, error) {
	var missing []Machine
	for _, m := range machines {
		if !l.subnet.Contains(m.Address) {
			return nil, fmt.Errorf("machine %s: address %s is not in the lab's subnet %s", m.Name, m.Address, l.subnet)
		}
		r, ok, err := l.readRecord(m.Name)
		if err != nil {
			return nil, err
		}
		if !ok {
			missing = append(missing, m)
			continue
		}
		if r.Role != m.Role || r.Sudoer != m.Sudoer {
			return nil, &Problem{
				Reason: fmt.Sprintf("machine %s of lab %s was made for another purpose (role %q, user %q)", m.Name, l.name, r.Role, r.Sudoer),
				Fix:    "give the server another name, or remove the lab with its data: scaleup down --purge",
			}
		}
	}
	return missing, nil
}

// recipesOf are the recipes of the machines' roles.
func recipesOf(machines []Machine, recipes []Recipe) []Recipe {
	return slices.DeleteFunc(slices.Clone(recipes), func(r Recipe) bool {
		return !slices.ContainsFunc(machines, func(m Machine) bool { return m.Role == r.Role })
	})
}

// ensuring is one run of Ensure.
type ensuring struct {
	lab    *Lab
	layers *layerSet

	mu     sync.Mutex
	report Report
}

func (e *ensuring) machine(ctx context.Context, m Machine) error {
	l := e.lab
	r, made, err := l.readRecord(m.Name)
	if err != nil {
		return err
	}
	if !made {
		if r, err = e.make(ctx, m); err != nil {
			return err
		}
	} else if r.Address != m.Address {
		if r, err = l.readdress(ctx, r, m); err != nil {
			return err
		}
	}
	if l.up(m.Name) {
		if err := l.wake(ctx, r); err != nil {
			return err
		}
		return l.awaitSSH(ctx, r, nil)
	}
	exited, err := l.boot(ctx, r)
	if err != nil {
		return err
	}
	e.note(&e.report.Started, m.Name)
	return l.awaitSSH(ctx, r, exited)
}

func (e *ensuring) make(ctx context.Context, m Machine) (record, error) {
	layers, err := e.layers.names(m.Role)
	if err != nil {
		return record{}, fmt.Errorf("make machine %s: %w", m.Name, err)
	}
	if err := e.layers.wait(ctx, m.Role); err != nil {
		// The builder reports its own failure; here it is only a reason to stop.
		return record{}, fmt.Errorf("make machine %s: %w", m.Name, err)
	}
	// A machine may be running whose folder is gone.
	if err := e.lab.powerOff(ctx, m.Name); err != nil {
		return record{}, err
	}
	if err := e.lab.create(ctx, m, layers); err != nil {
		return record{}, err
	}
	e.note(&e.report.Created, m.Name)
	r, _, err := e.lab.readRecord(m.Name)
	return r, err
}

func (e *ensuring) note(list *[]string, server string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*list = append(*list, server)
}

// readdress gives a machine another address, for which it must be off.
func (l *Lab) readdress(ctx context.Context, r record, m Machine) (record, error) {
	if err := l.powerOff(ctx, m.Name); err != nil {
		return r, err
	}
	if err := writeSeeds(l.upper(m.Name), []seedFile{networkSeed(m.Address, l.subnet)}); err != nil {
		return r, fmt.Errorf("change address of machine %s: %w", m.Name, err)
	}
	r.Address = m.Address
	return r, l.writeRecord(r)
}

// wake makes a running machine answer: thawed, its cable plugged in, the
// operator's key known.
func (l *Lab) wake(ctx context.Context, r record) error {
	if l.cgroups.frozen(r.Name) {
		if err := l.setFrozen(ctx, r.Name, false); err != nil {
			return err
		}
	}
	if l.cut(r.Name) {
		if err := l.setCable(ctx, r.Name, "up"); err != nil {
			return err
		}
	}
	return l.reauthorize(r)
}

// boot starts a machine after clearing away what is left of its last run: one
// whose cable is not on the bridge any more belongs to a lab that is gone.
func (l *Lab) boot(ctx context.Context, r record) (<-chan struct{}, error) {
	if err := l.powerOff(ctx, r.Name); err != nil {
		return nil, err
	}
	if err := l.reauthorize(r); err != nil {
		return nil, fmt.Errorf("start machine %s: %w", r.Name, err)
	}
	l.log(r.Name, "booting")
	return l.start(r)
}

// awaitSSH waits until the machine's SSH server says hello. A machine that ends
// before will not; exited tells so when this process has started it, and may be nil.
func (l *Lab) awaitSSH(ctx context.Context, r record, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	answered := make(chan error, 1)
	go func() { answered <- pollSSH(ctx, r.Address) }()
	select {
	case err := <-answered:
		if errors.Is(err, context.DeadlineExceeded) {
			return l.silent(r)
		}
		return err
	case <-exited:
		if l.cgroups.running(r.Name) {
			return <-answered // nspawn alone has gone; the machine runs on
		}
		return &Problem{
			Reason: fmt.Sprintf("machine %s ended while booting: %s", r.Name, l.console(r.Name)),
			Fix:    "what it said is in " + l.machineDir(r.Name) + "/" + consoleFile,
		}
	}
}

func (l *Lab) silent(r record) error {
	return &Problem{
		Reason: fmt.Sprintf("machine %s does not answer SSH at %s", r.Name, r.Address),
		Fix:    fmt.Sprintf("switch it off and on: scaleup lab off %s, then scaleup lab on %s; what it said is in %s/%s", r.Name, r.Name, l.machineDir(r.Name), consoleFile),
	}
}
