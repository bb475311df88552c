package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/host/hosttest"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
)

// want makes both web servers' Nginx read this configuration.
func (w *world) want(conf string) {
	owner, group := hosttest.Owner(w.t)
	w.run.Items = nil
	for _, s := range w.run.Topology.With(spec.Web) {
		w.hosts[s.Name].Unit("nginx.service")
		file := w.file(s.Name, "/etc/nginx/nginx.conf", conf)
		reads := resource.Reads(resource.OnChangeReload, file)
		recorder := resource.Recorder("nginx.service", reads)
		recorder.Owner, recorder.Group = owner, group
		w.item(s.Name, recorder)
		w.item(s.Name, &resource.Unit{Name: "nginx.service", Running: true, Enabled: true, Reads: reads, Interrupts: resource.InterruptsOnChange})
	}
}

// plan reads the web servers and the load balancers and compares.
func (w *world) plan() plan.Plan {
	w.t.Helper()
	want := plan.Desired{Topology: w.run.Topology, Items: w.run.Items}
	got := plan.Observed{States: map[string]map[string]plan.State{}, Holder: "lb1", Primary: "db1"}
	for _, s := range w.run.Topology.With(spec.Web) {
		want.Backends = append(want.Backends, plan.Backend{Server: s.Name, Backend: "web", Name: s.Name})
		var q remote.Request
		for _, item := range w.run.Items {
			if item.Server == s.Name {
				q.Observe = append(q.Observe, resource.Resource{Spec: item.Spec})
			}
		}
		p, err := w.hosts[s.Name].Call(w.t.Context(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		got.States[s.Name] = p.States
	}
	answers, err := w.run.balancers(w.t.Context(), remote.Request{Balancer: true})
	if err != nil {
		w.t.Fatal(err)
	}
	var views [][]haproxyctl.Server
	for _, p := range answers {
		views = append(views, p.Balancer.Servers)
	}
	got.Rotation = survey.Rotation(views)
	return plan.Make(want, got)
}

// TestRollout goes the whole way: plan, apply, and a second plan that is empty.
func TestRollout(t *testing.T) {
	w := newWorld(t)
	c := newCluster(w, "web/web1", "web/web2")
	w.want("worker_processes 1;")
	first := w.plan()
	if err := w.run.Run(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if second := w.plan(); !second.Empty() {
		t.Fatalf("the second plan is not empty: %+v", second.Steps)
	}
	if got := c.ordered(); got != nil {
		t.Errorf("servers that did not serve yet were rotated: %q", got)
	}

	w.want("worker_processes 2;")
	w.happened()
	if err := w.run.Run(t.Context(), w.plan()); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, server := range []string{"web1", "web2"} {
		for _, step := range []string{"drain rotation:" + server, "update file:/etc/nginx/nginx.conf", "reload unit:nginx.service", "return rotation:" + server} {
			want = append(want, "done "+server+" "+step)
		}
	}
	if diff := cmp.Diff(want, w.happened()); diff != "" {
		t.Errorf("a server at a time, out of rotation around what interrupts (-want +got):\n%s", diff)
	}
	if c.drained["web"] != 1 {
		t.Errorf("%d web servers were out at once, want 1", c.drained["web"])
	}
	if after := w.plan(); !after.Empty() {
		t.Errorf("the plan is not empty afterwards: %+v", after.Steps)
	}
}

// A step that fails leaves the other server serving the old configuration, and
// running again resumes where it stopped.
func TestRolloutThatFailsResumes(t *testing.T) {
	w := newWorld(t)
	c := newCluster(w, "web/web1", "web/web2")
	w.want("1")
	if err := w.run.Run(t.Context(), w.plan()); err != nil {
		t.Fatal(err)
	}
	w.want("2")
	broken := w.hosts["web1"]
	broken.On(hosttest.Exit(1, "Job for nginx.service failed."), "systemctl", "reload", "nginx.service")
	if err := w.run.Run(t.Context(), w.plan()); err == nil || !strings.Contains(err.Error(), "web1: reload unit:nginx.service") {
		t.Fatalf("error %v, want web1's", err)
	}
	if got := w.hosts["web2"].Read("/etc/nginx/nginx.conf"); got != "1" || c.servers["lb1"]["web2"].State != "up" {
		t.Errorf("web2 has %q and is %s, want it untouched and up", got, c.servers["lb1"]["web2"].State)
	}

	broken.On(func(resource.Command) (string, error) {
		unit := resource.LoadedDir + "/nginx.service"
		broken.Write(unit, resource.Digest([]byte("2"))+"  /etc/nginx/nginx.conf\n")
		return "", nil
	}, "systemctl", "reload", "nginx.service")
	if err := w.run.Run(t.Context(), w.plan()); err != nil {
		t.Fatal(err)
	}
	if after := w.plan(); !after.Empty() || c.servers["lb1"]["web1"].State != "up" {
		t.Errorf("web1 is %s; the plan is not empty: %+v", c.servers["lb1"]["web1"].State, after.Steps)
	}
}
