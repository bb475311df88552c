package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"scaleup/internal/guard"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// reach connects to those database servers and load balancers that can be reached,
// and tells why the others cannot.
func (op *operation) reach(ctx context.Context) (hosts map[string]host.Host, silent map[string]string, done func(), err error) {
	off, err := op.labOff(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	d, err := op.dialer()
	if err != nil {
		return nil, nil, nil, err
	}
	hosts, silent = reachSome(ctx, op.topology, off, d)
	return hosts, silent, func() {
		for _, h := range hosts {
			h.Close()
		}
	}, nil
}

func reachSome(ctx context.Context, t *topology.Topology, off []string, c connector) (map[string]host.Host, map[string]string) {
	servers := slices.Concat(t.With(spec.LoadBalancer), t.With(spec.Database))
	hosts, failed := dialEach(ctx, servers, func(ctx context.Context, s topology.Server) (host.Host, error) {
		if slices.Contains(off, s.Name) {
			return nil, errOff
		}
		return c.dial(ctx, s)
	})
	silent := map[string]string{}
	for name, err := range failed {
		if silent[name] = oneLine(err.Error()); errors.Is(err, errOff) {
			silent[name] = "its machine is off"
		}
	}
	return hosts, silent
}

// gatherOutage asks the guards what they know, and the load balancers whether they
// find a server at work that is silent here.
func gatherOutage(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, silent map[string]string) guard.Outage {
	o := guard.Outage{Voters: t.Names(spec.Database), Known: map[string]guard.Known{}, Silent: map[string]string{}}
	for _, name := range o.Voters {
		if hosts[name] == nil {
			o.Silent[name] = silent[name]
		}
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, s := range t.With(spec.Database) {
		h := hosts[s.Name]
		if h == nil {
			continue
		}
		wait.Go(func() {
			known, err := askKnown(ctx, h)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				o.Silent[s.Name] = oneLine(err.Error())
			case known == nil:
				o.Silent[s.Name] = "its guard does not run"
			default:
				o.Known[s.Name] = *known
			}
		})
	}
	wait.Wait()
	if len(o.Voters) > 0 {
		o.Initial = o.Voters[0]
	}
	o.Alive = seenAtWork(ctx, t, hosts, o.Silent)
	return o
}

// askKnown asks a server's guard what it knows; nil when none answers.
func askKnown(ctx context.Context, h host.Host) (*guard.Known, error) {
	p, err := h.Call(ctx, remote.Request{Known: true})
	if err != nil || len(p.Known) == 0 {
		return nil, err
	}
	var known guard.Known
	if err := json.Unmarshal(p.Known, &known); err != nil {
		return nil, fmt.Errorf("read what the guard knows: %w", err)
	}
	return &known, nil
}

// seenAtWork are the silent servers that load balancers find at work, and who says
// so. A load balancer that cannot be asked can deny nothing.
func seenAtWork(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, silent map[string]string) map[string]string {
	alive := map[string]string{}
	for _, lb := range t.With(spec.LoadBalancer) {
		h := hosts[lb.Name]
		if h == nil {
			continue
		}
		p, err := h.Call(ctx, remote.Request{Balancer: true})
		if err != nil || p.Balancer == nil {
			continue
		}
		for _, s := range p.Balancer.Servers {
			if _, isSilent := silent[s.Name]; isSilent && databaseBackend(s.Backend) && s.State == haproxyctl.Up {
				alive[s.Name] = fmt.Sprintf("%s finds it at work (%s)", lb.Name, s.Backend)
			}
		}
	}
	return alive
}

func databaseBackend(name string) bool {
	return name == haproxyctl.BackendMySQLPrimary || name == haproxyctl.BackendMySQLReplica || name == haproxyctl.BackendMySQLReadable
}
