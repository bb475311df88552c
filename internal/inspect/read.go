package inspect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"scaleup/internal/resource"
)

// patience bounds the whole reading: a MySQL or a HAProxy that hangs is an error in
// the answer, and must not be the end of the answer. It is half of what status waits
// for a server.
const patience = 4 * time.Second

// item is one thing to read, by the JSON name of what it fills in. Items are read side
// by side, so each fills in fields of its own.
type item struct {
	name string
	read func(context.Context) error
}

// Read reads what ask asks for. It fails for nothing: what could not be read is in
// Report.Errors.
func Read(ctx context.Context, sys resource.System, ask Ask) Report {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r := Report{At: time.Now(), Errors: map[string]string{}}
	s := server{System: sys}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, i := range append(s.always(&r), s.asked(&r, ask)...) {
		wait.Go(func() {
			if err := i.read(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				r.Errors[i.name] = err.Error()
			}
		})
	}
	wait.Wait()
	return r
}

// server is the server that is read.
type server struct{ resource.System }

// always are the items that cost nothing: they read files of the kernel.
func (s server) always(r *Report) []item {
	return []item{
		{"synced", into(&r.Synced, s.synced)},
		{"kernel", into(&r.Kernel, s.release)},
		{"host", into(&r.Host, s.host)},
		{"uptime", into(&r.Uptime, s.uptime)},
		{"load", into(&r.Load, s.load)},
		{"memory", into(&r.Memory, s.memory)},
		{"disks", into(&r.Disks, s.disks)},
		{"listeners", into(&r.Listeners, s.listeners)},
	}
}

// asked are the items that are read on demand.
func (s server) asked(r *Report, ask Ask) []item {
	var items []item
	on := func(wanted bool, i item) {
		if wanted {
			items = append(items, i)
		}
	}
	on(ask.Units, item{"failed", func(ctx context.Context) (err error) { r.Failed, err = s.failed(ctx); return err }})
	on(len(ask.Configs) > 0, item{"configs", func(context.Context) (err error) { r.Configs, err = s.configs(ask.Configs); return err }})
	on(ask.Rules, item{"rules", func(ctx context.Context) (err error) { r.Rules, err = s.rules(ctx); return err }})
	on(len(ask.Upgrades) > 0, item{"packages", func(ctx context.Context) (err error) { r.Packages, err = s.packages(ctx, ask.Upgrades); return err }})
	on(ask.Balancer, item{"balancer", func(ctx context.Context) (err error) { r.Balancer, err = s.balancer(ctx); return err }})
	on(ask.Wire.IsValid(), item{"wire", func(ctx context.Context) (err error) { r.Wire, err = onWire(ctx, ask.Wire, ask.Name); return err }})
	on(len(ask.MySQL) > 0, item{"mysql", func(ctx context.Context) (err error) { r.MySQL, err = s.variables(ctx, ask.MySQL); return err }})
	on(ask.TryWrite, item{"write", func(ctx context.Context) (err error) { r.Write, err = s.tryWrite(ctx); return err }})
	on(len(ask.Refused) > 0, item{"probes", func(ctx context.Context) error { r.Probes = probe(ctx, ask.Refused); return nil }})
	return items
}

// into makes an item's read of a function that needs no context.
func into[T any](field *T, read func() (T, error)) func(context.Context) error {
	return func(context.Context) (err error) {
		*field, err = read()
		return err
	}
}

// path is where a path of the server lies below Root.
func (s server) path(p string) string { return filepath.Join(s.Root, p) }

// text reads a small file without the blanks around it.
func (s server) text(p string) (string, error) {
	content, err := os.ReadFile(s.path(p))
	return strings.TrimSpace(string(content)), err
}

// output runs a command that reads.
func (s server) output(ctx context.Context, argv ...string) (string, error) {
	out, err := s.Run(ctx, resource.Command{Argv: argv})
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s: %w", argv[0], context.Cause(ctx))
	}
	return string(out), err
}
