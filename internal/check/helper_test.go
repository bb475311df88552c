package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
	"scaleup/internal/component/all"
	"scaleup/internal/component/componenttest"
	"scaleup/internal/evidence"
	"scaleup/internal/facts"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/inspect"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

// now is when every look of these tests is taken.
var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// fresh is the history of a site that was just set up.
var fresh = History{Since: now.Add(-time.Hour)}

// example is one of examples/*.yaml. What it ships lies in folders that are made
// elsewhere, so stand-ins are put in their place.
func example(t *testing.T, name string) *topology.Topology {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string]string{
		"examples/" + name: string(text), "foobar/static/favicon.svg": "<svg/>", "foobar/release/foobar": "#!/bin/sh\n",
		"examples/.scaleup/foobar-bare/id_ed25519": "", "examples/.scaleup/foobar-bare/known_hosts": "",
	} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	site, err := spec.Load(filepath.Join(dir, "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	site.File = "examples/" + name
	top, err := topology.Build(site)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// world is what the servers of a site answer.
type world map[string]status.Answer

// healthy is what they answer when all is well. Configurations and rules are those that
// the components write.
func healthy(t *testing.T, top *topology.Topology) world {
	t.Helper()
	w := world{}
	for _, s := range top.Servers {
		f := facts.ReferenceFor(s.Name, s.Address.String())
		p := remote.Response{Facts: &f, Units: map[string]string{"app@b.service": "stopped"}, Inspection: shows(t, top, s)}
		for _, u := range strings.Fields("haproxy keepalived scaleup-lb-agent nginx app@a mysql scaleup-guard nftables") {
			p.Units[u+".service"] = "running"
		}
		switch s.Role {
		case spec.LoadBalancer:
			p.Balancer = &remote.Balancer{Fit: true, Servers: backends(top)}
		case spec.Database:
			role := "SECONDARY"
			if s.Name == "db1" {
				role = "PRIMARY"
			}
			p.Member = member(t, survey.Group{State: "ONLINE", Role: role, Primary: "db1"})
		}
		w[s.Name] = status.Answer{Response: p, Asked: now, Answered: now}
	}
	w.hold("lb1", top.Public, top.Internal)
	return w
}

func backends(top *topology.Topology) []haproxyctl.Server {
	var all []haproxyctl.Server
	for _, s := range top.With(spec.App) {
		all = append(all, haproxyctl.Server{Backend: "app", Name: s.Name + "-a", State: haproxyctl.Up}, haproxyctl.Server{Backend: "app", Name: s.Name + "-b", State: haproxyctl.Maint})
	}
	for _, s := range top.With(spec.Web) {
		all = append(all, haproxyctl.Server{Backend: "web", Name: s.Name, State: haproxyctl.Up})
	}
	return all
}

func member(t *testing.T, g survey.Group) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(g)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// shows is what a server that is well shows of itself, as far as Ask asks for it.
func shows(t *testing.T, top *topology.Topology, s topology.Server) *inspect.Report {
	t.Helper()
	ask := Ask(top, s)
	r := &inspect.Report{
		At: now, Synced: "yes", Host: "computer of " + s.Name,
		Memory: inspect.Memory{Total: 16 << 30, Available: 8 << 30},
		Disks:  []inspect.Disk{{Path: "/", Size: 100 << 30, Free: 50 << 30, Inodes: 1000, InodesFree: 900}},
		Listeners: []inspect.Listen{
			{At: netip.MustParseAddrPort("0.0.0.0:22"), Program: "sshd"}, {At: netip.MustParseAddrPort("[::]:22"), Program: "sshd"},
			{At: netip.MustParseAddrPort("127.0.0.1:8125"), Program: "agent"},
		},
		Configs: map[string]string{}, Packages: map[string]inspect.Versions{}, MySQL: map[string]string{}, Errors: map[string]string{},
	}
	if top.InLab() {
		r.Synced, r.Host = "", "this computer"
	}
	in := componenttest.Input(t, top.Site, s.Name)
	in.Secrets.Site, in.Secrets.TicketKeys = component.KeyPair{Cert: []byte("chain\n"), Key: []byte("key\n")}, []byte("keys\n")
	owned, err := all.For(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range owned {
		switch v := o.Spec.(type) {
		case *resource.File:
			if slices.Contains(ask.Configs, v.Path) {
				r.Configs[v.Path] = string(v.Content)
			}
		case *resource.Firewall:
			r.Rules = string(v.Content)
		}
	}
	for _, name := range ask.Upgrades {
		r.Packages[name] = inspect.Versions{Installed: "1.2.3-4", Candidate: "1.2.3-4"}
	}
	if ask.Wire.IsValid() {
		r.Wire = &inspect.Certificate{Issuer: "CN=ca", Serial: "4711", NotAfter: now.Add(90 * day)}
	}
	variables := map[string]string{
		"max_connections": "900", "sync_binlog": "1", "innodb_flush_log_at_trx_commit": "1", "innodb_doublewrite": "ON",
		"group_replication_single_primary_mode": "ON", "group_replication_consistency": "BEFORE_ON_PRIMARY_FAILOVER",
	}
	for _, name := range ask.MySQL {
		value, ok := variables[name]
		if !ok {
			t.Fatalf("Ask asks for %s, which these tests have no value of", name)
		}
		r.MySQL[name] = value
	}
	return r
}

// The changes that tests make.

func (w world) shown(server string) *inspect.Report { return w[server].Response.Inspection }

func (w world) hold(server string, addresses ...netip.Addr) {
	for _, a := range addresses {
		i := &w[server].Response.Facts.Interfaces[0]
		i.Addresses = append(i.Addresses, a.String()+"/32")
	}
}

func (w world) off(server string) { w[server] = status.Answer{Off: true} }

func (w world) hang(server string) { w[server] = status.Answer{Err: errors.New("timed out")} }

func (w world) member(t *testing.T, server string, g survey.Group) {
	a := w[server]
	a.Response.Member = member(t, g)
	w[server] = a
}

// edit replaces text in a configuration; text that is not there is a mistake of the test.
func (w world) edit(t *testing.T, server, file, from, to string) {
	t.Helper()
	text := w.shown(server).Configs[file]
	if !strings.Contains(text, from) {
		t.Fatalf("%s of %s has no %q", file, server, from)
	}
	w.shown(server).Configs[file] = strings.Replace(text, from, to, 1)
}

// rule puts a line in front of the first rule of the flows.
func (w world) rule(t *testing.T, server, line string) {
	t.Helper()
	const first = "ip saddr @tcp_22 "
	r := w.shown(server)
	if !strings.Contains(r.Rules, first) {
		t.Fatalf("the rules of %s have no %q", server, first)
	}
	r.Rules = strings.Replace(r.Rules, first, line+"\n\t\t"+first, 1)
}

func (w world) look(top *topology.Topology) evidence.Look {
	return evidence.Look{Topology: top, At: now, Status: status.Assess(top, "", w), Answers: w}
}

// kinds lists every kind of finding.
func kinds() []kind {
	return []kind{
		singlePoint, deadTier, quorum, silent, unread, holders,
		units, slots, certificate, certificateTwins, clock, diskSpace, diskInodes, diskReadOnly, memory,
		twins, timeouts, connections, packageTwins, packageBehind, firewall, listeners, durability,
		notDrilled, missedDrill, sharedHost, openSSH,
	}
}

// provoked is a site with one thing wrong, and what has to be found.
type provoked struct {
	name   string
	change func(w world)
	want   []string // "severity server: message"
}

// provoke looks for findings of some kinds on a site that is well, where there must be
// none, and on it with each change.
func provoke(t *testing.T, top *topology.Topology, of []kind, cases []provoked) {
	t.Helper()
	for _, k := range of {
		if !slices.Contains(kinds(), k) {
			t.Errorf("kinds lacks %s", k.id)
		}
	}
	for _, c := range append([]provoked{{name: "all is well", change: func(world) {}}}, cases...) {
		w := healthy(t, top)
		c.change(w)
		if diff := cmp.Diff(c.want, said(Running(w.look(top), fresh), of...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// said are the findings of some kinds; of all, when none is named.
func said(found []Finding, of ...kind) []string {
	var lines []string
	for _, f := range found {
		if len(of) == 0 || slices.ContainsFunc(of, func(k kind) bool { return k.id == f.ID }) {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s", f.Severity, f.Server))+": "+f.Message)
		}
	}
	return lines
}
