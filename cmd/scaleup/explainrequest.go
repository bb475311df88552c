package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/explain"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

const explainRequestLong = `request sends one HTTPS request to the public address, asks the load balancers, web
servers and app servers for what they wrote of it, and shows how long each part took.

This computer measures what it sees; Nginx logs, in whole milliseconds, how long a
request took and how long it waited for the app tier. HAProxy logs no ordinary request,
so its part is a difference. Nginx writes its log once a second, and logs no static
files that it served; after 3 s the answer is what there is.

It exits with 0 when the site answered, whatever its status, and with 1 when it did not.`

func explainRequestCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "request [PATH]", Short: "Follow one request through the tiers, with milliseconds per hop", Long: explainRequestLong,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && !strings.HasPrefix(args[0], "/") {
				return usage{fmt.Sprintf("%s wants one path that begins with /, not %q", cmd.CommandPath(), strings.Join(args, " ")), "scaleup explain request /menu"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			path := "/"
			if len(args) == 1 {
				path = args[0]
			}
			return op.explainRequest(cmd.Context(), path)
		},
	}
}

func (op *operation) explainRequest(ctx context.Context, path string) error {
	if err := op.anyRuns(ctx); err != nil {
		return err
	}
	client, err := op.outside()
	if err != nil {
		return err
	}
	visit := client.visit(ctx, path)
	if visit.Err != "" {
		return hinted{fmt.Errorf("no answer from %s at %s: %s", visit.URL, visit.Address, visit.Err), "scaleup status shows what does not work"}
	}
	t, err := op.follow(ctx, visit, spec.LoadBalancer, spec.Web, spec.App) // MySQL knows no requests
	if err != nil {
		return err
	}
	r := explain.Follow(op.topology.Site.Name, *t)
	if op.json {
		return writeJSON(op.out, r)
	}
	explain.Waterfall(op.out, r)
	return nil
}

const (
	// followFor is how long the logs are asked for a request's lines: Nginx writes them
	// within a second, and a slow computer takes as long again to answer.
	followFor = 3 * time.Second
	// followEvery is how long to wait between two questions.
	followEvery = 300 * time.Millisecond
)

// follow finds what the servers of some roles wrote of a request.
func (op *operation) follow(ctx context.Context, visit explain.Visit, roles ...spec.Role) (*explain.Trace, error) {
	t := explain.Trace{Visit: visit}
	if visit.RequestID == "" {
		return &t, nil
	}
	var asked []topology.Server
	for _, role := range roles {
		asked = append(asked, op.topology.With(role)...)
	}
	ctx, cancel := context.WithTimeout(ctx, followFor)
	defer cancel()
	reach, err := op.connectTo(ctx, asked, func() (connector, error) { return op.impatient() })
	if err != nil {
		return nil, err
	}
	logs := openRequestLogs(ctx, asked, reach)
	defer logs.close()
	awaitLines(ctx, &t, func(ctx context.Context) { logs.read(ctx, &t) })
	return &t, nil
}

// awaitLines reads until the trace is whole or ctx is done.
func awaitLines(ctx context.Context, t *explain.Trace, read func(context.Context)) {
	for {
		read(ctx)
		if t.Whole() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(followEvery):
		}
	}
}

// requestLogs are connections to the servers whose logs are asked.
type requestLogs struct {
	hosts    map[string]host.Host
	silent   map[string]string // why a server cannot be asked
	answered map[string]bool   // servers that have answered at least once
}

func openRequestLogs(ctx context.Context, servers []topology.Server, reach status.Connect) *requestLogs {
	l := &requestLogs{silent: map[string]string{}, answered: map[string]bool{}}
	var failed map[string]error
	l.hosts, failed = dialEach(ctx, servers, func(ctx context.Context, s topology.Server) (host.Host, error) {
		h, off, err := reach(ctx, s)
		if off {
			return nil, errOff
		}
		return h, err
	})
	for name, err := range failed {
		l.silent[name] = err.Error()
	}
	return l
}

func (l *requestLogs) close() {
	for _, h := range l.hosts {
		h.Close()
	}
}

// read asks all servers once. What one answered before is kept when it does not answer
// this time.
func (l *requestLogs) read(ctx context.Context, t *explain.Trace) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	if t.Lines == nil {
		t.Lines, t.Silent = map[string][]remote.LogLine{}, maps.Clone(l.silent)
	}
	for name, h := range l.hosts {
		wait.Go(func() {
			p, err := h.Call(ctx, remote.Request{LogsOf: t.Visit.RequestID})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if !l.answered[name] {
					t.Silent[name] = err.Error()
				}
				return
			}
			l.answered[name] = true
			delete(t.Silent, name)
			if len(p.LogLines) > 0 {
				t.Lines[name] = p.LogLines
			}
		})
	}
	wait.Wait()
}
