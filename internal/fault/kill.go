package fault

import (
	"context"
	"fmt"
)

// Kill kills every process of a service at once, as a crash would. systemd starts
// the service again; healing only sees to it that it does.
type Kill struct {
	Unit string `json:"unit"`
}

// mainName is the state that holds what was killed.
const mainName = "main"

// killed is a service's main process from before, and whether the signal went out.
type killed struct {
	Main process `json:"main"`
	Sent bool    `json:"sent"`
}

func (k *Kill) String() string { return "kill -9 " + k.Unit }

// Inject implements Fault.
func (k *Kill) Inject(ctx context.Context, at Place) error {
	main, err := at.rememberMain(ctx, k.Unit)
	if err != nil {
		return err
	}
	return at.kill(ctx, k.Unit, main)
}

// rememberMain writes down the main process of a running service.
func (p Place) rememberMain(ctx context.Context, name string) (process, error) {
	u, err := p.runningUnit(ctx, name)
	if err != nil {
		return process{}, err
	}
	main, ok := p.process(u.MainPID)
	if !ok {
		return main, fmt.Errorf("%s: its main process %d has just ended", name, u.MainPID)
	}
	return main, p.remember(mainName, killed{Main: main})
}

// kill kills every process of a service.
func (p Place) kill(ctx context.Context, name string, main process) error {
	if err := p.signal(ctx, name, "KILL"); err != nil {
		return err
	}
	return p.remember(mainName, killed{Main: main, Sent: true})
}

// Bites implements Fault.
func (k *Kill) Bites(_ context.Context, at Place) (string, bool, error) {
	var before killed
	ok, err := at.recall(mainName, &before)
	if err != nil || !ok {
		return k.Unit + ": not injected", false, err
	}
	if at.alive(before.Main) {
		return fmt.Sprintf("%s: process %d is still there", k.Unit, before.Main.PID), false, nil
	}
	return fmt.Sprintf("%s: process %d is gone", k.Unit, before.Main.PID), true, nil
}

// Heal implements Fault.
func (k *Kill) Heal(ctx context.Context, at Place) error {
	if injected, err := at.recall(mainName, new(killed)); err != nil || !injected {
		return err
	}
	return at.revive(ctx, k.Unit)
}

// Healed implements Fault.
func (k *Kill) Healed(ctx context.Context, at Place) (string, bool, error) {
	return at.replaced(ctx, k.Unit)
}

// replaced reports whether a service runs with another main process than before; the
// same will do only where the signal was never sent.
func (p Place) replaced(ctx context.Context, name string) (string, bool, error) {
	u, err := p.unit(ctx, name)
	if err != nil {
		return "", false, err
	}
	main, there := p.process(u.MainPID)
	if !u.running() || !there {
		return fmt.Sprintf("%s is %s, process %d", name, u.Active, u.MainPID), false, nil
	}
	var before killed
	injected, err := p.recall(mainName, &before)
	if err != nil {
		return "", false, err
	}
	same := main.PID == before.Main.PID && main.Began == before.Main.Began
	switch {
	case injected && !same:
		return fmt.Sprintf("%s is active with process %d, before it was %d", name, main.PID, before.Main.PID), true, nil
	case before.Sent:
		return fmt.Sprintf("%s is active, and process %d is not replaced yet", name, main.PID), false, nil
	default:
		return fmt.Sprintf("%s is active and was not killed", name), true, nil
	}
}
