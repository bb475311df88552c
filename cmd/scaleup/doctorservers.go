package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"scaleup/internal/doctor"
	"scaleup/internal/host"
	"scaleup/internal/host/ssh"
	"scaleup/internal/remote"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// patient is a server that is being looked at.
type patient struct {
	doctor.Server
	access doctor.Access
	host   host.Host // nil when it could not be asked
}

// servers looks at all servers but those that are off, side by side, each within the
// deadline that status has.
func (op *operation) servers(ctx context.Context, off []string) []doctor.Check {
	d, err := op.impatient()
	if err != nil {
		return []doctor.Check{{
			ID: "servers", Result: doctor.Fail, Message: "the servers were not asked: " + err.Error(), Fix: "mend what has failed on this computer first",
		}}
	}
	patients := make([]patient, 0, len(op.topology.Servers))
	for _, s := range op.topology.Servers {
		if !slices.Contains(off, s.Name) {
			patients = append(patients, patient{Server: doctor.Server{Server: s}})
		}
	}
	var wait sync.WaitGroup
	for i := range patients {
		wait.Go(func() {
			status.Within(ctx, func(ctx context.Context) error { return patients[i].see(ctx, op.topology, d) })
		})
	}
	wait.Wait()
	ctx, cancel := context.WithTimeout(ctx, status.Deadline)
	defer cancel()
	return conclude(ctx, op.topology, patients)
}

// conclude draws the conclusions, and lets the load balancers listen to each other first.
func conclude(ctx context.Context, t *topology.Topology, patients []patient) []doctor.Check {
	var checks []doctor.Check
	answers, hosts := map[string]remote.Response{}, map[string]host.Host{}
	for _, p := range patients {
		checks = append(checks, p.access.Checks(p.Name)...)
		if p.host == nil {
			continue
		}
		defer p.host.Close()
		hosts[p.Name], answers[p.Name] = p.host, p.Response
		checks = append(checks, p.Checks(t)...)
	}
	if len(answers) > 1 {
		checks = append(checks, doctor.Network(t, answers)...)
	}
	if split := doctor.Split(t, answers); len(split) > 0 {
		return append(checks, split...)
	}
	asks := doctor.Listeners(t, answers)
	return append(checks, doctor.VRRP(t, asks, listen(ctx, t, hosts, asks))...)
}

// see signs in and asks. The far end is started before the clock is looked at: that may
// take seconds, and nobody would know when within them the server read its clock. The
// error is that of asking.
func (p *patient) see(ctx context.Context, t *topology.Topology, d *dialer) error {
	h, access := d.access(ctx, p.Server.Server)
	p.access = access
	if h == nil {
		return nil
	}
	_, p.access.Start = h.Call(ctx, remote.Request{})
	if p.access.Start == nil {
		p.access.Start = p.ask(ctx, h, doctor.Question(t, p.Server.Server))
	}
	if p.access.Start != nil {
		h.Close()
		return p.access.Start
	}
	p.host = h
	p.Add(h.Call(ctx, doctor.Slow(t, p.Server.Server)))
	return nil
}

// ask takes the answer and the clock.
func (p *patient) ask(ctx context.Context, h host.Host, q remote.Request) error {
	asked := time.Now()
	r, err := h.Call(ctx, q)
	if err != nil {
		return err
	}
	p.Response = r
	if r.Inspection != nil {
		p.Ahead, p.Doubt = r.Inspection.Ahead(asked, time.Now())
	}
	return nil
}

// access signs in to a server and notes how far it came.
func (d *dialer) access(ctx context.Context, s topology.Server) (host.Host, doctor.Access) {
	t, err := d.target(s)
	a := doctor.Access{User: t.User, Dial: err}
	if err != nil {
		return nil, a
	}
	verify := t.HostKeys
	t.HostKeys = func(name string, at net.Addr, key gossh.PublicKey) error {
		a.HostKey = key.Type()
		a.Refused = verify(name, at, key)
		return a.Refused
	}
	h, err := ssh.Dial(ctx, t)
	if err != nil {
		a.Dial = err
		return nil, a
	}
	return h, a
}

// listen lets load balancers listen for VRRP, at the same time.
func listen(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, asks map[string]*remote.VRRPAsk) map[string]remote.Response {
	heard := map[string]remote.Response{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, s := range t.Servers {
		ask := asks[s.Name]
		if ask == nil {
			continue
		}
		wait.Go(func() {
			r, err := hosts[s.Name].Call(ctx, remote.Request{Preflight: &remote.PreflightAsk{Address: s.Address, VRRP: ask}})
			if err != nil {
				r.Preflight = &remote.Preflight{Errors: map[string]string{"heard": err.Error()}}
			}
			mu.Lock()
			defer mu.Unlock()
			heard[s.Name] = r
		})
	}
	wait.Wait()
	return heard
}

// preflight stops a change before it begins where a server is not fit for it. It looks
// only at what the survey has not found out: that one has come this far says that the
// servers can be reached and their systems and data are such as scaleup works with. A
// plan without steps changes nothing, and is not looked at.
func (op *operation) preflight(ctx context.Context, s *surveyed) error {
	if s.plan.Empty() {
		return nil
	}
	patients := make([]patient, len(op.topology.Servers))
	errs := make([]error, len(patients))
	var wait sync.WaitGroup
	for i, server := range op.topology.Servers {
		patients[i].Server.Server = server
		wait.Go(func() {
			if err := patients[i].ask(ctx, s.hosts[server.Name], doctor.Glance(op.topology, server)); err != nil {
				errs[i] = fmt.Errorf("look at %s: %w", server.Name, err)
				return
			}
			known := s.Facts[server.Name]
			patients[i].Response.Facts = &known
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var checks []doctor.Check
	answers := map[string]remote.Response{}
	for _, p := range patients {
		checks = append(checks, p.Checks(op.topology)...)
		answers[p.Name] = p.Response
	}
	// Where keepalived runs already, it has found its peers or not: status shows that.
	asks := doctor.Listeners(op.topology, answers)
	maps.DeleteFunc(asks, func(_ string, a *remote.VRRPAsk) bool { return !a.Send })
	if len(asks) > 0 {
		checks = append(checks, doctor.VRRP(op.topology, asks, listen(ctx, op.topology, s.hosts, asks))...)
	}
	return op.unfit(doctor.Fatal(checks))
}

// unfit is the error for checks that forbid a change; nil for none.
func (op *operation) unfit(checks []doctor.Check) error {
	if len(checks) == 0 {
		return nil
	}
	lines := make([]string, len(checks))
	for i, c := range checks {
		where := c.Server
		if where == "" {
			where = "network"
		}
		lines[i] = fmt.Sprintf("\n  %s: %s\n    fix: %s", where, oneLine(c.Message), c.Fix)
	}
	return hinted{fmt.Errorf("the servers are not fit for it, and nothing was changed on them:%s", strings.Join(lines, "")),
		"scaleup doctor -f " + op.topology.Site.File + " tells more"}
}
