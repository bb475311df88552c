package explain

import (
	"encoding/json"
	"net/netip"
	"os"
	"testing"
	"time"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/evidence"
	"scaleup/internal/facts"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/inspect"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func build(t *testing.T, loadbalancers, webs, apps, databases int) *topology.Topology {
	t.Helper()
	top, err := topology.Build(componenttest.Site(loadbalancers, webs, apps, databases))
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func ha(t *testing.T) *topology.Topology   { return build(t, 2, 2, 2, 3) }
func seed(t *testing.T) *topology.Topology { return build(t, 2, 1, 1, 1) }

// units that run on a server of each role.
var units = map[spec.Role][]string{
	spec.LoadBalancer: {"haproxy.service", "keepalived.service", "scaleup-lb-agent.service", "nftables.service"},
	spec.Web:          {"nginx.service", "nftables.service"},
	spec.App:          {"app@a.service", "nftables.service"},
	spec.Database:     {"mysql.service", "scaleup-guard.service", "nftables.service"},
}

const rules = `table inet scaleup {
	counter dropped {
		comment "packets that belong to no flow: nft list counters"
		packets 12 bytes 720
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		ip saddr @tcp_22 tcp dport 22 counter packets 26 bytes 1560 accept comment "the operator, over SSH"
		ip saddr @tcp_80 tcp dport 80 counter packets 5 bytes 300 accept comment "requests"
		counter name "dropped"
	}
}
`

// answers are those of a healthy site: lb1 holds the addresses, db1 is the primary.
func answers(t *testing.T, top *topology.Topology) map[string]status.Answer {
	t.Helper()
	all := map[string]status.Answer{}
	for _, s := range top.Servers {
		f := facts.ReferenceFor(s.Name, s.Address.String())
		f.Container = true
		if s.Role == spec.App {
			f.ActiveSlot = "a"
		}
		p := remote.Response{Facts: &f, Units: map[string]string{}, Inspection: report(t, top, s)}
		for _, u := range units[s.Role] {
			p.Units[u] = "running"
		}
		switch s.Role {
		case spec.LoadBalancer:
			p.Balancer = &remote.Balancer{Fit: true, Servers: servers(top)}
		case spec.Database:
			p.Member = member(t, s.Name == "db1")
		}
		all[s.Name] = status.Answer{Response: p, Asked: now, Answered: now.Add(20 * time.Millisecond)}
	}
	hold(all, "lb1", top)
	return all
}

func hold(all map[string]status.Answer, lb string, top *topology.Topology) {
	i := &all[lb].Response.Facts.Interfaces[0]
	i.Addresses = append(i.Addresses, top.Public.String()+"/32", top.Internal.String()+"/32")
}

func member(t *testing.T, primary bool) json.RawMessage {
	t.Helper()
	role := map[bool]string{true: "PRIMARY", false: "SECONDARY"}[primary]
	data, err := json.Marshal(map[string]any{"state": "ONLINE", "role": role, "primary": "db1", "epoch": 1, "lag_seconds": 0.2, "mysql_version": "9.7.4"})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func servers(top *topology.Topology) []haproxyctl.Server {
	var all []haproxyctl.Server
	add := func(backend, name string, state haproxyctl.State) {
		all = append(all, haproxyctl.Server{Backend: backend, Name: name, State: state})
	}
	for _, s := range top.With(spec.App) {
		add("app", s.Name+"-a", haproxyctl.Up)
		add("app", s.Name+"-b", haproxyctl.Maint)
	}
	for _, backend := range []string{"mysql_primary", "mysql_replica", "mysql_readable"} {
		for _, s := range top.With(spec.Database) {
			state := haproxyctl.Up
			if (backend == "mysql_primary") != (s.Name == "db1") && backend != "mysql_readable" {
				state = haproxyctl.Down
			}
			add(backend, s.Name, state)
		}
	}
	for _, s := range top.With(spec.Web) {
		add("web", s.Name, haproxyctl.Up)
	}
	return all
}

func report(t *testing.T, top *topology.Topology, s topology.Server) *inspect.Report {
	t.Helper()
	r := &inspect.Report{
		At: now.Add(10 * time.Millisecond), Kernel: "6.1.0-42", Host: "one", Uptime: 3600, Load: 0.25,
		Memory: inspect.Memory{Total: 4 << 30, Available: 3 << 30}, Rules: rules,
		Listeners: []inspect.Listen{{At: netip.MustParseAddrPort("0.0.0.0:22"), Program: "sshd"}},
	}
	switch s.Role {
	case spec.LoadBalancer:
		r.Configs = map[string]string{haproxyConfig: golden(t, "haproxy/testdata/golden/debian13/haproxy.cfg"), keepalivedConfig: golden(t, "keepalived/testdata/golden/debian13/keepalived_keepalived.conf")}
		r.Balancer = balancer(top)
	case spec.Web:
		r.Configs = map[string]string{nginxConfig: golden(t, "nginx/testdata/golden/debian13/nginx.conf")}
		r.Probes = []inspect.Outcome{{To: mysqlAt(top.With(spec.Database)[0]), What: "silent"}}
	case spec.Database:
		r.MySQL = map[string]string{}
		for _, name := range mysqlVariables {
			r.MySQL[name] = "1"
		}
		if s.Name != "db1" {
			r.Write = &inspect.Refusal{Statement: "CREATE DATABASE x", Refused: true, Error: "Error 1290 (HY000): running with the --super-read-only option"}
		}
	}
	return r
}

func golden(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile("../component/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func balancer(top *topology.Topology) *inspect.Balancer {
	b := &inspect.Balancer{Version: "3.0.11", Uptime: 100, Sessions: 7, MaxConn: 20900, Proxies: []inspect.Proxy{
		{Name: "public_https", Kind: "frontend", Rate: 37, Total: 4000, Errors5xx: 2},
		{Name: "web", Kind: "backend", Algorithm: "leastconn"}, {Name: "app", Kind: "backend", Algorithm: "leastconn"},
	}}
	for i, s := range top.With(spec.Web) {
		b.Counters = append(b.Counters, inspect.Counter{Backend: "web", Server: s.Name, Total: int64(1500 - 500*i), Rate: 20, Check: "L7OK"})
	}
	for _, s := range top.With(spec.App) {
		b.Counters = append(b.Counters, inspect.Counter{Backend: "app", Server: s.Name + "-a", Total: 600, Rate: 9, Check: "L7OK"}, inspect.Counter{Backend: "app", Server: s.Name + "-b"})
	}
	return b
}

const id = "5f0c1a52-9d7e-4b41-8f6e-2b9f3f6f1c11"

func visit(top *topology.Topology) Visit {
	return Visit{
		URL: "https://www.foobar.com/readyz", Address: netip.AddrPortFrom(top.Public, 443), Began: now, Local: "10.77.0.1:50000", Remote: "10.77.0.10:443",
		TLS: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Curve: "X25519MLKEM768", ALPN: "h2", Proto: "HTTP/2.0", Status: 200, RequestID: id, Bytes: 6,
		Subject: "CN=www.foobar.com", Issuer: "CN=scaleup", Names: []string{"www.foobar.com"}, NotBefore: now, NotAfter: now.Add(90 * 24 * time.Hour),
		Timings: Timings{Connect: 200 * time.Microsecond, Handshake: 1800 * time.Microsecond, Wait: 8 * time.Millisecond, Receive: 500 * time.Microsecond},
	}
}

func trace(v Visit) *Trace {
	return &Trace{Visit: v, Holder: "lb1", Lines: map[string][]remote.LogLine{"web1": {{
		Source: remote.AccessLog, Text: `{"id":"` + id + `","status":200,"seconds":0.006,"app_seconds":"0.004","cache":"MISS","lb":"lb1"}`,
	}}}}
}

// look is a healthy site and all that was seen of it.
func look(t *testing.T, top *topology.Topology) Input {
	t.Helper()
	all := answers(t, top)
	in := Input{
		Lookup: Lookup{Name: "www.foobar.com", Server: "192.0.2.53", Records: []Record{{Name: "www.foobar.com", Type: "A", TTL: 300, Value: "198.51.100.7"}}},
		Visit:  visit(top), Plain: Plain{Status: 308, Location: "https://www.foobar.com/"},
		Drills: map[string]Run{"web-off": {At: now, Verdict: "MET", Sent: 4000}},
	}
	in.Trace = trace(in.Visit)
	in.Look = evidence.Look{Topology: top, At: now, Status: status.Assess(top, "", all), Answers: all}
	return in
}

// again assesses answers that a test has changed.
func again(in Input) Input {
	in.Look.Status = status.Assess(in.Look.Topology, "", in.Look.Answers)
	return in
}

// answered is a question's answer, its text and its evidence in one.
func answered(t *testing.T, in Input, name string) string {
	t.Helper()
	questions, unknown := Find([]string{name})
	if len(unknown) > 0 {
		t.Fatalf("no question %s", name)
	}
	a := Explain(in, questions).Answers[0]
	all := a.Text
	for _, e := range a.Evidence {
		all += "\n" + e.What + ": " + e.Value + " [" + e.From + "]"
	}
	return all
}
