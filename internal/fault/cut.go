package fault

import (
	"context"
	"fmt"
	"net/netip"
)

// Cut drops all packets between the server and some peers, in one direction or in
// both. SSH passes. Whoever is not a peer notices nothing.
type Cut struct {
	Peers     []netip.Addr `json:"peers"`
	Direction Direction    `json:"direction"`
	SSH       uint16       `json:"ssh"` // port
}

// Direction is which packets a Cut drops, as its server sees them.
type Direction string

// The directions.
const (
	Both Direction = "both"
	In   Direction = "in"  // the server hears nothing from its peers
	Out  Direction = "out" // the peers hear nothing from the server
)

func (c *Cut) String() string {
	switch c.Direction {
	case In:
		return "packets from " + join(c.Peers) + " dropped"
	case Out:
		return "packets to " + join(c.Peers) + " dropped"
	default:
		return "cut from " + join(c.Peers)
	}
}

// Inject implements Fault.
func (c *Cut) Inject(ctx context.Context, at Place) error {
	r := rules{SSH: c.SSH, Type: "ipv4_addr", Expire: at.Lease}
	var err error
	if r.Elements, err = ipv4(c.Peers); err != nil {
		return err
	}
	const in, out = "ip saddr @drilled counter name dropped_in drop", "ip daddr @drilled counter name dropped_out drop"
	switch c.Direction {
	case Both:
		r.In, r.Out = []string{in}, []string{out}
	case In:
		r.In = []string{in}
	case Out:
		r.Out = []string{out}
	default:
		return fmt.Errorf("%q is no direction: both, in or out", c.Direction)
	}
	return loadTable(ctx, at, r)
}

// Bites implements Fault.
func (c *Cut) Bites(ctx context.Context, at Place) (string, bool, error) { return dropping(ctx, at) }

// Heal implements Fault.
func (c *Cut) Heal(ctx context.Context, at Place) error {
	_, err := deleteTable(ctx, at)
	return err
}

// Healed implements Fault.
func (c *Cut) Healed(ctx context.Context, at Place) (string, bool, error) { return passing(ctx, at) }
