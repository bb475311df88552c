package plan

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// site is a small site: its items and what is observed of them.
type site struct {
	want Desired
	got  Observed
}

// newSite has two load balancers, webs web servers, one app server and three
// database members, all as they should be, lb1 holding the VIPs and db1 primary.
func newSite(t *testing.T, webs int) *site {
	t.Helper()
	file := &spec.Site{Name: "www.foobar.com", File: "site.yaml"}
	add := func(role spec.Role, names ...string) {
		for _, n := range names {
			file.Servers = append(file.Servers, spec.Server{Name: n, Role: role})
		}
	}
	add(spec.LoadBalancer, "lb1", "lb2")
	for i := range webs {
		add(spec.Web, fmt.Sprintf("web%d", i+1))
	}
	add(spec.App, "app1")
	add(spec.Database, "db1", "db2", "db3")
	file.Lab.Subnet = mustPrefix("10.77.0.0/24")
	top, err := topology.Build(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{want: Desired{Topology: top}, got: Observed{
		States: map[string]map[string]State{}, Rotation: map[string]Rotation{}, Holder: "lb1", Primary: "db1",
	}}
	for _, server := range top.Servers {
		s.got.States[server.Name] = map[string]State{}
		s.item(server.Name, "base", &resource.File{Path: "/etc/base", Mode: 0o644})
		switch server.Role {
		case spec.LoadBalancer:
			s.item(server.Name, "haproxy", unit("haproxy.service", resource.InterruptsOnRestart))
			s.item(server.Name, "keepalived", unit("keepalived.service", resource.InterruptsOnChange))
		case spec.Web:
			s.item(server.Name, "nginx", unit("nginx.service", resource.InterruptsOnChange))
			s.backend(server.Name, "web", server.Name)
		case spec.App:
			s.item(server.Name, "app", &resource.Release{Path: "/srv/app/releases/r1", Digest: "r1r1r1r1r1r1"})
			s.item(server.Name, "app", &resource.Migration{Unit: "app-migrate.service", Digest: "r1"})
			s.item(server.Name, "app", &resource.Slot{Server: server.Name, Slot: "a", Target: "/srv/app/releases/r1", Digest: "r1"})
			s.item(server.Name, "app", &resource.Slot{Server: server.Name, Slot: "b"})
			s.backend(server.Name, "app", server.Name+"-a")
		case spec.Database:
			s.item(server.Name, "mysql", unit("mysql.service", resource.InterruptsOnRestart))
			s.item(server.Name, "mysql", &resource.Member{Server: server.Name})
		}
	}
	return s
}

func unit(name string, i resource.Interrupts) *resource.Unit {
	return &resource.Unit{Name: name, Running: true, Enabled: true, Interrupts: i, Reads: []resource.Read{
		{Path: "/etc/start", Digest: "1", OnChange: resource.OnChangeRestart},
		{Path: "/etc/conf", Digest: "1", OnChange: resource.OnChangeReload},
	}}
}

func (s *site) item(server, component string, r resource.Spec) {
	s.want.Items = append(s.want.Items, Item{Server: server, Component: component, Spec: r})
	s.got.States[server][r.ID()] = r.Want()
}

func (s *site) backend(server, backend, name string) {
	s.want.Backends = append(s.want.Backends, Backend{Server: server, Backend: backend, Name: name})
	s.got.Rotation[name] = Ready
}

// stale makes a unit look as if it had loaded an older version of a file.
func (s *site) stale(server, unit string, action Action) {
	id := "unit:" + unit
	words := strings.Fields(string(s.got.States[server][id]))
	if action == Restart {
		words[2] = "restart:old"
	} else {
		words[3] = "reload:old"
	}
	s.got.States[server][id] = State(strings.Join(words, " "))
}

// short prints a plan as "stage server action resource" lines.
func short(p Plan) []string {
	lines := []string{}
	for _, s := range p.Steps {
		lines = append(lines, fmt.Sprintf("%d %s %s %s", s.Stage, s.Server, s.Action, s.Resource))
	}
	return lines
}

func TestMake(t *testing.T) {
	cases := []struct {
		name   string
		webs   int
		change func(*site)
		want   []string
	}{
		{"nothing to do", 2, func(*site) {}, []string{}},
		{"a base file changes everywhere at once", 1, func(s *site) {
			s.got.States["web1"]["file:/etc/base"], s.got.States["db1"]["file:/etc/base"] = "absent", "absent"
		}, []string{"1 web1 create file:/etc/base", "1 db1 create file:/etc/base"}},
		{"web servers reload one at a time, drained", 2, func(s *site) {
			s.stale("web1", "nginx.service", Reload)
			s.stale("web2", "nginx.service", Reload)
		}, []string{
			"1 web1 drain rotation:web1", "1 web1 reload unit:nginx.service", "1 web1 return rotation:web1",
			"2 web2 drain rotation:web2", "2 web2 reload unit:nginx.service", "2 web2 return rotation:web2",
		}},
		{"the only web server is not drained", 1, func(s *site) {
			s.stale("web1", "nginx.service", Reload)
		}, []string{"1 web1 reload unit:nginx.service"}},
		{"a reload of HAProxy interrupts nobody; the holder comes last", 1, func(s *site) {
			s.stale("lb1", "haproxy.service", Reload)
			s.stale("lb2", "haproxy.service", Reload)
		}, []string{"1 lb2 reload unit:haproxy.service", "2 lb1 reload unit:haproxy.service"}},
		{"a restart of HAProxy moves the VIPs first", 1, func(s *site) {
			s.stale("lb1", "haproxy.service", Restart)
		}, []string{"1 lb1 move vip:main", "1 lb1 restart unit:haproxy.service", "1 lb1 return vip:main"}},
		{"the primary restarts last, after it was moved", 1, func(s *site) {
			for _, db := range []string{"db1", "db2", "db3"} {
				s.stale(db, "mysql.service", Restart)
			}
		}, []string{
			"1 db2 restart unit:mysql.service", "1 db2 wait member:db2",
			"2 db3 restart unit:mysql.service", "2 db3 wait member:db3",
			"3 db1 move primary:db", "3 db1 restart unit:mysql.service", "3 db1 wait member:db1",
		}},
		{"a release goes through the slots", 1, func(s *site) {
			s.replaceSlots("r2")
		}, []string{
			"1 app1 create release:/srv/app/releases", "1 app1 migrate migration:app-migrate.service",
			"2 app1 start slot:app1/b", "2 app1 return rotation:app1-b", "2 app1 drain rotation:app1-a", "2 app1 stop slot:app1/a",
		}},
		{"a new web server is installed whole, then enters rotation", 2, func(s *site) {
			s.got.States["web2"] = map[string]State{}
			s.got.Rotation["web2"] = Down
		}, []string{"1 web2 create file:/etc/base", "1 web2 start unit:nginx.service", "2 web2 return rotation:web2"}},
		{"a bracket left open is closed", 2, func(s *site) {
			s.got.Rotation["web2"] = Drained
			s.got.Yielding = []string{"lb2"}
		}, []string{"1 lb2 return vip:main", "1 web2 return rotation:web2"}},
		{"a load balancer left aside is called back before the other gives the VIPs away", 1, func(s *site) {
			s.got.Yielding = []string{"lb2"}
			s.stale("lb1", "haproxy.service", Restart)
		}, []string{"1 lb2 return vip:main", "2 lb1 move vip:main", "2 lb1 restart unit:haproxy.service", "2 lb1 return vip:main"}},
		{"one left aside returns after its own change", 1, func(s *site) {
			s.got.Yielding, s.got.Holder = []string{"lb1"}, "lb2"
			s.stale("lb1", "haproxy.service", Restart)
			s.stale("lb2", "haproxy.service", Restart)
		}, []string{"1 lb1 move vip:main", "1 lb1 restart unit:haproxy.service", "1 lb1 return vip:main",
			"2 lb2 move vip:main", "2 lb2 restart unit:haproxy.service", "2 lb2 return vip:main"}},
		{"a member that is not ONLINE is awaited", 1, func(s *site) {
			s.got.States["db3"]["member:db3"] = "RECOVERING"
		}, []string{"1 db3 wait member:db3"}},
		{"a machine the file does not name any more goes last", 1, func(s *site) {
			s.got.Surplus = []string{"web9"}
			s.stale("lb2", "haproxy.service", Reload)
		}, []string{"1 lb2 reload unit:haproxy.service", "2 web9 remove server:web9"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.webs)
			c.change(s)
			if diff := cmp.Diff(c.want, short(Make(s.want, s.got))); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPrimaryLeaves replaces the primary's server by another in the file: writes
// move first, and again before each member that restarts, whichever has them then.
func TestPrimaryLeaves(t *testing.T) {
	s := newSite(t, 1)
	s.got.Primary, s.got.Members, s.got.Surplus = "db9", []string{"db2", "db3", "db9"}, []string{"db9"}
	s.got.States["db1"] = map[string]State{}
	s.stale("db2", "mysql.service", Restart)
	s.stale("db3", "mysql.service", Restart)
	s.stale("lb2", "haproxy.service", Reload)
	s.got.States["web1"]["file:/etc/base"] = "absent"
	want := []string{
		"1 db2 move primary:db",
		"2 web1 create file:/etc/base", "2 db1 create file:/etc/base", "2 db1 start unit:mysql.service",
		"3 db1 wait member:db1",
		"4 db2 move primary:db", "4 db2 restart unit:mysql.service", "4 db2 wait member:db2",
		"5 db3 move primary:db", "5 db3 restart unit:mysql.service", "5 db3 wait member:db3",
		"6 lb2 reload unit:haproxy.service", "7 db9 remove server:db9",
	}
	p := Make(s.want, s.got)
	if diff := cmp.Diff(want, short(p)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	for _, step := range p.Steps {
		away := map[int]string{1: "db9", 4: "db2", 5: "db3"}[step.Stage]
		if step.Action == Move && AwayFrom(step.To) != away {
			t.Errorf("stage %d moves the primary away from %q, want %q", step.Stage, AwayFrom(step.To), away)
		}
	}
}

// replaceSlots wants another release in the slot that does not run.
func (s *site) replaceSlots(digest string) {
	for i, item := range s.want.Items {
		switch r := item.Spec.(type) {
		case *resource.Release:
			s.want.Items[i].Spec = &resource.Release{Path: "/srv/app/releases/" + digest, Digest: digest}
			s.got.States[item.Server][r.ID()] = resource.Absent
		case *resource.Migration:
			s.want.Items[i].Spec = &resource.Migration{Unit: r.Unit, Digest: digest}
		case *resource.Slot:
			next := &resource.Slot{Server: r.Server, Slot: r.Slot}
			if r.Slot == "b" {
				next.Target, next.Digest = "/srv/app/releases/"+digest, digest
			}
			s.want.Items[i].Spec = next
		}
	}
	for i, b := range s.want.Backends {
		if b.Backend == "app" {
			s.want.Backends[i].Name = b.Server + "-b"
			s.got.Rotation[b.Server+"-b"] = Drained
		}
	}
}

// TestFresh is a site of which nothing is there yet: all is installed side by
// side, and only then members, migration, slots and rotation follow.
func TestFresh(t *testing.T) {
	s := newSite(t, 2)
	s.got = Observed{}
	p := Make(s.want, s.got)
	stageOf := map[string]int{}
	for _, step := range p.Steps {
		stageOf[step.Resource] = max(stageOf[step.Resource], step.Stage)
	}
	order := []string{"unit:mysql.service", "unit:haproxy.service", "migration:app-migrate.service", "slot:app1/a", "rotation:web2"}
	for i := 1; i < len(order); i++ {
		if before, after := stageOf[order[i-1]], stageOf[order[i]]; before == 0 || before >= after {
			t.Errorf("%s is in stage %d and %s in stage %d, want the former earlier", order[i-1], before, order[i], after)
		}
	}
	if got, last := stageOf["member:db3"], p.Steps[len(p.Steps)-1].Stage; got != last {
		t.Errorf("the third member is awaited in stage %d, want the last (%d): it may join while the app tier starts", got, last)
	}
	if got := stageOf["unit:mysql.service"]; got != 1 {
		t.Errorf("MySQL starts in stage %d, want 1: nobody can miss it", got)
	}
	for _, step := range p.Steps {
		if step.Action == Drain || step.Action == Move {
			t.Errorf("a new site has nothing to drain or move, and the plan says %s %s", step.Action, step.Resource)
		}
	}
}

// TestHashIsStable makes the same plan twice, through maps, and wants it equal.
func TestHashIsStable(t *testing.T) {
	first := Make(newFresh(t).want, Observed{})
	for range 20 {
		if again := Make(newFresh(t).want, Observed{}); again.Hash() != first.Hash() {
			t.Fatalf("the hash changed from %s to %s for the same input", first.Hash(), again.Hash())
		}
	}
}

func newFresh(t *testing.T) *site { return newSite(t, 2) }

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
