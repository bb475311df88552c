package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func TestReboot(t *testing.T) {
	web := func(stage, name string) []string {
		return []string{stage + " " + name + " drain rotation:" + name, stage + " " + name + " reboot reboot:" + name, stage + " " + name + " return rotation:" + name}
	}
	db := func(stage, name string) []string {
		return []string{stage + " " + name + " move primary:db", stage + " " + name + " reboot reboot:" + name, stage + " " + name + " wait member:" + name}
	}
	lb := func(stage, name string) []string {
		return []string{stage + " " + name + " move vip:main", stage + " " + name + " reboot reboot:" + name, stage + " " + name + " return vip:main"}
	}
	for _, c := range []struct {
		name    string
		webs    int
		servers []string
		change  func(*site)
		want    [][]string
	}{
		{"nothing", 2, nil, func(*site) {}, nil},
		{"a web server", 2, []string{"web2"}, func(*site) {}, [][]string{web("1", "web2")}},
		{"the only web server: nothing to drain to, and it is awaited", 1, []string{"web1"}, func(*site) {},
			[][]string{{"1 web1 reboot reboot:web1", "1 web1 return rotation:web1"}}},
		{"the only application server", 1, []string{"app1"}, func(*site) {},
			[][]string{{"1 app1 reboot reboot:app1", "1 app1 return rotation:app1-a"}}},
		{"the primary last, named once or twice, in whatever order", 1, []string{"db1", "db3", "db2", "db1"}, func(*site) {},
			[][]string{db("1", "db2"), db("2", "db3"), db("3", "db1")}},
		{"the holder last", 1, []string{"lb1", "lb2"}, func(s *site) { s.got.Holder = "lb1" }, [][]string{lb("1", "lb2"), lb("2", "lb1")}},
		{"one of each role, those that lead included", 2, []string{"lb1", "db1", "app1", "web1"}, func(*site) {}, [][]string{
			web("1", "web1"), {"2 app1 reboot reboot:app1", "2 app1 return rotation:app1-a"}, db("3", "db1"), lb("4", "lb1")}},
		{"after all that the site needs anyway", 2, []string{"web1"}, func(s *site) { s.stale("lb2", "haproxy.service", Reload) },
			[][]string{{"1 lb2 reload unit:haproxy.service"}, web("2", "web1")}},
		{"the slot that serves once the release is there", 1, []string{"app1"}, func(s *site) { s.replaceSlots("r2") }, [][]string{
			{"1 app1 create release:/srv/app/releases", "1 app1 migrate migration:app-migrate.service"},
			{"2 app1 start slot:app1/b", "2 app1 return rotation:app1-b", "2 app1 drain rotation:app1-a", "2 app1 stop slot:app1/a"},
			{"3 app1 reboot reboot:app1", "3 app1 return rotation:app1-b"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.webs)
			c.change(s)
			p, err := Reboot(s.want, s.got, c.servers)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{}
			for _, stage := range c.want {
				want = append(want, stage...)
			}
			if diff := cmp.Diff(want, short(p)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if again, err := Reboot(s.want, s.got, c.servers); err != nil || again.Hash() != p.Hash() {
				t.Errorf("the same again is plan %s, not %s (%v)", again.Hash(), p.Hash(), err)
			}
		})
	}
}

// The plan names the boot that ends, so that it is another plan once it has ended.
func TestRebootNamesTheBoot(t *testing.T) {
	s := newSite(t, 1)
	s.got.Boots = map[string]State{"web1": "boot 1"}
	first, err := Reboot(s.want, s.got, []string{"web1"})
	if err != nil {
		t.Fatal(err)
	}
	boot := first.Steps[0]
	if boot.From != "boot 1" || boot.To != "rebooted" || !strings.Contains(boot.Reason, "the only web server") {
		t.Errorf("step %+v, want one from this boot that says what it costs", boot)
	}
	s.got.Boots["web1"] = "boot 2"
	if second, err := Reboot(s.want, s.got, []string{"web1"}); err != nil || second.Hash() == first.Hash() {
		t.Errorf("the plan of the next boot has the same hash (%v)", err)
	}
}

// The only load balancer can give the addresses to nobody; that they are held again
// is awaited.
func TestRebootOfTheOnlyLoadBalancer(t *testing.T) {
	s := newSite(t, 1)
	alone := *s.want.Topology
	alone.Servers = nil
	for _, server := range s.want.Topology.Servers {
		if server.Role != spec.LoadBalancer || server.Name == "lb1" {
			alone.Servers = append(alone.Servers, server)
		}
	}
	s.want.Topology = &topology.Topology{Site: alone.Site, Servers: alone.Servers}
	p, err := Reboot(Desired{Topology: s.want.Topology, Backends: s.want.Backends}, s.got, []string{"lb1"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 lb1 reboot reboot:lb1", "1 lb1 wait vip:main"}, short(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRebootOfNoServer(t *testing.T) {
	s := newSite(t, 1)
	if _, err := Reboot(s.want, s.got, []string{"web1", "web9"}); err == nil || !strings.Contains(err.Error(), `no server "web9"`) || !strings.Contains(err.Error(), "web1") {
		t.Errorf("error %v, want the name and those there are", err)
	}
}
