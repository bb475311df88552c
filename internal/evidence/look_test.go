package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/facts"
	"scaleup/internal/host"
	"scaleup/internal/inspect"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

func site(t *testing.T) *topology.Topology {
	t.Helper()
	s := &spec.Site{Name: "www.foobar.com", Lab: spec.Lab{Subnet: netip.MustParsePrefix("10.77.0.0/24")}}
	for role, names := range map[spec.Role]string{spec.LoadBalancer: "lb1 lb2", spec.Web: "web1 web2", spec.App: "app1", spec.Database: "db1"} {
		for name := range strings.FieldsSeq(names) {
			s.Servers = append(s.Servers, spec.Server{Name: name, Role: role})
		}
	}
	top, err := topology.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// far is a server that takes a while to answer; its clock is ahead of this computer's.
type far struct {
	host.Host
	name  string
	takes time.Duration
	ahead time.Duration
	older bool // an older far end, which knows nothing of inspections
	asked func(server string, q remote.Request)
}

func (f far) Call(ctx context.Context, q remote.Request) (remote.Response, error) {
	f.asked(f.name, q)
	time.Sleep(f.takes / 2)
	reference := facts.ReferenceFor(f.name, "10.77.0.1")
	p := remote.Response{Facts: &reference}
	if !f.older {
		p.Inspection = &inspect.Report{At: time.Now().Add(f.ahead), Kernel: "of " + f.name}
	}
	time.Sleep(f.takes / 2)
	return p, ctx.Err()
}

func (far) Close() error { return nil }

func TestTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		top := site(t)
		var mu sync.Mutex
		questions := map[string]remote.Request{}
		asked := func(server string, q remote.Request) {
			mu.Lock()
			defer mu.Unlock()
			questions[server] = q
		}
		connect := func(_ context.Context, s topology.Server) (host.Host, bool, error) {
			switch s.Name {
			case "web1":
				return nil, true, nil
			case "web2":
				return nil, false, errors.New("no route")
			}
			return far{name: s.Name, takes: time.Second, ahead: 3 * time.Second, older: s.Name == "app1", asked: asked}, false, nil
		}
		began := time.Now()
		l := Take(t.Context(), top, "/state/ca.pem", connect, func(s topology.Server) inspect.Ask {
			return inspect.Ask{Name: "for " + s.Name, Balancer: s.Role == spec.LoadBalancer}
		})
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %s, want that of one server", took)
		}
		if !l.At.Equal(began) || l.Topology != top || l.Status.CA != "/state/ca.pem" || len(l.Status.Servers) != 6 {
			t.Errorf("look of %s at %s: %+v", l.Topology.Site.Name, l.At, l.Status)
		}
		// web1 is off, web2 silent, app1 answers without an inspection.
		if diff := cmp.Diff([]string{"web1", "web2", "app1"}, l.Missing()); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
		if r := l.Of("lb2"); r == nil || r.Kernel != "of lb2" {
			t.Errorf("lb2 shows %+v", r)
		}
		q := questions["lb1"]
		if q.Inspect == nil || q.Inspect.Name != "for lb1" || !q.Inspect.Balancer || !q.Facts || !q.Balancer || len(q.Units) == 0 {
			t.Errorf("lb1 was asked %+v, want what status asks and the inspection", q)
		}
		if q := questions["db1"]; q.Inspect == nil || q.Inspect.Name != "for db1" || q.Inspect.Balancer || q.Member == "" {
			t.Errorf("db1 was asked %+v", q)
		}
		if ahead, doubt, ok := l.Offset("db1"); !ok || ahead != 3*time.Second || doubt != 500*time.Millisecond {
			t.Errorf("db1 is ahead by %s, give or take %s, %t", ahead, doubt, ok)
		}
	})
}

func TestOffset(t *testing.T) {
	asked := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	answer := func(took, at time.Duration) status.Answer {
		return status.Answer{
			Asked: asked, Answered: asked.Add(took),
			Response: remote.Response{Inspection: &inspect.Report{At: asked.Add(at)}},
		}
	}
	for _, c := range []struct {
		name         string
		answer       status.Answer
		ahead, doubt time.Duration
		ok           bool
	}{
		{"in time", answer(200*time.Millisecond, 100*time.Millisecond), 0, 100 * time.Millisecond, true},
		{"ahead", answer(200*time.Millisecond, 5100*time.Millisecond), 5 * time.Second, 100 * time.Millisecond, true},
		{"behind", answer(2*time.Second, -time.Minute), -61 * time.Second, time.Second, true},
		{"silent", status.Answer{Err: errors.New("timed out")}, 0, 0, false},
		{"off", status.Answer{Off: true}, 0, 0, false},
	} {
		l := Look{Answers: map[string]status.Answer{"web1": c.answer}}
		if ahead, doubt, ok := l.Offset("web1"); ahead != c.ahead || doubt != c.doubt || ok != c.ok {
			t.Errorf("%s: %s, %s, %t; want %s, %s, %t", c.name, ahead, doubt, ok, c.ahead, c.doubt, c.ok)
		}
	}
	if _, _, ok := (Look{}).Offset("nobody"); ok {
		t.Error("a server that was not asked has a clock")
	}
}

// A clock that crossed the wire has no monotonic part, which Sub must not rely on.
func TestOffsetFromTheWire(t *testing.T) {
	now := time.Now()
	data, err := json.Marshal(inspect.Report{At: now.Add(2 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	var r inspect.Report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	l := Look{Answers: map[string]status.Answer{"web1": {Asked: now, Answered: now, Response: remote.Response{Inspection: &r}}}}
	if ahead, doubt, ok := l.Offset("web1"); ahead != 2*time.Second || doubt != 0 || !ok {
		t.Errorf("%s, %s, %t; want 2s, 0s", ahead, doubt, ok)
	}
}
