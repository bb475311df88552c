package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
)

// Thin narrows what the server can send, as a bad cable or a saturated link does. It
// does not limit what the server receives. Unlike rules of nftables, a queue
// does not expire in the kernel: the fault's unit alone ends it.
type Thin struct {
	KBit      int        `json:"kbit"`      // per second
	Interface netip.Addr `json:"interface"` // the one that holds this address
}

// thinHandle marks the queue as a drill's.
const thinHandle = "5ca1:"

func (t *Thin) String() string { return fmt.Sprintf("%d kbit/s to send with", t.KBit) }

// Inject implements Fault. It refuses an interface that has a queue of somebody's
// choice: the kernel's own have the handle 0, and come back by themselves.
func (t *Thin) Inject(ctx context.Context, at Place) error {
	if t.KBit < 8 {
		return fmt.Errorf("%d kbit/s are less than a packet every second", t.KBit)
	}
	device, err := t.device(ctx, at)
	if err != nil {
		return err
	}
	now, err := rootQueue(ctx, at, device)
	if err != nil {
		return err
	}
	if now.Handle != "" && now.Handle != "0:" && now.Handle != thinHandle {
		return fmt.Errorf("%s has a queue of its own (%s %s), which could not be put back", device, now.Kind, now.Handle)
	}
	// A burst is two full packets; what waits longer than the latency is dropped.
	_, err = at.command(ctx, "tc", "qdisc", "replace", "dev", device, "root", "handle", thinHandle,
		"tbf", "rate", fmt.Sprintf("%dkbit", t.KBit), "burst", "32kbit", "latency", "400ms")
	if err != nil {
		return fmt.Errorf("narrow %s: %w", device, err)
	}
	return nil
}

// device finds the interface that holds the address.
func (t *Thin) device(ctx context.Context, at Place) (string, error) {
	if !t.Interface.IsValid() {
		return "", errors.New("find the interface: no address is given")
	}
	out, err := at.command(ctx, "ip", "-json", "address", "show", "to", t.Interface.String())
	if err != nil {
		return "", fmt.Errorf("find the interface of %s: %w", t.Interface, err)
	}
	var links []struct{ Ifname string }
	if err := json.Unmarshal([]byte(out), &links); err != nil {
		return "", fmt.Errorf("find the interface of %s: %w", t.Interface, err)
	}
	for _, l := range links {
		if l.Ifname != "" { // ip lists the others as empty objects
			return l.Ifname, nil
		}
	}
	return "", fmt.Errorf("no interface of this server holds %s", t.Interface)
}

// queue is a queueing discipline as tc prints it.
type queue struct {
	Kind       string
	Handle     string
	Root       bool
	Packets    uint64
	Overlimits uint64
}

// rootQueue reads an interface's outermost queue; one without has the zero queue.
func rootQueue(ctx context.Context, at Place, device string) (queue, error) {
	out, err := at.command(ctx, "tc", "-json", "-statistics", "qdisc", "show", "dev", device)
	if err != nil {
		return queue{}, fmt.Errorf("read the queue of %s: %w", device, err)
	}
	var all []queue
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		return queue{}, fmt.Errorf("read the queue of %s: %w", device, err)
	}
	for _, q := range all {
		if q.Root {
			return q, nil
		}
	}
	return queue{}, nil
}

// Bites implements Fault.
func (t *Thin) Bites(ctx context.Context, at Place) (string, bool, error) {
	device, err := t.device(ctx, at)
	if err != nil {
		return "", false, err
	}
	q, err := rootQueue(ctx, at, device)
	if err != nil || q.Handle != thinHandle {
		return device + " is as wide as ever", false, err
	}
	return fmt.Sprintf("%s sends through %s at %d kbit/s: %d packets, %d of them held back", device, q.Kind, t.KBit, q.Packets, q.Overlimits), true, nil
}

// Heal implements Fault.
func (t *Thin) Heal(ctx context.Context, at Place) error {
	device, err := t.device(ctx, at)
	if err != nil {
		return err
	}
	q, err := rootQueue(ctx, at, device)
	if err != nil || q.Handle != thinHandle {
		return err
	}
	if _, err := at.command(ctx, "tc", "qdisc", "delete", "dev", device, "root"); err != nil {
		return fmt.Errorf("widen %s: %w", device, err)
	}
	return nil
}

// Healed implements Fault.
func (t *Thin) Healed(ctx context.Context, at Place) (string, bool, error) {
	text, narrow, err := t.Bites(ctx, at)
	return text, err == nil && !narrow, err
}
