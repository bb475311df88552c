package fault

import (
	"context"
	"fmt"
)

// Stop stops every process of a service in its tracks (SIGSTOP), as one that hangs:
// its kernel still accepts connections, nobody answers them. A service that
// systemd watches (WatchdogSec=) is killed by it after that time.
type Stop struct {
	Unit string `json:"unit"`
}

func (s *Stop) String() string { return "kill -STOP " + s.Unit }

// stoppedName is the state that says that the service was told to stop.
const stoppedName = "stopped"

// Inject implements Fault.
func (s *Stop) Inject(ctx context.Context, at Place) error {
	if _, err := at.runningUnit(ctx, s.Unit); err != nil {
		return err
	}
	if err := at.remember(stoppedName, true); err != nil {
		return err
	}
	return at.signal(ctx, s.Unit, "STOP")
}

// Bites implements Fault.
func (s *Stop) Bites(ctx context.Context, at Place) (string, bool, error) {
	n, of, err := s.count(ctx, at)
	return fmt.Sprintf("%s: %d of %d processes are stopped", s.Unit, n, of), err == nil && of > 0 && n == of, err
}

func (s *Stop) count(ctx context.Context, at Place) (n, of int, err error) {
	u, err := at.unit(ctx, s.Unit)
	if err != nil {
		return 0, 0, err
	}
	all, err := at.processes(u)
	n, of = stopped(all)
	return n, of, err
}

// Heal implements Fault.
func (s *Stop) Heal(ctx context.Context, at Place) error {
	injected, err := at.recall(stoppedName, new(bool))
	if err != nil || !injected {
		return err
	}
	u, err := at.unit(ctx, s.Unit)
	if err != nil {
		return err
	}
	// Processes that have died meanwhile need no signal, and systemctl may refuse
	// to send it to nobody.
	if all, err := at.processes(u); err != nil || len(all) == 0 {
		return err
	}
	if err := at.signal(ctx, s.Unit, "CONT"); err != nil {
		return err
	}
	return at.forget(stoppedName)
}

// Healed implements Fault.
func (s *Stop) Healed(ctx context.Context, at Place) (string, bool, error) {
	n, of, err := s.count(ctx, at)
	return fmt.Sprintf("%s: %d of %d processes are stopped", s.Unit, n, of), err == nil && n == 0, err
}
