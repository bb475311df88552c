package fault

import (
	"context"
	"fmt"
)

// Loss drops a part of all packets of the server, at random, in and out alike. SSH
// and the server's talk with itself pass.
type Loss struct {
	Percent int    `json:"percent"`
	SSH     uint16 `json:"ssh"` // port
}

func (l *Loss) String() string { return fmt.Sprintf("%d %% of packets lost", l.Percent) }

// Inject implements Fault. The set holds the kinds of IP there are, so it says yes
// to every packet until its elements expire.
func (l *Loss) Inject(ctx context.Context, at Place) error {
	if l.Percent < 1 || l.Percent > 100 {
		return fmt.Errorf("%d %% is no share of packets to lose", l.Percent)
	}
	return loadTable(ctx, at, rules{
		SSH: l.SSH, Type: "nf_proto", Elements: []string{"ipv4", "ipv6"}, Expire: at.Lease,
		In: l.rules("iif", "dropped_in"), Out: l.rules("oif", "dropped_out"),
	})
}

func (l *Loss) rules(device, counter string) []string {
	return []string{
		device + " lo accept",
		"meta nfproto @drilled counter name seen",
		fmt.Sprintf("meta nfproto @drilled numgen random mod 100 < %d counter name %s drop", l.Percent, counter),
	}
}

// Bites implements Fault.
func (l *Loss) Bites(ctx context.Context, at Place) (string, bool, error) {
	t, err := readTable(ctx, at)
	if err != nil || !t.There {
		return "the drill's nftables are not loaded", false, err
	}
	return fmt.Sprintf("dropped %d of %d packets", t.dropped(), t.Packets["seen"]), t.dropped() > 0, nil
}

// Heal implements Fault.
func (l *Loss) Heal(ctx context.Context, at Place) error {
	_, err := deleteTable(ctx, at)
	return err
}

// Healed implements Fault.
func (l *Loss) Healed(ctx context.Context, at Place) (string, bool, error) { return passing(ctx, at) }
