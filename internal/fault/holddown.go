package fault

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// HoldDown kills a service and keeps it from being started, by systemd or anybody
// else, until it is healed.
//
// A drop-in keeps it down: a condition for whoever would start it, and no restart by
// systemd, which does not ask for conditions then. A runtime mask would not do: it has no
// effect on units whose file lies in /etc, which those that scaleup writes do. The
// condition asks for a file of the fault's state, so a drop-in that was left behind
// keeps nobody from starting the service.
type HoldDown struct {
	Unit string `json:"unit"`
}

const (
	runtimeUnits = "/run/systemd/system"
	dropInName   = "95-scaleup-drill.conf" // after the site's own, which end at 90
	downName     = "down"                  // the state that the condition asks for
)

func (h *HoldDown) String() string { return "kill -9 " + h.Unit + ", held down" }

func (h *HoldDown) dropIn() string { return filepath.Join(runtimeUnits, h.Unit+".d", dropInName) }

// Inject implements Fault.
func (h *HoldDown) Inject(ctx context.Context, at Place) error {
	if down, err := at.recall(downName, new(bool)); err != nil || down {
		return err // injected before
	}
	main, err := at.rememberMain(ctx, h.Unit)
	if err != nil {
		return err
	}
	path := at.path(h.dropIn())
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("hold %s down: %w", h.Unit, err)
	}
	content := fmt.Sprintf("[Unit]\nConditionPathExists=!%s\n[Service]\nRestart=no\n", filepath.Join(stateDir, at.ID, downName+".json"))
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return fmt.Errorf("hold %s down: %w", h.Unit, err)
	}
	if _, err := at.command(ctx, "systemctl", "daemon-reload"); err != nil {
		return fmt.Errorf("hold %s down: %w", h.Unit, err)
	}
	if err := at.remember(downName, true); err != nil {
		return err
	}
	return at.kill(ctx, h.Unit, main)
}

// Bites implements Fault.
func (h *HoldDown) Bites(ctx context.Context, at Place) (string, bool, error) {
	u, err := at.unit(ctx, h.Unit)
	if err != nil {
		return "", false, err
	}
	all, err := at.processes(u)
	if err != nil {
		return "", false, err
	}
	if u.running() || len(all) > 0 {
		return fmt.Sprintf("%s is %s with %d processes", h.Unit, u.Active, len(all)), false, nil
	}
	return fmt.Sprintf("%s is %s and has no process", h.Unit, u.Active), true, nil
}

// Heal implements Fault.
func (h *HoldDown) Heal(ctx context.Context, at Place) error {
	if err := checkUnit(h.Unit); err != nil {
		return err
	}
	down, err := at.recall(downName, new(bool))
	if err != nil {
		return err
	}
	path := at.path(h.dropIn())
	if _, err := os.Stat(path); err == nil {
		if err := remove(path); err != nil {
			return fmt.Errorf("let %s start again: %w", h.Unit, err)
		}
		_ = os.Remove(filepath.Dir(path)) // others may have drop-ins in it
		if _, err := at.command(ctx, "systemctl", "daemon-reload"); err != nil {
			return fmt.Errorf("let %s start again: %w", h.Unit, err)
		}
	}
	if !down {
		return nil
	}
	if err := at.revive(ctx, h.Unit); err != nil {
		return err
	}
	return at.forget(downName)
}

// Healed implements Fault.
func (h *HoldDown) Healed(ctx context.Context, at Place) (string, bool, error) {
	if _, err := os.Stat(at.path(h.dropIn())); err == nil {
		return h.Unit + " is still kept from starting", false, nil
	}
	return at.replaced(ctx, h.Unit)
}
