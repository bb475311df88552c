package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/facts"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

func site(t *testing.T) *topology.Topology {
	t.Helper()
	s := &spec.Site{Name: "www.foobar.com", Lab: spec.Lab{Subnet: netip.MustParsePrefix("10.77.0.0/24")}}
	for role, names := range map[spec.Role]string{spec.LoadBalancer: "lb1 lb2", spec.Web: "web1 web2", spec.App: "app1", spec.Database: "db1 db2 db3"} {
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

// healthy is what the servers of a healthy site answer.
func healthy(t *testing.T, top *topology.Topology) map[string]Answer {
	t.Helper()
	answers := map[string]Answer{}
	for _, s := range top.Servers {
		f := facts.ReferenceFor(s.Name, s.Address.String())
		p := remote.Response{Facts: &f, Units: map[string]string{}}
		for _, c := range componentsOf(s.Role) {
			p.Units[c.units[0]] = "running"
		}
		switch s.Role {
		case spec.LoadBalancer:
			p.Balancer = &remote.Balancer{Fit: true}
			for _, b := range []string{"app/app1-a/up", "app/app1-b/maint", "mysql_write/db1/up", "mysql_write/db2/down", "web/web1/up", "web/web2/up"} {
				part := strings.Split(b, "/")
				p.Balancer.Servers = append(p.Balancer.Servers, haproxyctl.Server{Backend: part[0], Name: part[1], State: haproxyctl.State(part[2]), Sessions: 3, Rate: 7})
			}
		case spec.Database:
			p.Member = member(t, survey.Group{State: "ONLINE", Role: map[bool]string{true: "PRIMARY", false: "SECONDARY"}[s.Name == "db1"], Primary: "db1"})
		}
		answers[s.Name] = Answer{Response: p}
	}
	hold(answers, "lb1", top.Public, top.Internal)
	return answers
}

func member(t *testing.T, g survey.Group) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// hold gives a load balancer virtual addresses.
func hold(answers map[string]Answer, server string, addresses ...netip.Addr) {
	for _, a := range addresses {
		i := &answers[server].Response.Facts.Interfaces[0]
		i.Addresses = append(i.Addresses, a.String()+"/32")
	}
}

// sees has every load balancer see a backend server in a state.
func sees(answers map[string]Answer, name string, state haproxyctl.State) {
	for _, lb := range []string{"lb1", "lb2"} {
		if b := answers[lb].Response.Balancer; b != nil {
			for i := range b.Servers {
				if b.Servers[i].Name == name {
					b.Servers[i].State = state
				}
			}
		}
	}
}

func TestAssess(t *testing.T) {
	top := site(t)
	silent := Answer{Err: errors.New("timed out")}
	for _, c := range []struct {
		name    string
		change  func(map[string]Answer)
		verdict string
	}{
		{"healthy", func(map[string]Answer) {}, "healthy: 8 servers serve www.foobar.com"},
		{"one web server is off", func(a map[string]Answer) {
			a["web1"] = Answer{Off: true}
			sees(a, "web1", haproxyctl.Down)
		}, "degraded: web1 is down; web1 is down in the web tier"},
		{"one does not answer", func(a map[string]Answer) { a["web1"] = silent }, "degraded: web1 is unreachable"},
		{"a program failed", func(a map[string]Answer) { a["web2"].Response.Units["nginx.service"] = "failed" }, "degraded: nginx on web2 is failed"},
		{"both slots run", func(a map[string]Answer) { a["app1"].Response.Units["app@b.service"] = "running" },
			"healthy: 8 servers serve www.foobar.com; app on app1 runs in both slots: a deploy is under way or was cut off"},
		{"both slots run and serve", func(a map[string]Answer) {
			a["app1"].Response.Units["app@b.service"] = "running"
			sees(a, "app1-b", haproxyctl.Up)
		}, "healthy: 8 servers serve www.foobar.com; app on app1 runs in both slots: a deploy is under way or was cut off"},
		{"both slots run and one is not fine", func(a map[string]Answer) {
			a["app1"].Response.Units["app@b.service"] = "running"
			sees(a, "app1-b", haproxyctl.Down)
		}, "degraded: app1-b is down in the app tier"},
		{"one slot runs and the other failed", func(a map[string]Answer) { a["app1"].Response.Units["app@b.service"] = "failed" }, "healthy: 8 servers serve www.foobar.com"},
		{"no slot runs and one failed", func(a map[string]Answer) {
			a["app1"].Response.Units["app@a.service"] = "failed"
			sees(a, "app1-a", haproxyctl.Down)
		}, "down: app on app1 is failed; app1-a is down in the app tier"},
		{"no slot runs", func(a map[string]Answer) {
			a["app1"].Response.Units["app@a.service"] = "stopped"
			sees(a, "app1-a", haproxyctl.Down)
		}, "down: app on app1 is stopped; app1-a is down in the app tier"},
		{"the other slot serves", func(a map[string]Answer) {
			a["app1"].Response.Units["app@a.service"], a["app1"].Response.Units["app@b.service"] = "stopped", "running"
			sees(a, "app1-a", haproxyctl.Maint)
			sees(a, "app1-b", haproxyctl.Up)
		}, "healthy: 8 servers serve www.foobar.com"},
		{"a web server in maintenance is not idle", func(a map[string]Answer) { sees(a, "web1", haproxyctl.Maint) }, "degraded: web1 is drain in the web tier"},
		{"two hold an address", func(a map[string]Answer) { hold(a, "lb2", top.Public) }, "degraded: lb1, lb2 hold the public address at once"},
		{"nobody holds the addresses", func(a map[string]Answer) { a["lb1"].Response.Facts.Interfaces = nil },
			"down: nobody holds the public address 10.77.0.10; nobody holds the internal address 10.77.0.11"},
		{"no primary", func(a map[string]Answer) {
			for _, db := range []string{"db1", "db2", "db3"} {
				r := a[db]
				r.Response.Member = member(t, survey.Group{State: "ONLINE", Role: "SECONDARY"})
				a[db] = r
			}
		}, "down: the database has no primary"},
		{"one came back and has not heard that it was expelled", func(a map[string]Answer) {
			for name, members := range map[string][]survey.GroupMember{"db1": {{Server: "db1"}, {Server: "db2"}, {Server: "db3"}}, "db2": {{Server: "db2"}, {Server: "db3"}}} {
				r := a[name]
				r.Response.Member = member(t, survey.Group{State: "ONLINE", Role: "PRIMARY", Primary: name, View: fmt.Sprint("1:", 9-len(members)), Members: members})
				a[name] = r
			}
		}, "degraded: database member db1 is EXPELLED"},
		{"a member recovers", func(a map[string]Answer) {
			r := a["db3"]
			r.Response.Member = member(t, survey.Group{State: "RECOVERING", Primary: "db1"})
			a["db3"] = r
		}, "degraded: database member db3 is RECOVERING"},
		{"a guard is silent", func(a map[string]Answer) {
			r := a["db1"]
			r.Response.Member = nil
			a["db1"] = r
		}, "degraded: database member db1 is UNKNOWN"},
		{"no HAProxy answers", func(a map[string]Answer) {
			a["lb1"].Response.Balancer.Servers, a["lb2"].Response.Balancer.Servers = nil, nil
			a["lb1"].Response.Units["haproxy.service"], a["lb2"].Response.Units["haproxy.service"] = "failed", "failed"
		}, "down: haproxy on lb1 is failed; haproxy on lb2 is failed"},
		{"the lab is off", func(a map[string]Answer) {
			for name := range a {
				a[name] = Answer{Off: true}
			}
		}, "not running: all servers are off"},
		{"more than fits a line", func(a map[string]Answer) {
			for _, name := range []string{"db1", "db2", "web1", "web2"} {
				a[name] = silent
			}
		}, "degraded: web1 is unreachable; web2 is unreachable; db1 is unreachable; and 3 more"},
	} {
		answers := healthy(t, top)
		c.change(answers)
		r := Assess(top, "/ca.pem", answers)
		if r.Verdict != c.verdict || r.Healthy != strings.HasPrefix(c.verdict, "healthy") {
			t.Errorf("%s: healthy %t, %q, want %q", c.name, r.Healthy, r.Verdict, c.verdict)
		}
	}
}

// A load balancer that has just come back does not trust a server yet, while the
// one that holds the VIPs does. The site is healthy when both do: any may be the
// holder next. (A cut load balancer was joined again, and a plan right after
// "healthy" was not empty.)
func TestAllLoadBalancersCount(t *testing.T) {
	top := site(t)
	answers := healthy(t, top)
	answers["lb2"].Response.Balancer.Servers[5].State = haproxyctl.Down // web2
	answers["lb2"].Response.Balancer.Servers[4].Sessions = 99           // web1
	r := Assess(top, "", answers)
	if want := "degraded: web2 is down in the web tier"; r.Verdict != want {
		t.Errorf("verdict %q, want %q", r.Verdict, want)
	}
	if got := r.Tiers[len(r.Tiers)-1].Backends[0].Sessions; got != 3 {
		t.Errorf("web1 has %d sessions, want the 3 that the holder sees", got)
	}
}

// The note is a key of its own, and only there when there is something to know.
func TestNote(t *testing.T) {
	top := site(t)
	answers := healthy(t, top)
	answers["app1"].Response.Units["app@b.service"] = "running"
	var noted []string
	for _, s := range Assess(top, "", answers).Servers {
		for _, c := range s.Components {
			data, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(data), `"note"`) {
				noted = append(noted, s.Name+" "+string(data))
			}
		}
	}
	want := []string{`app1 {"name":"app","state":"running","version":"","note":"runs in both slots: a deploy is under way or was cut off"}`}
	if diff := cmp.Diff(want, noted); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// TestShape pins the keys that scripts read.
func TestShape(t *testing.T) {
	top := site(t)
	data, err := json.Marshal(Assess(top, "/state/ca.pem", healthy(t, top)))
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	shape("", document, found)
	var got []string
	for path := range found {
		got = append(got, path)
	}
	sort.Strings(got)
	want := strings.Fields(`.address .ca .database .database.members .database.members.lag_transactions .database.members.role
		.database.members.server .database.members.state .database.primary .healthy .schema .servers .servers.address
		.servers.components .servers.components.name .servers.components.state .servers.components.version .servers.name
		.servers.role .servers.state .site .tiers .tiers.backends .tiers.backends.rate .tiers.backends.server
		.tiers.backends.sessions .tiers.backends.state .tiers.name .url .verdict .vips .vips.address .vips.holder .vips.name`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	for _, value := range []string{`"url":"https://www.foobar.com/"`, `"address":"10.77.0.10"`, `"ca":"/state/ca.pem"`, `"server":"app1-b","state":"idle"`} {
		if !strings.Contains(string(data), value) {
			t.Errorf("%s is missing in %s", value, data)
		}
	}
	// Lists are lists, not null, also when nothing answers.
	data, err = json.Marshal(Assess(top, "", nil))
	if err != nil || strings.Contains(string(data), "null") {
		t.Errorf("%v: %s", err, data)
	}
}

func shape(path string, v any, found map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			found[path+"."+key] = true
			shape(path+"."+key, value, found)
		}
	case []any:
		for _, value := range v {
			shape(path, value, found)
		}
	}
}

// silentHost answers when its caller gives up.
type silentHost struct{ host.Host }

func (silentHost) Call(ctx context.Context, _ remote.Request) (remote.Response, error) {
	<-ctx.Done()
	return remote.Response{}, ctx.Err()
}
func (silentHost) Close() error { return nil }

func TestAskDoesNotWaitForTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		answers := Ask(t.Context(), site(t), func(_ context.Context, s topology.Server) (host.Host, bool, error) {
			switch s.Name {
			case "web1":
				return nil, true, nil
			case "web2":
				return nil, false, errors.New("no route")
			}
			return silentHost{}, false, nil
		}, nil)
		if took := time.Since(began); took != Deadline {
			t.Errorf("took %s, want %s for all together", took, Deadline)
		}
		if len(answers) != 8 || !answers["web1"].Off || answers["web2"].Err == nil || answers["db1"].Err == nil {
			t.Errorf("answers %+v", answers)
		}
	})
}
