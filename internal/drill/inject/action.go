package inject

import (
	"context"
	"fmt"
	"strings"

	"scaleup/internal/lab"
)

// Machines is the lab as far as faults need it; *lab.Lab is one.
type Machines interface {
	Off(ctx context.Context, servers ...string) error
	On(ctx context.Context, servers ...string) error
	Freeze(ctx context.Context, servers ...string) error
	Thaw(ctx context.Context, servers ...string) error
	Cut(ctx context.Context, servers ...string) error
	Join(ctx context.Context, servers ...string) error
	Slow(ctx context.Context, percent int, servers ...string) error
	Unslow(ctx context.Context, servers ...string) error
	State(server string) (lab.MachineCondition, error)
}

var _ Machines = (*lab.Lab)(nil)

// Action is what the lab does to machines from outside: Off, Freeze, Cut, or Slow.
type Action struct {
	Kind    actionKind `json:"kind"`
	Percent int        `json:"percent,omitempty"` // of a core; slow only
	Command []string   `json:"command,omitempty"` // what mends; change only
}

type actionKind string

const (
	kindOff    actionKind = "off"
	kindFreeze actionKind = "freeze"
	kindCut    actionKind = "cut"
	kindSlow   actionKind = "slow"
	kindChange actionKind = "change" // one that scaleup itself is making
)

// The actions without a parameter.
var (
	Off    = Action{Kind: kindOff}    // the power switch
	Freeze = Action{Kind: kindFreeze} // as a hung host: no process goes on, nothing is answered
	Cut    = Action{Kind: kindCut}    // the network cable
)

// Slow leaves a machine a percentage of one core.
func Slow(percent int) Action { return Action{Kind: kindSlow, Percent: percent} }

// words says what an action does to servers.
func (a Action) words(servers []string) string {
	all := strings.Join(servers, ", ")
	switch a.Kind {
	case kindOff:
		return "power off of " + all
	case kindFreeze:
		return "freeze of " + all
	case kindChange:
		return "a change of the site that was not taken back"
	case kindCut:
		return "network cable of " + all + " cut"
	default:
		return fmt.Sprintf("%d %% of a core for %s", a.Percent, all)
	}
}

// done reports whether a machine is in the condition that the action makes, with a
// word for the condition it is in.
func (a Action) done(c lab.MachineCondition) (done bool, word string) {
	pick := func(is bool, yes, no string) (bool, string) {
		if is {
			return true, yes
		}
		return false, no
	}
	switch a.Kind {
	case kindOff:
		return pick(!c.On, "off", "on")
	case kindFreeze:
		return pick(c.Frozen, "frozen", "not frozen")
	case kindCut:
		return pick(c.Cut, "without network", "on the network")
	default:
		return pick(c.Slowed, "slowed down", "not slowed down")
	}
}

// do does the action.
func (a Action) do(ctx context.Context, m Machines, servers ...string) error {
	switch a.Kind {
	case kindOff:
		return m.Off(ctx, servers...)
	case kindFreeze:
		return m.Freeze(ctx, servers...)
	case kindCut:
		return m.Cut(ctx, servers...)
	case kindSlow:
		return m.Slow(ctx, a.Percent, servers...)
	default:
		return fmt.Errorf("the lab knows no action %q", a.Kind)
	}
}

// undo takes the action back on those servers where it is in effect. A machine that
// is off is neither frozen nor cut nor slow; one that is gone is not broken.
func (a Action) undo(ctx context.Context, m Machines, servers ...string) error {
	if a.Kind == kindChange {
		return converge(ctx, a.Command)
	}
	var broken []string
	for _, s := range servers {
		c, err := m.State(s)
		if err != nil {
			return err
		}
		if done, _ := a.done(c); done && c.Made {
			broken = append(broken, s)
		}
	}
	if len(broken) == 0 {
		return nil
	}
	switch a.Kind {
	case kindOff:
		return m.On(ctx, broken...)
	case kindFreeze:
		return m.Thaw(ctx, broken...)
	case kindCut:
		return m.Join(ctx, broken...)
	case kindSlow:
		return m.Unslow(ctx, broken...)
	default:
		return fmt.Errorf("the lab knows no action %q", a.Kind)
	}
}
