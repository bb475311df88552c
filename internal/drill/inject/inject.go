// Package inject breaks a running site for a drill, and mends it: by faults on its
// servers, which the far end holds (package fault), or from outside by the lab that
// its machines are in. Whatever it breaks is mended also when this process dies: on
// servers by the fault's own unit, in the lab by a process that watches this one.
//
// It does not choose what to break, and judges nothing.
package inject

import (
	"context"

	"scaleup/internal/drill/record"
)

// Injection is one fault on the running site.
type Injection interface {
	// String is the fault in words, with the servers: "kill -9 haproxy.service on lb1".
	String() string
	// Targets are the servers it is on, by name.
	Targets() []string
	// Inject breaks. When it fails, some of it may have been done: heal.
	Inject(ctx context.Context) error
	// Bites looks whether the fault has an effect on every target.
	Bites(ctx context.Context) (record.Proof, error)
	// Heal mends. It is idempotent, and safe without Inject; afterwards the same
	// injection cannot be injected again.
	Heal(ctx context.Context) error
	// Healed looks whether the effect is gone from every target.
	Healed(ctx context.Context) (record.Proof, error)
}

// None breaks nothing and says so: what a drill measures with it is its own noise.
type None struct{}

func (None) String() string { return "nothing" }

// Targets implements Injection.
func (None) Targets() []string { return nil }

// Inject implements Injection.
func (None) Inject(context.Context) error { return nil }

// Bites implements Injection.
func (None) Bites(context.Context) (record.Proof, error) {
	return record.Proof{OK: true, Text: "nothing was to be broken"}, nil
}

// Heal implements Injection.
func (None) Heal(context.Context) error { return nil }

// Healed implements Injection.
func (None) Healed(context.Context) (record.Proof, error) {
	return record.Proof{OK: true, Text: "nothing was broken"}, nil
}

// Mute is a fault that never bites: a control that shows whether a drill notices.
type Mute struct{ None }

func (Mute) String() string { return "a fault without effect" }

// Bites implements Injection.
func (Mute) Bites(context.Context) (record.Proof, error) {
	return record.Proof{Text: "it has no effect, on purpose"}, nil
}
