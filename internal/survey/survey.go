// Package survey reads a site's servers and renders what they should be: facts
// first, then the components' resources for those facts, then the resources'
// present states. The result is what plan.Make compares. It changes nothing.
package survey

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"

	"scaleup/internal/component"
	"scaleup/internal/component/all"
	"scaleup/internal/facts"
	"scaleup/internal/host"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// Input is what a survey starts from.
type Input struct {
	Topology *topology.Topology
	Hosts    map[string]host.Host // by server name; every server of the topology
	Secrets  component.Secrets
	Releases component.Releases
	Binary   string // path of scaleup on the servers
}

// Survey is what a site should be and is.
type Survey struct {
	Facts    map[string]facts.Facts
	Desired  plan.Desired
	Observed plan.Observed
}

// Take asks all servers, side by side. A server that cannot be asked is an
// error: a plan made without it would be wrong.
func Take(ctx context.Context, in Input) (*Survey, error) {
	first, err := askAll(ctx, in, func(s topology.Server) remote.Request { return firstQuestion(in.Topology.Site, s) })
	if err != nil {
		return nil, err
	}
	s := &Survey{Facts: map[string]facts.Facts{}}
	for name, p := range first {
		s.Facts[name] = *p.Facts
		if err := Supported(name, *p.Facts); err != nil {
			return nil, err
		}
	}
	active, err := chooseSlots(in, s.Facts, first)
	if err != nil {
		return nil, err
	}
	if s.Desired, err = Desired(in, s.Facts, active); err != nil {
		return nil, err
	}
	second, err := observe(ctx, in, s.Desired.Items)
	if err != nil {
		return nil, err
	}
	s.Observed = observed(in.Topology, first, second)
	return s, nil
}

// observe asks for the present states of the items.
func observe(ctx context.Context, in Input, items []plan.Item) (map[string]remote.Response, error) {
	byServer := map[string][]resource.Resource{}
	for _, item := range items {
		byServer[item.Server] = append(byServer[item.Server], resource.Resource{Spec: item.Spec})
	}
	return askAll(ctx, in, func(server topology.Server) remote.Request {
		return remote.Request{Observe: byServer[server.Name]}
	})
}

// firstQuestion is what must be known before anything can be rendered.
func firstQuestion(site *spec.Site, s topology.Server) remote.Request {
	q := remote.Request{Facts: true}
	for _, p := range all.Packages(s.Role, site) {
		q.Candidates = append(q.Candidates, p.Names...)
	}
	switch s.Role {
	case spec.LoadBalancer:
		q.Balancer = true
	case spec.App:
		q.Observe = []resource.Resource{{Spec: slotOf(s, topology.SlotA)}, {Spec: slotOf(s, topology.SlotB)}}
	case spec.Database:
		q.Member = StatusURL(s)
	}
	return q
}

// slotOf is a slot just to be observed.
func slotOf(s topology.Server, slot topology.Slot) *resource.Slot {
	return &resource.Slot{Server: s.Name, Slot: string(slot), Unit: "app@" + string(slot) + ".service"}
}

// StatusURL is where a database server's guard tells its state, on that server.
func StatusURL(s topology.Server) string {
	return fmt.Sprintf("http://%s:%d/status", s.Address, topology.PortGuard)
}

// Desired renders what every server of a site should hold.
func Desired(in Input, known map[string]facts.Facts, active map[string]topology.Slot) (plan.Desired, error) {
	want := plan.Desired{Topology: in.Topology}
	for _, s := range in.Topology.Servers {
		items, err := render(in, s, known[s.Name], active)
		if err != nil {
			return want, err
		}
		want.Items = append(want.Items, items...)
		want.Backends = append(want.Backends, backends(s, active)...)
	}
	return want, nil
}

// render makes what one server should hold.
func render(in Input, s topology.Server, f facts.Facts, active map[string]topology.Slot) ([]plan.Item, error) {
	owned, err := all.For(component.Input{
		Topology: in.Topology, Server: s, Facts: f, Secrets: in.Secrets, Releases: in.Releases, Binary: in.Binary, Active: active,
	})
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", s.Name, err)
	}
	items := make([]plan.Item, len(owned))
	for i, o := range owned {
		items[i] = plan.Item{Server: s.Name, Component: o.Component, Spec: o.Spec}
	}
	return items, nil
}

// backends are a server's places in rotation. Database members have none of this
// kind: the guard decides, through its checks, what they may serve.
func backends(s topology.Server, active map[string]topology.Slot) []plan.Backend {
	switch s.Role {
	case spec.Web:
		return []plan.Backend{{Server: s.Name, Backend: "web", Name: s.Name}}
	case spec.App:
		return []plan.Backend{{Server: s.Name, Backend: "app", Name: s.Name + "-" + string(active[s.Name])}}
	}
	return nil
}

// chooseSlots decides which slot each app server should run when all is done:
// the one that already runs what is wanted, else the one that does not serve now.
func chooseSlots(in Input, known map[string]facts.Facts, answers map[string]remote.Response) (map[string]topology.Slot, error) {
	tier := in.Topology.With(spec.App)
	now, wanted := map[string]slotStates{}, map[string]slotStates{}
	for _, s := range tier {
		now[s.Name], wanted[s.Name] = slotStates{}, slotStates{}
	}
	for _, slot := range slots {
		trial := map[string]topology.Slot{}
		for _, s := range tier {
			trial[s.Name] = slot
		}
		for _, s := range tier {
			want, err := slotWanted(in, s, known[s.Name], trial)
			if err != nil {
				return nil, err
			}
			now[s.Name][slot] = answers[s.Name].States[slotOf(s, slot).ID()]
			wanted[s.Name][slot] = want
		}
	}
	chosen := map[string]topology.Slot{}
	for _, s := range tier {
		chosen[s.Name] = chooseSlot(now[s.Name], wanted[s.Name])
	}
	return chosen, nil
}

var slots = [...]topology.Slot{topology.SlotA, topology.SlotB}

// slotStates are the states of one app server's two slots.
type slotStates map[topology.Slot]resource.State

func chooseSlot(now, wanted slotStates) topology.Slot {
	for _, slot := range slots {
		if now[slot] == wanted[slot] {
			return slot
		}
	}
	for _, slot := range slots {
		if strings.HasPrefix(string(now[slot]), "running") {
			return slot.Other()
		}
	}
	return topology.SlotA
}

func slotWanted(in Input, s topology.Server, f facts.Facts, trial map[string]topology.Slot) (resource.State, error) {
	items, err := render(in, s, f, trial)
	if err != nil {
		return "", err
	}
	id := slotOf(s, trial[s.Name]).ID()
	for _, item := range items {
		if item.Spec.ID() == id {
			return item.Spec.Want(), nil
		}
	}
	return "", fmt.Errorf("render %s: no resource %s", s.Name, id)
}

// Supported refuses by name what scaleup was not made for.
func Supported(server string, f facts.Facts) error {
	ok := f.OS == "debian" && (f.Release == "12" || f.Release == "13") || f.OS == "ubuntu" && (f.Release == "22.04" || f.Release == "24.04" || f.Release == "26.04")
	if !ok {
		return fmt.Errorf("%s runs %s %s, which scaleup does not support; it supports Debian 12 and 13 and Ubuntu 22.04, 24.04 and 26.04", server, f.OS, f.Release)
	}
	return nil
}

// askAll asks every server its question, side by side, and names every server
// that did not answer.
func askAll(ctx context.Context, in Input, question func(topology.Server) remote.Request) (map[string]remote.Response, error) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	answers, failures := map[string]remote.Response{}, []error{}
	for _, s := range in.Topology.Servers {
		wait.Go(func() {
			p, err := in.Hosts[s.Name].Call(ctx, question(s))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, fmt.Errorf("%s: %w", s.Name, err))
				return
			}
			answers[s.Name] = p
		})
	}
	wait.Wait()
	sort.Slice(failures, func(i, j int) bool { return failures[i].Error() < failures[j].Error() })
	return answers, errors.Join(failures...)
}
