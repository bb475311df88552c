package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

func TestSingleByShape(t *testing.T) {
	const (
		lb  = "warning lb1: the only load balancer: the only way in, and nobody else can hold the virtual addresses"
		web = "warning web1: the only web server"
		app = "warning app1: the only app server"
		db  = "warning db1: the only database server, with the only copy of the data"
	)
	for _, c := range []struct {
		name   string
		counts [4]int
		want   []string
	}{
		{"four servers", [4]int{1, 1, 1, 1}, []string{lb, web, app, db}},
		{"two load balancers", [4]int{2, 1, 1, 1}, []string{web, app, db}},
		{"three database servers", [4]int{2, 2, 1, 3}, []string{app}},
		{"two database servers", [4]int{2, 2, 2, 2}, []string{
			"warning db1: one of two database servers: the other alone is no majority", "warning db2: one of two database servers: the other alone is no majority",
		}},
		{"none", [4]int{2, 2, 2, 3}, nil},
	} {
		top, err := topology.Build(componenttest.Site(c.counts[0], c.counts[1], c.counts[2], c.counts[3]))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, said(Plan(top), singlePoint)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestSingleByShapeSaysWhatToAdd(t *testing.T) {
	top := example(t, "seed.yaml")
	var fixes []string
	for _, f := range singleByShape(top) {
		fixes = append(fixes, f.Fix+" | "+f.Drill)
	}
	want := []string{
		"add web2: {role: web} to servers: in examples/seed.yaml, then: scaleup up -f examples/seed.yaml | web-off",
		"add app2: {role: app} to servers: in examples/seed.yaml, then: scaleup up -f examples/seed.yaml | app-off",
		"add db2: {role: database} and db3: {role: database} to servers: in examples/seed.yaml, then: scaleup up -f examples/seed.yaml | database-primary-off",
	}
	if diff := cmp.Diff(want, fixes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLastOfTier(t *testing.T) {
	provoke(t, example(t, "ha.yaml"), []kind{singlePoint, deadTier}, []provoked{
		{"a web server is off", func(w world) { w.off("web1") }, []string{"critical web2: the last web server that works: web1 is down"}},
		{"one does not answer", func(w world) { w.hang("app2") }, []string{"critical app1: the last app server that works: app2 is unreachable"}},
		{"Nginx is stopped", func(w world) { w["web2"].Response.Units["nginx.service"] = "stopped" },
			[]string{"critical web1: the last web server that works: web2 has its nginx stopped"}},
		{"the firewall is no part of serving", func(w world) { w["web2"].Response.Units["nftables.service"] = "stopped" }, nil},
		{"the load balancers find one down", func(w world) {
			for _, lb := range []string{"lb1", "lb2"} {
				for i, s := range w[lb].Response.Balancer.Servers {
					if s.Name == "app1-a" {
						w[lb].Response.Balancer.Servers[i].State = haproxyctl.Down
					}
				}
			}
		}, []string{"critical app2: the last app server that works: app1 is down for the load balancers"}},
		{"one load balancer is not fit", func(w world) { w["lb2"].Response.Balancer.Fit = false },
			[]string{"critical lb1: the last load balancer that works: lb2 is not fit to hold the virtual addresses"}},
		{"one was told to keep away", func(w world) { w["lb2"].Response.Balancer.Yielding = true },
			[]string{"critical lb1: the last load balancer that works: lb2 was told to keep away from the virtual addresses"}},
		{"a whole tier is off", func(w world) { w.off("app1"); w.off("app2") }, []string{"critical: no app server works: app1 is down; app2 is down"}},
		{"one database server is left", func(w world) {
			w.off("db1")
			w.member(t, "db2", survey.Group{State: "RECOVERING", Primary: "db3"})
			w.member(t, "db3", survey.Group{State: "ONLINE", Role: "PRIMARY", Primary: "db3"})
		}, []string{"critical db3: the last database server that works: db1 is down; db2 is RECOVERING"}},
	})
}

// The only server of a tier is a single point by its shape, and not once more as the last.
func TestLastOfOne(t *testing.T) {
	top := example(t, "seed.yaml")
	w := healthy(t, top)
	w.off("web1")
	want := []string{"critical: no web server works: web1 is down", "warning web1: the only web server", "warning app1: the only app server",
		"warning db1: the only database server, with the only copy of the data"}
	if diff := cmp.Diff(want, said(Running(w.look(top), fresh), singlePoint, deadTier)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQuorum(t *testing.T) {
	provoke(t, example(t, "ha.yaml"), []kind{quorum}, []provoked{
		{"one is off", func(w world) { w.off("db3") }, []string{"warning: the database has 2 of 3 ONLINE, tolerates 0 failures"}},
		{"one recovers", func(w world) { w.member(t, "db2", survey.Group{State: "RECOVERING", Primary: "db1"}) },
			[]string{"warning: the database has 2 of 3 ONLINE, tolerates 0 failures"}},
		{"no primary", func(w world) {
			for _, s := range []string{"db1", "db2", "db3"} {
				w.member(t, s, survey.Group{State: "ONLINE", Role: "SECONDARY"})
			}
		}, []string{"critical: the database has no primary: nothing can be written"}},
	})
}

// Nothing is asked twice, and every part of the question is for a role that has it.
func TestAsk(t *testing.T) {
	top := example(t, "ha.yaml")
	for _, s := range top.Servers {
		a := Ask(top, s)
		if a.Wire.IsValid() != (s.Role == spec.LoadBalancer) || (len(a.MySQL) > 0) != (s.Role == spec.Database) || !a.Rules || !a.Units {
			t.Errorf("%s is asked %+v", s.Name, a)
		}
	}
}
