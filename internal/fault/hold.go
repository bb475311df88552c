package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"scaleup/internal/resource"
	"scaleup/internal/sdnotify"
)

// keeper is a fault that the server could get over by itself while it is held.
type keeper interface {
	keep(ctx context.Context, at Place) error
}

// keepInterval is how often such a fault is renewed.
const keepInterval = 100 * time.Millisecond

// Hold is what the fault's unit runs: it injects, tells systemd so, and waits until
// ctx ends. It does not heal: that is the unit's ExecStopPost, which also comes
// when this process has been killed.
func Hold(ctx context.Context, sys resource.System, encoded string) error {
	o, err := decodeOrder(encoded)
	if err != nil {
		return err
	}
	at := o.at(sys)
	if err := at.remember(recordName, o); err != nil {
		return err
	}
	if err := o.Fault.Inject(ctx, at); err != nil {
		err = fmt.Errorf("inject %s: %w", o.Fault, err)
		return errors.Join(err, at.remember(failedName, err.Error()))
	}
	if err := sdnotify.Notify(sdnotify.Ready); err != nil {
		return err
	}
	k, keeps := o.Fault.(keeper)
	if !keeps {
		<-ctx.Done()
		return nil
	}
	for tick := time.NewTicker(keepInterval); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
			if err := k.keep(ctx, at); err != nil {
				return fmt.Errorf("keep up %s: %w", o.Fault, err)
			}
		}
	}
}

// Heal is what the fault's unit runs at its end.
func Heal(ctx context.Context, sys resource.System, encoded string) error {
	o, err := decodeOrder(encoded)
	if err != nil {
		return err
	}
	return o.heal(ctx, sys)
}
