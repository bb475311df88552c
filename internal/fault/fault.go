// Package fault is what drills break on a server, and how that is mended. Each
// kind knows how to break (Inject), how to prove that it bites, how to heal, and
// how to prove that it is gone; all of that runs on the server itself.
//
// A fault is held by a transient systemd unit whose end heals it, however that end
// comes: by an order, by the lease that runs out, by the death of the process. So a
// fault outlives neither its lease nor the computer that ordered it. What would
// outlive a reboot is journalled on disk before it is done.
//
// The package knows nothing of sites, drills and other servers. There is one fault
// on a server at a time.
package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"scaleup/internal/resource"
)

// Fault is one of the closed set of kinds in this package.
type Fault interface {
	// String names the fault without its server: "kill -9 nginx.service".
	String() string
	// Inject breaks. It refuses what it could not heal, before it has touched
	// anything. Done again under the same ID it changes nothing that Heal needs.
	Inject(ctx context.Context, at Place) error
	// Bites looks whether the fault has an effect, and says what it saw.
	Bites(ctx context.Context, at Place) (proof string, ok bool, err error)
	// Heal mends. It is idempotent, and safe without Inject, or after one that was
	// cut off at any point.
	Heal(ctx context.Context, at Place) error
	// Healed looks whether the effect is gone, and says what it saw.
	Healed(ctx context.Context, at Place) (proof string, ok bool, err error)
}

// Place is where a fault is: a server, and the fault's name there.
type Place struct {
	System resource.System
	ID     string        // letters, digits and hyphens; unique among the faults of the server
	Lease  time.Duration // the fault heals itself after this
}

// kinds is the closed set, by the name it has on the wire.
func kinds() map[string]func() Fault {
	return map[string]func() Fault{
		"kill": func() Fault { return new(Kill) }, "hold-down": func() Fault { return new(HoldDown) },
		"stop": func() Fault { return new(Stop) }, "cpu": func() Fault { return new(CPU) },
		"cut": func() Fault { return new(Cut) }, "blackhole": func() Fault { return new(Blackhole) },
		"loss": func() Fault { return new(Loss) }, "thin": func() Fault { return new(Thin) },
		"bad-config": func() Fault { return new(BadConfig) }, "read-lock": func() Fault { return new(ReadLock) },
		"disk-full": func() Fault { return new(DiskFull) }, "disk-stall": func() Fault { return new(DiskStall) },
	}
}

// wire is a Fault as JSON: the kind decides how spec is read.
type wire struct {
	Kind string          `json:"kind"`
	Spec json.RawMessage `json:"spec"`
}

func marshalFault(f Fault) (*wire, error) {
	want := fmt.Sprintf("%T", f)
	for name, kind := range kinds() {
		if fmt.Sprintf("%T", kind()) == want {
			spec, err := json.Marshal(f)
			return &wire{Kind: name, Spec: spec}, err
		}
	}
	return nil, fmt.Errorf("encode fault: %T is not a kind of fault", f)
}

func unmarshalFault(w wire) (Fault, error) {
	kind, ok := kinds()[w.Kind]
	if !ok {
		return nil, fmt.Errorf("decode fault: unknown kind %q; the scaleup on this server is of another version", w.Kind)
	}
	f := kind()
	if err := json.Unmarshal(w.Spec, f); err != nil {
		return nil, fmt.Errorf("decode fault %s: %w", w.Kind, err)
	}
	return f, nil
}

var (
	idForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	unitForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,200}\.service$`)
)

// checkUnit refuses what is no name of a service: a name becomes an argument of
// systemctl and part of a path.
func checkUnit(name string) error {
	if !unitForm.MatchString(name) {
		return fmt.Errorf("%q is not the name of a service: write it in full, such as nginx.service", name)
	}
	return nil
}

// checkPath refuses what is no clean absolute path.
func checkPath(path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return fmt.Errorf("%q is not an absolute path in its shortest form", path)
	}
	return nil
}

// path is where a path of the server lies.
func (p Place) path(name string) string { return filepath.Join(p.System.Root, name) }

// command runs argv on the server and returns its standard output.
func (p Place) command(ctx context.Context, argv ...string) (string, error) {
	out, err := p.System.Run(ctx, resource.Command{Argv: argv})
	return string(out), err
}
