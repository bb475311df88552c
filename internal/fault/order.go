package fault

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"scaleup/internal/resource"
)

// Verb is what is asked of a server.
type Verb string

// The verbs. VerbList and VerbHealAll are about all faults of the server and need
// nothing but themselves; the others are about one.
const (
	VerbStart   Verb = "start"    // inject, and hold until the lease ends
	VerbBites   Verb = "bites"    // Report.OK: it has an effect
	VerbStop    Verb = "stop"     // heal
	VerbHealed  Verb = "healed"   // Report.OK: the effect is gone
	VerbList    Verb = "list"     // Report.Found: what is there
	VerbHealAll Verb = "heal-all" // heal everything; Report.Found: what was there
)

// Order asks something of one server.
type Order struct {
	Verb  Verb
	ID    string
	Lease time.Duration // at most maxLease
	Fault Fault
}

// maxLease is the longest that anything stays broken when nobody is left to heal it.
const maxLease = time.Hour

// Report answers an Order.
type Report struct {
	OK    bool     `json:"ok"`
	Text  string   `json:"text,omitempty"`  // what was seen
	Found []string `json:"found,omitempty"` // in words
}

// orderWire is an Order as JSON.
type orderWire struct {
	Verb  Verb          `json:"verb"`
	ID    string        `json:"id,omitempty"`
	Lease time.Duration `json:"lease_ns,omitempty"`
	Fault *wire         `json:"fault,omitempty"`
}

// MarshalJSON writes the fault as {"kind": …, "spec": …}.
func (o Order) MarshalJSON() ([]byte, error) {
	w := orderWire{Verb: o.Verb, ID: o.ID, Lease: o.Lease}
	if o.Fault != nil {
		var err error
		if w.Fault, err = marshalFault(o.Fault); err != nil {
			return nil, err
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote and refuses unknown kinds.
func (o *Order) UnmarshalJSON(data []byte) error {
	var w orderWire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*o = Order{Verb: w.Verb, ID: w.ID, Lease: w.Lease}
	if w.Fault == nil {
		return nil
	}
	var err error
	o.Fault, err = unmarshalFault(*w.Fault)
	return err
}

// check refuses an order about one fault that does not say which, or for how long.
func (o Order) check() error {
	switch {
	case o.Fault == nil:
		return errors.New("order of a fault: it says no fault")
	case !idForm.MatchString(o.ID):
		return fmt.Errorf("order of a fault: the ID %q is not up to 64 lower-case letters, digits and hyphens", o.ID)
	case o.Lease < time.Second || o.Lease > maxLease:
		return fmt.Errorf("order of fault %s: a lease of %s is not between 1s and %s", o.ID, o.Lease, maxLease)
	}
	return nil
}

func (o Order) at(sys resource.System) Place { return Place{System: sys, ID: o.ID, Lease: o.Lease} }

// encode writes an order in letters that neither a shell nor systemd interprets.
func (o Order) encode() (string, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("encode fault %s: %w", o.ID, err)
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

func decodeOrder(encoded string) (Order, error) {
	var o Order
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return o, fmt.Errorf("decode fault: %w", err)
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("decode fault: %w", err)
	}
	return o, o.check()
}

// Answer does what an order says on the server sys. Binary is the path of scaleup
// there, which the fault's unit runs.
func Answer(ctx context.Context, sys resource.System, binary string, o Order) (Report, error) {
	switch o.Verb {
	case VerbList:
		found, err := List(ctx, sys)
		return Report{OK: err == nil && len(found) == 0, Found: found}, err
	case VerbHealAll:
		found, err := HealAll(ctx, sys)
		return Report{OK: err == nil, Found: found}, err
	}
	if err := o.check(); err != nil {
		return Report{}, err
	}
	switch o.Verb {
	case VerbStart:
		err := Start(ctx, sys, binary, o)
		return Report{OK: err == nil}, err
	case VerbStop:
		err := End(ctx, sys, o)
		return Report{OK: err == nil}, err
	case VerbBites:
		text, ok, err := o.Fault.Bites(ctx, o.at(sys))
		return Report{OK: ok, Text: text}, err
	case VerbHealed:
		return o.healed(ctx, sys)
	default:
		return Report{}, fmt.Errorf("order of fault %s: unknown verb %q; the scaleup on this server is of another version", o.ID, o.Verb)
	}
}

// healed asks the fault only once its unit has done its part: before, it may still
// be about to break something.
func (o Order) healed(ctx context.Context, sys resource.System) (Report, error) {
	at := o.at(sys)
	held, err := at.recall(recordName, new(Order))
	if err != nil {
		return Report{}, err
	}
	if held {
		return Report{Text: "the fault is still held, or its healing has failed"}, nil
	}
	text, ok, err := o.Fault.Healed(ctx, at)
	return Report{OK: ok, Text: text}, err
}
