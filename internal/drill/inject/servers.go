package inject

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"scaleup/internal/drill/record"
	"scaleup/internal/fault"
	"scaleup/internal/host"
	"scaleup/internal/remote"
)

// Limits of one question to one server, so that one that hangs holds nobody up for
// ever. changeLimit is more than the far end's own limit for injecting.
const (
	changeLimit = time.Minute
	lookLimit   = 10 * time.Second
)

// OnServers is the injection of one fault on each of several servers, side by side.
// The ID must be new. The faults heal themselves after the lease.
func OnServers(hosts map[string]host.Host, faults map[string]fault.Fault, id string, lease time.Duration) Injection {
	return &onServers{hosts: hosts, faults: faults, id: id, lease: lease}
}

type onServers struct {
	hosts  map[string]host.Host
	faults map[string]fault.Fault // by server
	id     string
	lease  time.Duration
}

// String groups the servers that have the same fault.
func (o *onServers) String() string {
	var whats []string
	servers := map[string][]string{}
	for _, server := range o.Targets() {
		what := o.faults[server].String()
		if servers[what] == nil {
			whats = append(whats, what)
		}
		servers[what] = append(servers[what], server)
	}
	for i, what := range whats {
		whats[i] = what + " on " + strings.Join(servers[what], ", ")
	}
	return strings.Join(whats, "; ")
}

// Targets implements Injection.
func (o *onServers) Targets() []string { return slices.Sorted(maps.Keys(o.faults)) }

// Inject implements Injection.
func (o *onServers) Inject(ctx context.Context) error {
	_, err := o.ask(ctx, fault.VerbStart, changeLimit)
	return err
}

// Bites implements Injection.
func (o *onServers) Bites(ctx context.Context) (record.Proof, error) {
	return o.ask(ctx, fault.VerbBites, lookLimit)
}

// Heal implements Injection. A connection that broke is opened anew by the second
// try.
func (o *onServers) Heal(ctx context.Context) error {
	if _, err := o.ask(ctx, fault.VerbStop, changeLimit); err == nil {
		return nil
	}
	_, err := o.ask(ctx, fault.VerbStop, changeLimit)
	return err
}

// Healed implements Injection.
func (o *onServers) Healed(ctx context.Context) (record.Proof, error) {
	return o.ask(ctx, fault.VerbHealed, lookLimit)
}

// ask asks all servers side by side. The proof is the proof of all.
func (o *onServers) ask(ctx context.Context, verb fault.Verb, limit time.Duration) (record.Proof, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	targets := o.Targets()
	reports, errs := make([]fault.Report, len(targets)), make([]error, len(targets))
	var wait sync.WaitGroup
	for i, server := range targets {
		wait.Go(func() { reports[i], errs[i] = o.order(ctx, server, verb) })
	}
	wait.Wait()
	proof := record.Proof{OK: len(targets) > 0}
	texts := make([]string, len(targets))
	for i, r := range reports {
		proof.OK = proof.OK && r.OK && errs[i] == nil
		texts[i] = targets[i] + ": " + r.Text
	}
	proof.Text = strings.Join(texts, "; ")
	return proof, errors.Join(errs...)
}

func (o *onServers) order(ctx context.Context, server string, verb fault.Verb) (fault.Report, error) {
	h, ok := o.hosts[server]
	if !ok {
		return fault.Report{}, fmt.Errorf("%s: there is no connection to it", server)
	}
	p, err := h.Call(ctx, remote.Request{Fault: &fault.Order{Verb: verb, ID: o.id, Lease: o.lease, Fault: o.faults[server]}})
	if err != nil {
		return fault.Report{}, fmt.Errorf("%s: %w", server, err)
	}
	if p.Fault == nil {
		return fault.Report{}, fmt.Errorf("%s: the scaleup there knows no faults", server)
	}
	return *p.Fault, nil
}
