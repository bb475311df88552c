package fault

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// Blackhole drops everything to and from some addresses for exactly as long as it
// says: the kernel ends it, to the millisecond, not a process. With the virtual
// addresses of a site it is an outage of known length, against which the drill's
// own measurement is held.
type Blackhole struct {
	Addresses []netip.Addr  `json:"addresses"`
	For       time.Duration `json:"for_ns"`
	SSH       uint16        `json:"ssh"` // port
}

func (b *Blackhole) String() string {
	return fmt.Sprintf("all packets of %s dropped for %s", join(b.Addresses), b.For)
}

// Inject implements Fault.
func (b *Blackhole) Inject(ctx context.Context, at Place) error {
	if b.For > at.Lease {
		return fmt.Errorf("the lease of %s would end a blackhole of %s too early", at.Lease, b.For)
	}
	elements, err := ipv4(b.Addresses)
	if err != nil {
		return err
	}
	match := func(counter string) []string {
		return []string{
			"ip daddr @drilled counter name " + counter + " drop",
			"ip saddr @drilled counter name " + counter + " drop",
		}
	}
	return loadTable(ctx, at, rules{
		SSH: b.SSH, Type: "ipv4_addr", Elements: elements, Expire: b.For,
		In: match("dropped_in"), Out: match("dropped_out"),
	})
}

// Bites implements Fault. It says so also after the blackhole has ended.
func (b *Blackhole) Bites(ctx context.Context, at Place) (string, bool, error) {
	return dropping(ctx, at)
}

// Heal implements Fault.
func (b *Blackhole) Heal(ctx context.Context, at Place) error {
	_, err := deleteTable(ctx, at)
	return err
}

// Healed implements Fault.
func (b *Blackhole) Healed(ctx context.Context, at Place) (string, bool, error) {
	return passing(ctx, at)
}
