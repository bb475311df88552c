// Package resource is the closed set of things a server can hold: files,
// packages, units, users, settings, releases. Each kind knows its wanted state
// (pure), and how to observe and apply it on the server it runs on. The package
// reaches no network and knows nothing of sites, roles or plans.
package resource

import (
	"context"
	"encoding/json"
	"fmt"
)

// State is what a resource is or should be, as a comparable, printable string
// without secrets: "sha256:… 0644 root:root", "running enabled …".
type State string

// Absent is the state of a resource that is not there at all.
const Absent State = "absent"

// Spec is one of the closed set of kinds in this package.
type Spec interface {
	// ID names the resource on its server: "file:/etc/hosts". It is the
	// resource's identity in plans and must be unique on a server.
	ID() string
	// Want is the state Apply leaves behind. It is pure.
	Want() State
	// Observe reads the present state and changes nothing.
	Observe(ctx context.Context, sys System) (State, error)
	// Apply brings the resource to Want. It is idempotent, and safe to run
	// again after it was cut off at any point.
	Apply(ctx context.Context, sys System) error
}

// Tolerant is implemented by kinds whose state other steps of the same plan change
// on the way: a unit that was not there is stopped once its file is written, and
// enabled once its package is installed.
type Tolerant interface {
	// Tolerates reports whether a plan made for one state still fits another. It
	// is pure, and only asked when the states differ.
	Tolerates(planned, now State) bool
}

// Resource carries a Spec over the wire.
type Resource struct{ Spec Spec }

// wire is a Resource as JSON: the kind decides how spec is read.
type wire struct {
	Kind string          `json:"kind"`
	Spec json.RawMessage `json:"spec"`
}

// kinds is the closed set, by the name it has on the wire.
func kinds() map[string]func() Spec {
	return map[string]func() Spec{
		"file": func() Spec { return new(File) }, "directory": func() Spec { return new(Directory) },
		"absent": func() Spec { return new(AbsentPath) }, "link": func() Spec { return new(Link) },
		"packages": func() Spec { return new(Packages) }, "user": func() Spec { return new(User) },
		"sysctls": func() Spec { return new(Sysctls) }, "unit": func() Spec { return new(Unit) },
		"firewall": func() Spec { return new(Firewall) }, "release": func() Spec { return new(Release) },
		"slot": func() Spec { return new(Slot) }, "migration": func() Spec { return new(Migration) },
		"mysql-data": func() Spec { return new(MySQLData) }, "mysql-accounts": func() Spec { return new(MySQLAccounts) },
		"member": func() Spec { return new(Member) },
	}
}

func kindOf(s Spec) (string, error) {
	want := fmt.Sprintf("%T", s)
	for name, make := range kinds() {
		if fmt.Sprintf("%T", make()) == want {
			return name, nil
		}
	}
	return "", fmt.Errorf("encode resource: %T is not a kind of resource", s)
}

// MarshalJSON writes {"kind": …, "spec": …}.
func (r Resource) MarshalJSON() ([]byte, error) {
	kind, err := kindOf(r.Spec)
	if err != nil {
		return nil, err
	}
	spec, err := json.Marshal(r.Spec)
	if err != nil {
		return nil, err
	}
	return json.Marshal(wire{Kind: kind, Spec: spec})
}

// UnmarshalJSON reads what MarshalJSON wrote and refuses unknown kinds.
func (r *Resource) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	make, ok := kinds()[w.Kind]
	if !ok {
		return fmt.Errorf("decode resource: unknown kind %q; the scaleup on this server is of another version", w.Kind)
	}
	r.Spec = make()
	return json.Unmarshal(w.Spec, r.Spec)
}
