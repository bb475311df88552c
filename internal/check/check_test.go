package check

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// aboveInfo are "severity id server" of what is above info.
func aboveInfo(found []Finding) []string {
	var list []string
	for _, f := range found {
		if f.Severity != Info {
			list = append(list, strings.TrimSpace(string(f.Severity)+" "+f.ID+" "+f.Server))
		}
	}
	return list
}

// TestExamples holds what the product says of its own examples.
func TestExamples(t *testing.T) {
	for _, c := range []struct {
		file    string
		want    []string // above info
		plan    string
		running string
	}{
		{"seed.yaml", []string{"warning spof web1", "warning spof app1", "warning spof db1"},
			"3 single points of failure: web1, app1, db1; 1 remark", "3 single points of failure: web1, app1, db1; 2 remarks"},
		{"ha.yaml", nil, "no single point of failure; 1 remark", "no single point of failure; 2 remarks"},
		{"servers.yaml", nil, "no single point of failure; 1 remark", "no single point of failure; 2 remarks"},
	} {
		top := example(t, c.file)
		plan, running := Plan(top), Running(healthy(t, top).look(top), fresh)
		for name, found := range map[string][]Finding{"the file": plan, "running": running} {
			if diff := cmp.Diff(c.want, aboveInfo(found)); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s\n%s", c.file, name, diff, strings.Join(said(found), "\n"))
			}
		}
		if got := NewReport(top, false, plan); got.Verdict != c.plan || got.Healthy != (c.want == nil) {
			t.Errorf("%s, the file: healthy %t, %q, want %q", c.file, got.Healthy, got.Verdict, c.plan)
		}
		if got := NewReport(top, true, running).Verdict; got != c.running {
			t.Errorf("%s, running: %q, want %q", c.file, got, c.running)
		}
	}
}

// TestKinds holds that every kind says why it matters, is told from the others, and names
// drills that there are.
func TestKinds(t *testing.T) {
	var drills []string
	for _, k := range kinds() {
		if k.id == "" || k.why == "" {
			t.Errorf("kind %+v lacks an ID or a reason", k)
		}
		if slices.ContainsFunc(kinds(), func(o kind) bool { return o.id == k.id && o.why != k.why }) {
			t.Errorf("two kinds are called %s", k.id)
		}
		drills = append(drills, k.drill)
	}
	for _, file := range []string{"ha.yaml", "servers.yaml"} {
		top := example(t, file)
		for _, role := range spec.Roles {
			name := awayDrill(top, role)
			drills = append(drills, name)
			if d, _ := drill.Find(name); d.Usable(top.Site, top.InLab()) != "" {
				t.Errorf("%s: drill %s cannot be run: %s", file, name, d.Usable(top.Site, top.InLab()))
			}
		}
	}
	for _, name := range drills {
		if _, ok := drill.Find(name); name != "" && !ok {
			t.Errorf("there is no drill %q", name)
		}
	}
}

// Every finding that these servers can be brought to has a way out.
func TestSorted(t *testing.T) {
	top := example(t, "ha.yaml")
	w := healthy(t, top)
	w.shown("db2").Disks[0].ReadOnly = true
	w.off("web1")
	w.shown("app1").Memory.Available = 0
	w.shown("app1").Failed = []string{"cron.service"}
	found := Running(w.look(top), fresh)
	want := []string{
		"critical spof web2", "critical disk-read-only db2",
		"warning silent web1", "warning memory app1", "warning unit app1",
	}
	if diff := cmp.Diff(want, aboveInfo(found)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, f := range found {
		if f.Fix == "" || f.Why == "" || f.Message == "" {
			t.Errorf("%+v leaves something out", f)
		}
	}
}

func TestVerdict(t *testing.T) {
	top := &topology.Topology{Site: &spec.Site{Name: "www.foobar.com"}}
	for _, c := range []struct {
		found   []Finding
		verdict string
		healthy bool
	}{
		{nil, "no single point of failure", true},
		{[]Finding{{ID: "x", Severity: Info}, {ID: "y", Severity: Info}}, "no single point of failure; 2 remarks", true},
		{[]Finding{{ID: "spof", Severity: Warning, Server: "web1"}}, "1 single point of failure: web1", false},
		{[]Finding{{ID: "x", Severity: Critical}, {ID: "x", Severity: Critical}, {ID: "y", Severity: Warning}, {ID: "z", Severity: Info}},
			"no single point of failure; 2 critical findings; 1 warning; 1 remark", false},
	} {
		r := NewReport(top, true, c.found)
		if r.Verdict != c.verdict || r.Healthy != c.healthy || r.Findings == nil {
			t.Errorf("%v: %q, healthy %t; want %q, %t", c.found, r.Verdict, r.Healthy, c.verdict, c.healthy)
		}
	}
}
