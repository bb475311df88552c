package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/host"
	"scaleup/internal/secrets"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

const statusLong = `status asks every server, side by side, and opens with the verdict. Servers
that do not answer are shown as unreachable; it answers within 2 s all the same.
It exits with 0 when the site is healthy and with 2 when it is not.

With --watch it shows the site again every 2 s, or as often as --interval says, with
the requests per second and open sessions of each tier, the newest changes that it saw
and the newest lines of the site's journal, until Ctrl-C; then it exits with 0. On a
terminal each look takes the place of the one before. With NO_COLOR, on a dumb terminal
and in a pipe they follow one another; with --json each is one line.`

func statusCommand(o *options) *cobra.Command {
	watch, interval := false, 2*time.Second
	cmd := &cobra.Command{
		Use: "status", Short: "Tell in one sentence and one screen how the site is", Long: statusLong,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("interval") && !watch {
				return usage{"--interval without --watch: there is but one look", "scaleup status --watch --interval " + interval.String()}
			}
			if interval < leastInterval {
				return usage{fmt.Sprintf("--interval %s is shorter than %s", interval, leastInterval), "2s is what it is by itself"}
			}
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			if watch {
				return op.watchStatus(cmd.Context(), interval)
			}
			r, err := op.status(cmd.Context())
			if err != nil {
				return err
			}
			if op.json {
				err = writeJSON(op.out, r)
			} else {
				printStatus(op.out, r)
			}
			if err == nil && !r.Healthy {
				return silent(exitChanges)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "show the site again and again, with its traffic and what changes")
	cmd.Flags().DurationVar(&interval, "interval", interval, "with --watch: time from one look to the next")
	return cmd
}

// status asks all servers and assesses the answers.
func (op *operation) status(ctx context.Context) (status.Report, error) {
	return op.assess(ctx, func() (connector, error) { return op.impatient() })
}

// connector reaches servers one by one.
type connector interface {
	dial(context.Context, topology.Server) (host.Host, error)
}

// assess asks all servers that run, over a connector that is asked for when there is
// anybody to reach.
func (op *operation) assess(ctx context.Context, connect func() (connector, error)) (status.Report, error) {
	reach, err := op.connectTo(ctx, op.topology.Servers, connect)
	if err != nil {
		return status.Report{}, err
	}
	ca, err := op.authority()
	if err != nil {
		return status.Report{}, err
	}
	return status.Assess(op.topology, ca, status.Ask(ctx, op.topology, reach, nil)), nil
}

// connectTo is how servers are asked: those of the lab that are off are not, and only if
// there are others, a connector is made.
func (op *operation) connectTo(ctx context.Context, servers []topology.Server, connect func() (connector, error)) (status.Connect, error) {
	off, err := op.labOff(ctx)
	if err != nil {
		return nil, err
	}
	var c connector
	if slices.ContainsFunc(servers, func(s topology.Server) bool { return !slices.Contains(off, s.Name) }) {
		if c, err = connect(); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, s topology.Server) (host.Host, bool, error) {
		if slices.Contains(off, s.Name) {
			return nil, true, nil
		}
		h, err := c.dial(ctx, s)
		return h, false, err
	}, nil
}

// authority is the path of the site's own certificate authority, "" when its
// certificate is the operator's.
func (op *operation) authority() (string, error) {
	if !op.topology.Site.TLS.Internal {
		return "", nil
	}
	store, err := secrets.Open(op.stateDir)
	if err != nil {
		return "", err
	}
	return store.CAFile(), nil
}

// printStatus fits nine servers into 80 columns and 24 lines.
func printStatus(w io.Writer, r status.Report) {
	fmt.Fprintf(w, "%s\n\n", r.Verdict)
	for _, s := range r.Servers {
		fmt.Fprintf(w, "%-8s %-13s %-15s %-12s %s\n", s.Name, s.Role, s.Address, s.State, fit(components(s), 28))
	}
	fmt.Fprintln(w)
	for _, v := range r.VIPs {
		fmt.Fprintf(w, "%-8s address %-15s held by %s\n", v.Name, v.Address, orNobody(v.Holder))
	}
	var members []string
	for _, m := range r.Database.Members {
		members = append(members, fmt.Sprintf("%s %s", m.Server, strings.TrimSpace(m.State+" "+strings.ToLower(m.Role))))
	}
	fmt.Fprintf(w, "database %s\n", strings.Join(members, ", "))
	for _, t := range r.Tiers {
		var backends []string
		for _, b := range t.Backends {
			backends = append(backends, fmt.Sprintf("%s %s", b.Server, b.State))
		}
		if !strings.HasPrefix(t.Name, "mysql") {
			fmt.Fprintf(w, "%-8s %s\n", t.Name, strings.Join(backends, ", "))
		}
	}
	fmt.Fprintf(w, "\n%s at %s\n", r.URL, r.Address)
}

// components lists what is wrong on a server, or else what runs and its version.
func components(s status.Server) string {
	var bad, good []string
	for _, c := range s.Components {
		if c.State != "running" {
			bad = append(bad, c.Name+" "+c.State)
		} else if c.Note != "" {
			good = append(good, c.Name+" "+c.Note)
		} else if c.Version != "" {
			good = append(good, c.Name+" "+c.Version)
		} else if c.Name == "app" {
			good = append(good, c.Name)
		}
	}
	if len(bad) > 0 {
		return strings.Join(bad, ", ")
	}
	return strings.Join(good, ", ")
}

func fit(s string, width int) string {
	if len(s) <= width {
		return s
	}
	return s[:width-1] + "…"
}

func orNobody(holder string) string {
	if holder == "" {
		return "nobody"
	}
	return holder
}
