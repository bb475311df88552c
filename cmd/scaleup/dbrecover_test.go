package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/facts"
	"scaleup/internal/guard"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/secrets"
	"scaleup/internal/topology"
)

const oldGroup = "6a1f0a3e-0000-4000-8000-000000000007"

// outageSite is a site whose database was stopped as a whole: db1 and db2 answer,
// db3 does not. Its servers keep what they are given.
type outageSite struct {
	t        *testing.T
	op       *operation
	store    *secrets.Store
	hosts    map[string]host.Host
	out, err bytes.Buffer

	mu      sync.Mutex
	applied []string          // "db1 file:/etc/my.cnf"
	groups  map[string]string // group name of each server's guard
	fails   string            // the application that fails, as in applied
	balance []haproxyctl.Server
}

func newOutageSite(t *testing.T) *outageSite {
	t.Helper()
	top, err := topology.Build(componenttest.Site(2, 2, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	s := &outageSite{t: t, hosts: map[string]host.Host{}, groups: map[string]string{}}
	o := &options{noInput: true, streams: streams{in: strings.NewReader(""), out: &s.out, err: &s.err}}
	s.op = &operation{options: o, topology: top, stateDir: t.TempDir()}
	s.op.binary.Digest = "0123456789ab"
	if s.store, err = secrets.Open(s.op.stateDir); err != nil {
		t.Fatal(err)
	}
	values, err := s.store.Load(top)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lb1", "db1", "db2"} {
		server, err := top.Server(name)
		if err != nil {
			t.Fatal(err)
		}
		s.hosts[name] = &outageServer{site: s, server: server}
		s.groups[name] = values.GroupName
	}
	return s
}

func (s *outageSite) recover(order recoverOrder) error {
	return s.op.recoverWith(s.t.Context(), order, s.hosts, map[string]string{"db3": "no route to host"})
}

func (s *outageSite) group() string {
	s.t.Helper()
	values, err := s.store.Load(s.op.topology)
	if err != nil {
		s.t.Fatal(err)
	}
	return values.GroupName
}

// outageServer answers for one server. Everything on it is as wanted but what
// carries the group's name; a member is ONLINE once both have the same new one.
type outageServer struct {
	host.Host
	site   *outageSite
	server topology.Server
	first  string // group that the server had when it was first observed
}

func (s *outageServer) Call(_ context.Context, q remote.Request) (remote.Response, error) {
	s.site.mu.Lock()
	defer s.site.mu.Unlock()
	var p remote.Response
	if q.Facts {
		f := facts.ReferenceFor(s.server.Name, s.server.Address.String())
		p.Facts = &f
	}
	p.States = map[string]resource.State{}
	for _, r := range q.Observe {
		p.States[r.Spec.ID()] = s.state(r.Spec)
	}
	if q.Apply != nil {
		return p, s.apply(q.Apply.Resource.Spec, &p)
	}
	if q.Member != "" {
		p.Member = json.RawMessage(fmt.Sprintf(`{"state":%q}`, s.memberState()))
	}
	if q.Known {
		p.Known = s.known()
	}
	if q.Balancer {
		p.Balancer = &remote.Balancer{Servers: s.site.balance}
	}
	return p, nil
}

const guardFile = "file:/etc/scaleup/guard.json"

// nameOfGroup reads the group's name in a guard's configuration.
func nameOfGroup(t *testing.T, spec resource.Spec) string {
	t.Helper()
	cfg, err := guard.ParseConfig(spec.(*resource.File).Content)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.GroupName
}

func (s *outageServer) state(spec resource.Spec) resource.State {
	switch {
	case spec.ID() == guardFile && nameOfGroup(s.site.t, spec) != s.site.groups[s.server.Name]:
		return "sha256:old 0640 root:guard"
	case strings.HasPrefix(spec.ID(), "member:"):
		return resource.State(s.memberState())
	}
	return spec.Want()
}

func (s *outageServer) apply(spec resource.Spec, p *remote.Response) error {
	what := s.server.Name + " " + spec.ID()
	if what == s.site.fails {
		return errors.New("the connection is lost")
	}
	p.Applied = &remote.Applied{Before: s.state(spec), After: spec.Want()}
	if spec.ID() == guardFile {
		s.site.groups[s.server.Name] = nameOfGroup(s.site.t, spec)
	}
	s.site.applied = append(s.site.applied, what)
	return nil
}

// begun is the group that the site had at first: that one is stopped for good.
func (s *outageServer) formed() bool {
	if s.first == "" {
		s.first = s.site.groups[s.server.Name]
	}
	return s.site.groups["db1"] == s.site.groups["db2"] && s.site.groups["db1"] != s.first
}

func (s *outageServer) memberState() string {
	if s.formed() {
		return guard.Online
	}
	return guard.Offline
}

func (s *outageServer) known() json.RawMessage {
	k := guard.Known{Message: "waits", Answer: guard.Answer{Server: s.server.Name, MySQL: guard.MySQL{
		Reachable: true, State: s.memberState(), Group: s.site.groups[s.server.Name], SuperReadOnly: true, Executed: oldGroup + ":1-10",
	}}}
	k.Answer.Record = guard.Record{Group: s.site.groups[s.server.Name], Epoch: 3, ViewID: "77:4", Members: []string{"db1", "db2", "db3"}, Primary: "db2", EverMember: true}
	data, err := json.Marshal(k)
	if err != nil {
		s.site.t.Fatal(err)
	}
	return data
}

func TestExplainRecovery(t *testing.T) {
	s := newOutageSite(t)
	before := s.group()
	if err := s.recover(recoverOrder{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"db1      OFFLINE; 10 transactions executed, 0 received and not executed",
		"last view it was in: 77:4, epoch 3 of group " + before + ": db1 db2 db3; its role was none, the primary db2",
		"db3      no word: no route to host",
		"db2 forms a new group, and db1 joins it. Given up as lost: db3.",
		"Most members of the newest view (db1 db2 db3) answer",
		"What db3 had is not known",
		"To do this: scaleup db recover -f site.yaml --accept-loss\n",
	} {
		if !strings.Contains(s.out.String(), want) {
			t.Errorf("the explanation lacks %q:\n%s", want, &s.out)
		}
	}
	if len(s.applied) != 0 || s.group() != before {
		t.Errorf("explaining has applied %q", s.applied)
	}
}

func TestExplainRecoveryJSON(t *testing.T) {
	s := newOutageSite(t)
	s.op.json = true
	s.balance = []haproxyctl.Server{{Backend: haproxyctl.BackendMySQLPrimary, Name: "db3", State: haproxyctl.Up}}
	if err := s.recover(recoverOrder{}); err != nil {
		t.Fatal(err)
	}
	var d recoveryDocument
	if err := json.Unmarshal(s.out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Schema != 1 || len(d.Servers) != 3 || d.Would != nil || !strings.Contains(d.Refused, "lb1 finds it at work (mysql_primary)") || d.Fix == "" {
		t.Errorf("document %+v", d)
	}
}

func TestRecoverRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		order  recoverOrder
		change func(*outageSite)
		says   string
	}{
		{"the name is not said", recoverOrder{accept: true}, func(*outageSite) {}, "needs the site's name"},
		{"yes is not enough", recoverOrder{accept: true}, func(s *outageSite) { s.op.yes = true }, "needs the site's name"},
		{"another name", recoverOrder{accept: true, confirm: "www.example.com"}, func(*outageSite) {}, `names "www.example.com"`},
		{"the lost one is at work", recoverOrder{accept: true, confirm: "www.foobar.com"}, func(s *outageSite) {
			s.balance = []haproxyctl.Server{{Backend: haproxyctl.BackendMySQLReadable, Name: "db3", State: haproxyctl.Up}}
		}, "it is not lost"},
		{"nobody answers", recoverOrder{accept: true, confirm: "www.foobar.com"}, func(s *outageSite) { clear(s.hosts) }, "no database server answers"},
	} {
		s := newOutageSite(t)
		before := s.group()
		c.change(s)
		err := s.recover(c.order)
		if err == nil || !strings.Contains(err.Error(), c.says) || hintOf(err) == "" && !errors.As(err, new(usage)) {
			t.Errorf("%s: %v (%q), want %q and a hint", c.name, err, hintOf(err), c.says)
		}
		if len(s.applied) != 0 || s.group() != before {
			t.Errorf("%s: refused, and it has applied %q", c.name, s.applied)
		}
	}
}

// TestRecover gives db3 up; the run is cut off after db1 has the new group, and the
// next one goes on with the same name and asks nothing again.
func TestRecover(t *testing.T) {
	s := newOutageSite(t)
	before := s.group()
	s.fails = "db2 " + guardFile
	if err := s.recover(recoverOrder{accept: true, confirm: "www.foobar.com"}); err == nil || !strings.Contains(err.Error(), "db2") {
		t.Fatalf("error %v, want db2's", err)
	}
	name := s.group()
	if name == before || s.groups["db1"] != name || s.groups["db2"] != before {
		t.Fatalf("the group is %s, before %s; servers have %v", name, before, s.groups)
	}
	if err := recoveryEnded(s.store); err == nil || !strings.Contains(hintOf(err), "db recover --accept-loss") {
		t.Errorf("apply would go on: %v", err)
	}
	s.fails = ""
	if err := s.recover(recoverOrder{accept: true}); err != nil {
		t.Fatal(err)
	}
	if s.group() != name || s.groups["db1"] != name || s.groups["db2"] != name {
		t.Errorf("the group is %s, was %s; servers have %v", s.group(), name, s.groups)
	}
	slices.Sort(s.applied)
	if diff := cmp.Diff([]string{"db1 " + guardFile, "db2 " + guardFile}, s.applied); diff != "" {
		t.Errorf("applied (-want +got):\n%s", diff)
	}
	if err := recoveryEnded(s.store); err != nil {
		t.Errorf("the recovery has not ended: %v", err)
	}
	r, err := s.store.Recovery()
	if err != nil || !slices.Equal(r.Recovered.Replaces, []string{before}) || r.Recovered.Initial != "db2" {
		t.Errorf("recovery %+v, %v", r, err)
	}
	if !strings.Contains(s.out.String(), "serves again from db1, db2, as group "+name) {
		t.Errorf("output:\n%s", &s.out)
	}
}

// fakeConnector reaches the servers it has.
type fakeConnector map[string]host.Host

func (c fakeConnector) dial(_ context.Context, s topology.Server) (host.Host, error) {
	if h := c[s.Name]; h != nil {
		return h, nil
	}
	return nil, errors.New("no route\nto host")
}

func TestReachSome(t *testing.T) {
	s := newOutageSite(t)
	c := fakeConnector(s.hosts)
	c["web1"] = &outageServer{}
	hosts, silent := reachSome(t.Context(), s.op.topology, []string{"db2"}, c)
	if len(hosts) != 2 || hosts["lb1"] == nil || hosts["db1"] == nil {
		t.Errorf("reached %v", hosts)
	}
	want := map[string]string{"db2": "its machine is off", "db3": "no route to host", "lb2": "no route to host"}
	if diff := cmp.Diff(want, silent); diff != "" {
		t.Errorf("silent (-want +got):\n%s", diff)
	}
}

func TestRecoveryText(t *testing.T) {
	set := func(text string) guard.GTIDSet {
		s, err := guard.ParseGTIDSet(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	got := recoveryText(&guard.Recovery{
		Recovered: guard.Recovered{Initial: "db1", Voters: []string{"db1"}}, Lost: []string{"db2", "db3"},
		GivenUp: set(oldGroup + ":12"), Gaps: map[string]guard.GTIDSet{"db3": set(oldGroup + ":9-11")}, Unheard: []string{"db2"},
	})
	want := `db1 forms a new group. Given up as lost: db2, db3.
  ACKNOWLEDGED WRITES MAY BE LOST: those who answer are not most of the newest view, or do not know it;
  the lost servers may have gone on without them, for any length of time.
  Given up, 1 transactions that others have and db1 lacks: ` + oldGroup + `:12
  Given up, 3 transactions that db3 had when it was last heard: ` + oldGroup + `:9-11
  What db2 had is not known: no guard that answers remembers it.
  Keep db2 and db3 switched off until scaleup apply can reach them. Were they the newest view, and reach each
  other and none of the servers above when they come back, they serve as the old group.
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}
