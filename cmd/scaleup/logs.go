package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/host"
	"scaleup/internal/logs"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

const logsLong = `logs reads the logs of all servers, side by side, and shows them as one, in the order
of their time: the journals of all, and on web servers the files that Nginx writes. It
shows the newest 100 lines, or as many as --lines says; with --follow (-F, for -f names
the site file) it goes on with what is written from now on, until Ctrl-C.

  scaleup logs --tier web --since 10m
  scaleup logs -F --component haproxy --component keepalived
  scaleup logs --request 7c6a1de0-53c1-4d5e-9a8f-0d5c4f3b2a10

--request finds what was written of one request, by the name that HAProxy gives it and
sends to the user in X-Request-ID; without --since it looks back one hour. It finds the
lines that carry the name: Nginx writes it with each request but those for static files
that it served, others where they name it.

Limits. Lines are ordered by the clocks of the servers that wrote them, and are shown
with that time in this computer's zone: when clocks differ, so does the order. Nginx's
times are whole seconds, and its lines come up to two seconds late. While following, a
line waits up to 0.3 s for earlier ones of other servers, and one that is later still is
shown all the same. Nginx's files are read back to the last but one; older ones are
compressed.

A server that cannot be reached is named on standard error, and with --follow it is
tried again. It exits with 0 when any server told its log, and with 1 when none did.`

// logsFlags are the flags of logs, as they were given.
type logsFlags struct {
	follow       bool
	tier         string
	servers      []string
	components   []string
	since, until string
	lines        int
	request      string
}

func logsCommand(o *options) *cobra.Command {
	var f logsFlags
	cmd := &cobra.Command{
		Use: "logs", Short: "Show the logs of all servers as one", Long: logsLong,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage{fmt.Sprintf("%s wants no arguments, not %q", cmd.CommandPath(), strings.Join(args, " ")), "--server NAME names a server; --follow is -F, for -f names the site file"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			w, err := f.wanted(op.topology, time.Now())
			if err != nil {
				return err
			}
			return op.logs(cmd.Context(), w)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage{err.Error(), cmd.CommandPath() + " --help lists the flags; --follow is -F, for -f names the site file"}
	})
	flags := cmd.Flags()
	flags.BoolVarP(&f.follow, "follow", "F", false, "go on with what is written from now on")
	flags.StringVar(&f.tier, "tier", "", "only servers of this tier: "+roleNames())
	flags.StringSliceVar(&f.servers, "server", nil, "only this server; may be given several times")
	flags.StringSliceVar(&f.components, "component", nil, "only this component; may be given several times: "+listed(logs.Components()))
	flags.StringVar(&f.since, "since", "", `from this time on: 10m (ago), "2026-11-27 15:00" or RFC 3339`)
	flags.StringVar(&f.until, "until", "", "up to this time")
	flags.IntVar(&f.lines, "lines", 100, "the newest N lines of all servers together")
	flags.StringVar(&f.request, "request", "", "only what was written of this request (its X-Request-ID)")
	return cmd
}

func roleNames() string {
	var names []string
	for _, r := range spec.Roles {
		names = append(names, string(r))
	}
	return listed(names)
}

// wantedLogs is what logs has been asked for.
type wantedLogs struct {
	servers []topology.Server
	asks    map[string]remote.LogAsk // by server
	follow  bool
	lines   int
}

// wanted checks the flags and finds out whom to ask for what.
func (f logsFlags) wanted(t *topology.Topology, now time.Time) (wantedLogs, error) {
	w := wantedLogs{asks: map[string]remote.LogAsk{}, follow: f.follow, lines: f.lines}
	if f.lines < 0 || f.lines > remote.MaxLogLines {
		return w, usage{fmt.Sprintf("--lines %d: it is 0 to %d", f.lines, remote.MaxLogLines), "--since 10m bounds the time instead"}
	}
	if err := f.known(t); err != nil {
		return w, err
	}
	since, until, err := f.span(now)
	if err != nil {
		return w, err
	}
	for _, s := range t.Servers {
		if f.tier != "" && string(s.Role) != f.tier || len(f.servers) > 0 && !slices.Contains(f.servers, s.Name) {
			continue
		}
		ask, has := logs.Ask(s.Role, f.components)
		if !has {
			continue
		}
		ask.Since, ask.Until, ask.Request = since, until, f.request
		w.servers, w.asks[s.Name] = append(w.servers, s), ask
	}
	if len(w.servers) == 0 {
		return w, usage{"none of the servers named runs such a component", "leave --tier, --server or --component away"}
	}
	return w, nil
}

// known refuses names that are not there.
func (f logsFlags) known(t *topology.Topology) error {
	if f.tier != "" && !slices.Contains(spec.Roles, spec.Role(f.tier)) {
		return usage{fmt.Sprintf("no tier %q; there are: %s", f.tier, roleNames()), "name one of them"}
	}
	for _, name := range f.servers {
		if _, err := t.Server(name); err != nil {
			return usage{err.Error(), "name one of them"}
		}
	}
	for _, name := range f.components {
		if !slices.Contains(logs.Components(), name) {
			return usage{fmt.Sprintf("no component %q; there are: %s", name, listed(logs.Components())), "name one of them"}
		}
	}
	if f.request != "" {
		if err := remote.CheckRequestID(f.request); err != nil {
			return usage{"--request: " + err.Error(), "it is in the answer's header X-Request-ID"}
		}
	}
	return nil
}

// requestSince is how far back a request is looked for: without a bound, one that left
// no line would cost every server a walk through all of its journal.
const requestSince = time.Hour

// span is the time whose logs are wanted. A bound that was not given is zero.
func (f logsFlags) span(now time.Time) (since, until time.Time, err error) {
	if since, err = moment("--since", f.since, now); err != nil {
		return since, until, err
	}
	if until, err = moment("--until", f.until, now); err != nil {
		return since, until, err
	}
	if f.follow && f.until != "" {
		return since, until, usage{"--follow has no end, and --until names one", "leave one of them away"}
	}
	if f.request != "" && f.since == "" {
		since = now.Add(-requestSince)
		if !until.IsZero() {
			since = until.Add(-requestSince)
		}
	}
	if !until.IsZero() && until.Before(since) {
		return since, until, usage{"--until is before --since", "--since 20m --until 10m are ten minutes"}
	}
	return since, until, nil
}

// moment reads a time: how long ago, by this computer's calendar, or RFC 3339.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, usage{fmt.Sprintf("%s %q is not a time", flag, text), `say 10m, 2h30m, "2026-11-27 15:00" or 2026-11-27T15:00:00Z`}
}

// logs reads and shows what is wanted.
func (op *operation) logs(ctx context.Context, w wantedLogs) error {
	if err := op.anyRuns(ctx); err != nil {
		return err
	}
	d, err := op.impatient()
	if err != nil {
		return err
	}
	r := logs.Reading{Lines: w.lines, Follow: w.follow, Show: op.logPrinter(w.servers), Warn: func(server, message string) {
		fmt.Fprintf(op.err, "scaleup: %s: %s\n", server, logs.Printable(message))
	}}
	off := &offMemo{op: op}
	for _, s := range w.servers {
		r.Sources = append(r.Sources, logs.Source{Server: s.Name, Ask: w.asks[s.Name], Open: func(ctx context.Context, ask remote.LogAsk) (io.ReadCloser, error) {
			h, err := off.dial(ctx, d, s)
			if err != nil {
				return nil, err
			}
			return logs.Tell(ctx, h, op.binary.RemotePath(), ask)
		}})
	}
	cut, err := r.Run(ctx)
	if errors.Is(err, logs.ErrNobody) {
		return hinted{err, unreachableHint(op.topology.InLab())}
	}
	if cut && err == nil && !w.follow {
		fmt.Fprintf(op.err, "scaleup: these are the newest %d lines; --lines %s shows more\n", w.lines, strconv.Itoa(10*max(1, w.lines)))
	}
	return err
}

// logPrinter shows entries for people or, with --json, for programs.
func (op *operation) logPrinter(servers []topology.Server) func(logs.Entry) error {
	if op.json {
		return logs.Lines{Out: op.out}.Show
	}
	text := &logs.Text{Out: op.out, Zone: time.Local}
	for _, s := range servers {
		text.Server = max(text.Server, len(s.Name))
	}
	return text.Show
}

// offMemo knows which machines of the lab are off: their addresses may be somebody
// else's. Asking takes a moment, and servers are tried side by side.
type offMemo struct {
	op *operation

	mu    sync.Mutex
	names []string
	asked time.Time
}

// offAge is how long an answer counts: less than the least pause between two tries.
const offAge = 500 * time.Millisecond

func (m *offMemo) dial(ctx context.Context, d *dialer, s topology.Server) (host.Host, error) {
	off, err := m.off(ctx)
	if err != nil {
		return nil, err
	}
	if slices.Contains(off, s.Name) {
		return nil, errOff
	}
	return d.dial(ctx, s)
}

func (m *offMemo) off(ctx context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.asked) < offAge {
		return m.names, nil
	}
	names, err := m.op.labOff(ctx)
	if err == nil {
		m.names, m.asked = names, time.Now()
	}
	return names, err
}
