// Package hosttest runs a server's real far end in the test's own process, on a
// temporary folder instead of a machine: files are real files there, systemd is
// a small model (see Unit), and every other command must have been announced
// with On. Nothing outside the folder is read or changed.
package hosttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"scaleup/internal/facts"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

// Host is a server without a machine. It implements host.Host.
type Host struct {
	Root string // the server's file tree

	// Intercept, when set, sees every request first. What it answers it writes
	// into p and clears in q; the far end answers the rest. It stands in for
	// HAProxy and the guard, which a temporary folder cannot hold.
	Intercept func(q *remote.Request, p *remote.Response) error
	// Unreachable, when set, is what Reconnect answers.
	Unreachable error

	t     testing.TB
	facts facts.Facts
	call  sync.Mutex // calls are answered one after another

	mu       sync.Mutex
	answers  []answer
	commands []string
	units    map[string]*Unit
}

var _ host.Host = (*Host)(nil)

type answer struct {
	prefix []string
	with   Answer
}

// Answer is what a command does: its standard output, or why it failed.
type Answer func(resource.Command) (string, error)

// Output is the Answer of a command that succeeds.
func Output(text string) Answer {
	return func(resource.Command) (string, error) { return text, nil }
}

// Timer is the Answer of systemd-run: it leaves the transient timer where systemd
// keeps it until the timer is stopped.
func (h *Host) Timer(name string) Answer {
	return func(resource.Command) (string, error) {
		h.Write("/run/systemd/transient/"+name+".timer", "[Timer]\n")
		return "", nil
	}
}

// Exit is the Answer of a command that fails with this exit code and message.
func Exit(code int, message string) Answer {
	return func(c resource.Command) (string, error) {
		return "", &resource.ExitError{Argv: c.Argv, Code: code, Output: message}
	}
}

// New makes an empty server.
func New(t testing.TB, f facts.Facts) *Host {
	t.Helper()
	return &Host{Root: t.TempDir(), t: t, facts: f, units: map[string]*Unit{}}
}

// On says what a command does whose argument vector begins with prefix. Of
// several that fit, the one announced last counts.
func (h *Host) On(with Answer, prefix ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers = append(h.answers, answer{prefix: prefix, with: with})
}

// Commands lists what has been run that changes something, in order, arguments
// joined by spaces: everything but reading the state of units.
func (h *Host) Commands() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.commands)
}

// Forget empties the list of Commands.
func (h *Host) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commands = nil
}

// System is the server as resources see it.
func (h *Host) System() resource.System { return resource.System{Root: h.Root, Run: h.run} }

// Path is where a path of the server lies.
func (h *Host) Path(p string) string { return filepath.Join(h.Root, p) }

// Write puts a file on the server.
func (h *Host) Write(path, content string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.Path(path)), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(h.Path(path), []byte(content), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// Read returns a file of the server, "" when it is not there.
func (h *Host) Read(path string) string {
	h.t.Helper()
	content, err := os.ReadFile(h.Path(path))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.t.Fatal(err)
	}
	return string(content)
}

// Owner names the user and group that files of the temporary root belong to:
// root's where root runs the test, else the tester's own.
func Owner(t testing.TB) (owner, group string) {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	return u.Username, g.Name
}

// Call implements host.Host. Request and response go through the real protocol.
func (h *Host) Call(ctx context.Context, q remote.Request) (remote.Response, error) {
	h.call.Lock()
	defer h.call.Unlock()
	var known remote.Response
	if h.Intercept != nil {
		if err := h.Intercept(&q, &known); err != nil {
			return remote.Response{}, err
		}
	}
	line, err := json.Marshal(q)
	if err != nil {
		return remote.Response{}, err
	}
	far := &remote.Server{System: h.System(), Facts: func(context.Context) (facts.Facts, error) { return h.facts, nil }}
	var out bytes.Buffer
	if err := far.Serve(ctx, bytes.NewReader(line), &out); err != nil {
		return remote.Response{}, err
	}
	var p remote.Response
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		return remote.Response{}, err
	}
	if p.Error != "" {
		return p, errors.New(p.Error)
	}
	if known.Balancer != nil {
		p.Balancer = known.Balancer
	}
	if known.Ended > 0 {
		p.Ended = known.Ended
	}
	if known.Member != nil {
		p.Member = known.Member
	}
	if known.Facts != nil {
		p.Facts = known.Facts
	}
	if known.HandedOver != nil {
		p.HandedOver = known.HandedOver
	}
	if known.Units != nil {
		p.Units = known.Units
	}
	return p, nil
}

// Exec implements host.Host: "… remote --receive DIGEST" is the real one, other
// programs are those announced with On.
func (h *Host) Exec(ctx context.Context, argv []string, stdio host.Stdio) (int, error) {
	if len(argv) == 4 && argv[1] == "remote" && argv[2] == "--receive" {
		if err := resource.Receive(h.System(), argv[3], stdio.In); err != nil {
			fmt.Fprintln(stdio.Err, err)
			return 1, nil
		}
		return 0, nil
	}
	out, err := h.run(ctx, resource.Command{Argv: argv, Stdin: stdio.In})
	if stdio.Out != nil {
		if _, err := io.Copy(stdio.Out, bytes.NewReader(out)); err != nil {
			return 0, err
		}
	}
	if exit := (*resource.ExitError)(nil); errors.As(err, &exit) {
		return exit.Code, nil
	}
	return 0, err
}

// Reconnect implements host.Host.
func (h *Host) Reconnect(context.Context) error { return h.Unreachable }

// Close implements host.Host.
func (h *Host) Close() error { return nil }

// run is the server's resource.Runner.
func (h *Host) run(ctx context.Context, c resource.Command) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if with := h.find(c.Argv); with != nil {
		h.ran(c.Argv)
		out, err := with(c)
		return []byte(out), err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out, ok, err := h.systemd(c.Argv)
	if !ok {
		h.t.Errorf("the server was not told what to do for %q", c.Argv)
		return nil, &resource.ExitError{Argv: c.Argv, Code: 127, Output: "not announced to hosttest"}
	}
	return []byte(out), err
}

func (h *Host) find(argv []string) Answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range slices.Backward(h.answers) {
		if len(argv) >= len(a.prefix) && slices.Equal(argv[:len(a.prefix)], a.prefix) {
			return a.with
		}
	}
	return nil
}

func (h *Host) ran(argv []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.note(argv)
}

func (h *Host) note(argv []string) { h.commands = append(h.commands, strings.Join(argv, " ")) }
