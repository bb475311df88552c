package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaleup/internal/journal"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

const (
	// rebootPatience is how long a server may be away: firmware of large machines
	// takes a minute, and a program that does not end is killed after 90 s.
	rebootPatience = 5 * time.Minute
	// answerPatience bounds one question to a server that may be going down.
	answerPatience = 5 * time.Second
)

// reboot restarts a server and waits until it works again.
type reboot struct{ *Runner }

func (a reboot) observe(ctx context.Context, s plan.Step) (plan.State, error) {
	p, err := a.Hosts[s.Server].Call(ctx, remote.Request{Facts: true})
	if err != nil {
		return "", err
	}
	if boot := plan.State(p.Facts.BootID); boot == s.From {
		return boot, nil
	}
	return s.To, nil
}

func (a reboot) do(ctx context.Context, s plan.Step) error {
	if err := a.majority(ctx, s.Server); err != nil {
		return err
	}
	if _, err := a.Hosts[s.Server].Call(ctx, remote.Request{Reboot: true}); err != nil {
		return err
	}
	a.Journal.Add(journal.Event{Event: journal.Note, Server: s.Server, Resource: s.Resource, Message: "it was told to reboot"})
	ctx, cancel := context.WithTimeoutCause(ctx, rebootPatience, fmt.Errorf("%s after it was told to", rebootPatience))
	defer cancel()
	if a.PowerOn != nil {
		if err := a.PowerOn(ctx, s.Server); err != nil {
			return fmt.Errorf("switch it on again: %w", err)
		}
	}
	return a.awaitBack(ctx, s)
}

// majority refuses to take a database member away whose group would lose its
// majority, and with it stop answering writes.
func (a reboot) majority(ctx context.Context, server string) error {
	s, err := a.Topology.Server(server)
	if err != nil {
		return err
	}
	members := len(a.Topology.With(spec.Database))
	if s.Role != spec.Database || members == 1 {
		return nil
	}
	group, err := a.group(ctx, server)
	if err != nil {
		return err
	}
	online := 0
	for _, m := range group.Members {
		if m.Server != server && m.State == "ONLINE" {
			online++
		}
	}
	if online <= members/2 {
		return fmt.Errorf("without it, %d of %d members would be ONLINE, which is no majority; see scaleup status", online, members)
	}
	return nil
}

// awaitBack waits until the server has booted and all that belongs on it runs.
func (a reboot) awaitBack(ctx context.Context, s plan.Step) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := a.back(ctx, s)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it is not back: %w (%w)", err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// back says what is missing until the server works again. The connection from
// before its reboot is of no use, and may not even have noticed.
func (a reboot) back(ctx context.Context, s plan.Step) error {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	h := a.Hosts[s.Server]
	if err := h.Reconnect(ctx); err != nil {
		return err
	}
	p, err := h.Call(ctx, remote.Request{Facts: true, Units: a.units(s.Server)})
	if err != nil {
		return err
	}
	if plan.State(p.Facts.BootID) == s.From {
		return fmt.Errorf("it has not gone down yet")
	}
	var missing []string
	for unit, state := range p.Units {
		if state != "running" {
			missing = append(missing, unit+" is "+state)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("%s", strings.Join(missing, ", "))
	}
	return nil
}

// units are those that the site wants to run on a server.
func (r *Runner) units(server string) []string {
	var units []string
	for _, item := range r.Items {
		if item.Server != server {
			continue
		}
		switch spec := item.Spec.(type) {
		case *resource.Unit:
			if spec.Running {
				units = append(units, spec.Name)
			}
		case *resource.Slot:
			if spec.Target != "" {
				units = append(units, spec.Unit)
			}
		}
	}
	return units
}
