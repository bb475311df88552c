package apply

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/facts"
	"scaleup/internal/host"
	"scaleup/internal/host/hosttest"
	"scaleup/internal/journal"
	"scaleup/internal/plan"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// world is a site of two load balancers, two web, two app and three database
// servers, each on a temporary root, and the Runner that carries plans out there.
type world struct {
	t     *testing.T
	hosts map[string]*hosttest.Host
	run   *Runner

	mu     sync.Mutex
	events []string // "done web1 update file:/etc/x", of all kinds but began
}

func newWorld(t *testing.T) *world {
	t.Helper()
	site := &spec.Site{Name: "www.foobar.com", File: "site.yaml", Lab: spec.Lab{Subnet: netip.MustParsePrefix("10.77.0.0/24")}}
	for role, names := range map[spec.Role]string{spec.LoadBalancer: "lb1 lb2", spec.Web: "web1 web2", spec.App: "app1 app2", spec.Database: "db1 db2 db3"} {
		for name := range strings.FieldsSeq(names) {
			site.Servers = append(site.Servers, spec.Server{Name: name, Role: role})
		}
	}
	top, err := topology.Build(site)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, hosts: map[string]*hosttest.Host{}}
	log, err := journal.Open(filepath.Join(t.TempDir(), "journal"), "apply", w.record)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	w.run = &Runner{Topology: top, Hosts: map[string]host.Host{}, Folders: map[string]string{}, Binary: "/usr/local/lib/scaleup/d/scaleup", Journal: log}
	for _, s := range top.Servers {
		w.hosts[s.Name] = hosttest.New(t, facts.ReferenceFor(s.Name, s.Address.String()))
		w.run.Hosts[s.Name] = w.hosts[s.Name]
	}
	return w
}

func (w *world) record(e journal.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.Event {
	case journal.Began:
	case journal.Note:
		w.events = append(w.events, fmt.Sprint(e.Event, " ", e.Server, " ", e.Message))
	default:
		w.events = append(w.events, fmt.Sprint(e.Event, " ", e.Server, " ", e.Action, " ", e.Resource))
	}
}

// happened lists what happened since it was last called.
func (w *world) happened() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.events
	w.events = nil
	return events
}

// file is a file of a server that the Runner knows of.
func (w *world) file(server, path, content string) *resource.File {
	w.t.Helper()
	owner, group := hosttest.Owner(w.t)
	f := &resource.File{Path: path, Content: []byte(content), Mode: 0o644, Owner: owner, Group: group}
	w.item(server, f)
	return f
}

func (w *world) item(server string, s resource.Spec) {
	w.run.Items = append(w.run.Items, plan.Item{Server: server, Component: "test", Spec: s})
}

// create is the step that makes a file which is not there.
func create(stage int, server string, s resource.Spec) plan.Step {
	return plan.Step{Stage: stage, Server: server, Resource: s.ID(), Action: plan.Create, From: resource.Absent, To: s.Want()}
}

func (w *world) apply(steps ...plan.Step) error {
	return w.run.Run(w.t.Context(), plan.Plan{Steps: steps})
}

func TestOrder(t *testing.T) {
	w := newWorld(t)
	// Each server's first step ends only when the other's has begun.
	var both sync.WaitGroup
	both.Add(2)
	var steps []plan.Step
	for _, server := range []string{"web1", "web2"} {
		first, second := w.file(server, "/etc/1", "x"), w.file(server, "/etc/2", "x")
		first.Validate = []string{"meet"}
		w.hosts[server].On(func(resource.Command) (string, error) { both.Done(); both.Wait(); return "", nil }, "meet")
		steps = append(steps, create(1, server, first), create(1, server, second))
	}
	steps = append(steps, create(2, "lb1", w.file("lb1", "/etc/1", "x")))
	if err := w.apply(steps...); err != nil {
		t.Fatal(err)
	}
	got := w.happened()
	at := func(server, resource string) int { return slices.Index(got, "done "+server+" create file:"+resource) }
	for _, server := range []string{"web1", "web2"} {
		if at(server, "/etc/1") > at(server, "/etc/2") || at(server, "/etc/2") > at("lb1", "/etc/1") {
			t.Errorf("out of order: %q", got)
		}
	}
	if len(got) != 5 || got[4] != "done lb1 create file:/etc/1" {
		t.Errorf("events %q, want five with the second stage last", got)
	}
}

func TestFirstFailingStageIsTheLast(t *testing.T) {
	w := newWorld(t)
	bad := w.file("web1", "/etc/bad", "x")
	bad.Validate = []string{"check", "{}"}
	w.hosts["web1"].On(hosttest.Exit(1, "line 3: unknown word"), "check")
	after, beside, next := w.file("web1", "/etc/after", "x"), w.file("web2", "/etc/beside", "x"), w.file("web2", "/etc/next", "x")
	err := w.apply(create(1, "web1", bad), create(1, "web1", after), create(1, "web2", beside), create(2, "web2", next))

	failure := (*Failure)(nil)
	if !errors.As(err, &failure) || failure.Step.Server != "web1" || failure.Step.Stage != 1 {
		t.Fatalf("error %v, want a Failure of web1 in stage 1", err)
	}
	for _, want := range []string{"stage 1, web1: create file:/etc/bad", "line 3: unknown word"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	got := w.happened()
	slices.Sort(got)
	if diff := cmp.Diff([]string{"done web2 create file:/etc/beside", "failed web1 create file:/etc/bad"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSkipAndStale(t *testing.T) {
	w := newWorld(t)
	f := w.file("web1", "/etc/x", "new")
	step := create(1, "web1", f)
	if err := w.apply(step); err != nil {
		t.Fatal(err)
	}
	if err := w.apply(step); err != nil { // a resumed run
		t.Fatal(err)
	}
	w.hosts["web1"].Write("/etc/x", "by hand")
	step.From = "sha256:what the plan saw"
	if err := w.apply(step); !errors.Is(err, ErrStale) {
		t.Errorf("error %v, want ErrStale", err)
	}
	if got := w.hosts["web1"].Read("/etc/x"); got != "by hand" {
		t.Errorf("the changed file was overwritten: %q", got)
	}
	want := []string{"done web1 create file:/etc/x", "skipped web1 create file:/etc/x", "failed web1 create file:/etc/x"}
	if diff := cmp.Diff(want, w.happened()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnknownResource(t *testing.T) {
	err := newWorld(t).apply(plan.Step{Stage: 1, Server: "web1", Resource: "teapot:1", To: "full"})
	if err == nil || !strings.Contains(err.Error(), "teapot:1") {
		t.Errorf("error %v, want one that names the resource", err)
	}
}

// stuck is an actor whose resource never becomes what it should be.
type stuck struct{ err error }

func (s stuck) observe(context.Context, plan.Step) (plan.State, error) { return "half", s.err }
func (s stuck) do(context.Context, plan.Step) error                    { return nil }

func TestAwait(t *testing.T) {
	for _, c := range []struct {
		name        string
		interrupted bool
		err         error
		want        string
		took        time.Duration
	}{
		{"never", false, nil, `it should be "full" and is still "half" after 1m0s`, patience},
		{"unreadable", false, errors.New("lb1 does not answer"), "wait until it is full: lb1 does not answer", patience},
		{"interrupted", true, nil, "context canceled", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.interrupted {
				cancel()
			}
			began := time.Now()
			err := await(ctx, stuck{c.err}, plan.Step{To: "full"}, patience)
			if err == nil || err.Error() != c.want {
				t.Errorf("%s: error %v, want %q", c.name, err, c.want)
			}
			if took := time.Since(began); took != c.took {
				t.Errorf("%s: took %s, want %s", c.name, took, c.took)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	w := newWorld(t)
	folder := t.TempDir()
	w.hosts["lb1"].Root = folder // just to write there
	w.hosts["lb1"].Write("foobar", "program")
	digest, err := resource.TreeDigest(folder)
	if err != nil {
		t.Fatal(err)
	}
	r := &resource.Release{Path: "/srv/app/releases/" + digest, Digest: digest, Keep: 2}
	w.item("app1", r)
	step := create(1, "app1", r)
	if err := w.apply(step); err == nil || !strings.Contains(err.Error(), "folder is not known") {
		t.Errorf("error %v without a folder", err)
	}
	w.run.Folders[digest] = folder
	if err := w.apply(step); err != nil {
		t.Fatal(err)
	}
	if got := w.hosts["app1"].Read(r.Path + "/foobar"); got != "program" {
		t.Errorf("the server holds %q", got)
	}

	w.hosts["lb1"].Write("foobar", "changed since the plan")
	w.item("app2", r)
	if err := w.apply(create(1, "app2", r)); err == nil || !strings.Contains(err.Error(), "the folder changed") {
		t.Errorf("error %v from a folder that is another one now", err)
	}
	w.run.Folders[digest] = filepath.Join(folder, "nowhere")
	if err := w.apply(create(1, "app2", r)); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error %v, want the folder that is not there", err)
	}
}

func TestFirewall(t *testing.T) {
	for _, unreachable := range []error{nil, errors.New("timed out")} {
		w := newWorld(t)
		h := w.hosts["web1"]
		for _, argv := range [][]string{{"systemctl", "stop", "scaleup-firewall-revert.timer"}, {"nft"}} {
			h.On(hosttest.Output(""), argv...)
		}
		h.On(h.Timer("scaleup-firewall-revert"), "systemd-run")
		h.Unreachable = unreachable
		f := &resource.Firewall{Path: "/etc/nftables.conf", Content: []byte("rules")}
		w.item("web1", f)
		err := w.apply(create(1, "web1", f))
		commands := h.Commands()
		disarmed := strings.HasPrefix(commands[len(commands)-2], "nft -f") == false && strings.HasPrefix(commands[len(commands)-1], "systemctl stop")
		if unreachable == nil && (err != nil || !disarmed) {
			t.Errorf("error %v, confirmed: %t; commands %q", err, disarmed, commands)
		}
		if unreachable != nil && (err == nil || disarmed || !strings.Contains(err.Error(), "ssh.allow") || !strings.Contains(err.Error(), "30 s")) {
			t.Errorf("error %v, confirmed: %t, want what happens and where to look", err, disarmed)
		}
	}
}
