package explain

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// Whatever is asked of a healthy site is answered, in words and from evidence, and
// nothing is missing; of one with single servers, too.
func TestEveryQuestionIsAnswered(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for site, top := range map[string]*topology.Topology{"ha": ha(t), "seed": seed(t)} {
		d := Explain(look(t, top), Catalogue())
		seen := map[string]bool{}
		for _, a := range d.Answers {
			if !name.MatchString(a.Name) || seen[a.Name] || !strings.HasSuffix(a.Question, "?") || a.Group == "" {
				t.Errorf("%q, %q of group %q: a name that is taken or no name, or no question, or no group", a.Name, a.Question, a.Group)
			}
			seen[a.Name] = true
			if len(a.Text) < 100 || len(a.Evidence) == 0 {
				t.Errorf("%s, %s: %d letters of text, %d pieces of evidence", site, a.Name, len(a.Text), len(a.Evidence))
			}
			for _, e := range a.Evidence {
				if e.What == "" || e.Value == "" || e.From == "" || strings.Contains(e.Value, notRead) || strings.Contains(e.Value, "%!") {
					t.Errorf("%s, %s: %+v", site, a.Name, e)
				}
			}
			if strings.Contains(a.Text, "%!") {
				t.Errorf("%s, %s: %s", site, a.Name, a.Text)
			}
		}
	}
}

// The questions of the exercise, by their keys in the brief, and what each answer has
// to show.
func TestBrief(t *testing.T) {
	for _, c := range []struct{ key, name, want string }{
		{"0a", "server", "db3 (database): container at 10.77.0.53, debian 13, kernel 6.1.0-42, 2 processors, 4.0 GiB of memory"},
		{"0b", "domain", "holder of the public address 10.77.0.10: lb1"},
		{"0b", "domain", "198.51.100.7, which is not this site"},
		{"0c", "record", "www.foobar.com. 300 A 198.51.100.7"},
		{"0c", "record", "www.foobar.com. A 300 10.77.0.10."},
		{"0c", "record", `only by a line in the hosts file: "10.77.0.10 www.foobar.com"`},
		{"0d", "web-server", "root /srv/www/releases/"},
		{"0d", "web-server", "- Nginx itself: 2.0 ms on web1 [difference by Nginx]"},
		{"0e", "app-server", "release runs on app2: in slot a"},
		{"0e", "app-server", "- HAProxy, app and database: 4.0 ms on one of app1, app2 [measured by Nginx]"},
		{"0f", "database", "mysql on db1: running 9.7.4"},
		{"0g", "communication", "TLS 1.3, cipher TLS_AES_128_GCM_SHA256, key exchange X25519MLKEM768"},
		{"0g", "communication", "HTTP/2.0 (ALPN h2)"},
		{"0g", "communication", "10.77.0.1:50000 to 10.77.0.10:443"},
		{"0-issues", "single-points", "none among its servers"},
		{"0-issues", "maintenance", "drill planned-release: has not been run on this site"},
		{"0-issues", "scaling", "head-room of web1: load 0.25 on 2 processors, 3.0 of 4.0 GiB"},
		{"1a", "load-balancers", "What breaks without it"},
		{"1a", "second-web-server", "drill web-off: MET on 2026-11-27 12:00 UTC: 0 of 4000 requests failed"},
		{"1a", "database-servers", "a majority of two is two"},
		{"1b", "distribution", "backend web (requests of the users): balance leastconn [lb1, HAProxy show stat]"},
		{"1b", "distribution", "of 2500 requests: web1 1500 (60.0 %), web2 1000 (40.0 %)"},
		{"1c", "active-active", "The load balancers are active-passive"},
		{"1c", "active-active", "The web tier is active-active"},
		{"1c", "active-active", "The database is active-passive for writes"},
		{"1d", "replication", "member db2: ONLINE, secondary, queue 0 transactions, 0.2 s behind"},
		{"1d", "replication", "quorum: 3 of 3 ONLINE, tolerates 1 failure"},
		{"1e", "primary-and-replica", "Port 3306 of 10.77.0.11 leads to the primary"},
		{"1e", "primary-and-replica", "behind port 3306 (writes): db1 up, db2 not used, db3 not used"},
		{"1e", "primary-and-replica", "a write to the replica db2: CREATE DATABASE x: refused: Error 1290"},
		{"1-issues", "security-issues", "check"},
		{"2a", "guard", "HAProxy asks it: http-check send meth GET uri /primary"},
		{"2a", "virtual-addresses", "advert_int 0.1"},
		{"2b", "firewalls", "web1 connects to db1:3306: no answer: the packets are dropped"},
		{"2b", "firewalls", "tcp 3306+8008 from 10.77.0.21+10.77.0.22 (connections of the app tier"},
		{"2b", "firewalls", "by default: drop; packets that opened something: 26 for the operator, over SSH; 5 for requests; packets dropped: 12"},
		{"2c", "https", "from 2026-11-27 to 2027-02-25, 90 days left"},
		{"2c", "https", "308 https://www.foobar.com/"},
		{"2c", "tls-end", "to a web server, no TLS: server web1 10.77.0.31:80"},
		{"2d", "monitoring", "last checks of backend web: web1 L7OK, web2 L7OK"},
		{"2d", "monitoring", "HAProxy asks web servers: default-server check inter 500ms"},
		{"2e", "monitoring-data", "figures of lb1: bind 10.77.0.21:8404"},
		{"2e", "monitoring-data", "taken at 12:00:00.010 by its clock"},
		{"2f", "requests-per-second", "users' requests in the last second: 37"},
		{"2f", "requests-per-second", "http://10.77.0.22:8404/metrics"},
		{"2-issues", "ssl-termination", "plain text"},
		{"2-issues", "one-writer", "single-primary Group Replication has one writer"},
		{"2-issues", "all-components-together", "db1: database: mysql 9.7.4, guard, firewall"},
		{"3", "load-balancers", "lb2 lets keepalived hold the addresses: yes"},
		{"3", "split", "app1: app at 10.77.0.41: app, firewall"},
		{"", "slots", "slots: app1-a up, app1-b idle"},
		{"", "not-protected", "DELETE without WHERE"},
		{"", "not-protected", "computer 1: runs lb1, lb2, web1"},
	} {
		if got := answered(t, look(t, ha(t)), c.name); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s does not say %q:\n%s", c.key, c.name, c.want, got)
		}
	}
}

// A site with single servers says so, and promises nothing that takes two.
func TestSeed(t *testing.T) {
	in := look(t, seed(t))
	for _, c := range []struct{ name, want string }{
		{"single-points", "3 single points by its shape: web1, app1, db1."},
		{"single-points", "web tier: 1 of 1 work: its failure stops the site"},
		{"second-web-server", "it has not been added: web1 is alone"},
		{"database-servers", "db1 is alone in its tier"},
		{"distribution", "there is nothing to distribute"},
		{"active-active", "The database is one server: neither."},
		{"replication", "there is no replica"},
		{"primary-and-replica", "no write can be shown being refused"},
		{"maintenance", "alone in its tier (web1, app1, db1) is downtime"},
		{"one-writer", "This site has both problems"},
		{"not-protected", "alone in its tier: web1, app1, db1"},
	} {
		if got := answered(t, in, c.name); !strings.Contains(got, c.want) {
			t.Errorf("%s does not say %q:\n%s", c.name, c.want, got)
		}
	}
	single := answered(t, in, "single-points")
	for _, server := range []string{"web1", "app1", "db1"} {
		if !strings.Contains(single, "check: spof "+server+": warning: the only ") {
			t.Errorf("check's word on %s is missing:\n%s", server, single)
		}
	}
	if n := strings.Count(single, "check: spof"); n != 3 {
		t.Errorf("%d single points, want 3:\n%s", n, single)
	}
	if got := answered(t, in, "primary-and-replica"); strings.Contains(got, "a write to the replica") {
		t.Errorf("a replica of the seed:\n%s", got)
	}
}

// What is down or missing is named, with the reason; nothing is made up.
func TestMissingEvidence(t *testing.T) {
	for _, c := range []struct {
		name, question, want string
		change               func(Input)
	}{
		{"a server is off", "server", "web2: not read: web2 is powered off", func(in Input) { in.Look.Answers["web2"] = status.Answer{Off: true} }},
		{"a server is silent", "firewalls", "db2 rules in force: not read: db2 does not answer: no route", func(in Input) { in.Look.Answers["db2"] = status.Answer{Err: errors.New("no route")} }},
		{"a part was not read", "firewalls", "web1 rules in force: not read: nft is not there", func(in Input) {
			r := in.Look.Of("web1")
			r.Rules, r.Errors = "", map[string]string{"rules": "nft is not there"}
		}},
		{"the holder is off: the other's figures", "distribution", "[lb2, HAProxy show stat]", func(in Input) { in.Look.Answers["lb1"] = status.Answer{Off: true} }},
		{"the other holds the addresses: its figures", "distribution", "[lb2, HAProxy show stat]", func(in Input) {
			in.Look.Answers["lb1"].Response.Facts.Interfaces = nil
			hold(in.Look.Answers, "lb2", in.Look.Topology)
		}},
		{"listeners were not read", "web-server", "listens on web2: not read: no ss", func(in Input) { in.Look.Of("web2").Errors = map[string]string{"listeners": "no ss"} }},
		{"nobody holds the addresses", "load-balancers", "nobody that answers", func(in Input) { in.Look.Answers["lb1"] = status.Answer{Off: true} }},
		{"no load balancer answers", "requests-per-second", "not read: lb2 is powered off", func(in Input) {
			in.Look.Answers["lb1"], in.Look.Answers["lb2"] = status.Answer{Off: true}, status.Answer{Off: true}
		}},
		{"a replica takes a write", "primary-and-replica", "NOT refused", func(in Input) { in.Look.Of("db2").Write.Refused = false }},
		{"the firewall is open", "firewalls", "web2 connects to db1:3306: OPEN", func(in Input) { in.Look.Of("web2").Probes[0].What = "open" }},
		{"the last of its tier", "single-points", "web tier: 1 of 2 work: the next failure in it stops the site", func(in Input) { in.Look.Answers["web2"] = status.Answer{Off: true} }},
		{"another algorithm runs", "distribution", "Backend web is configured otherwise. roundrobin takes turns", func(in Input) { in.Look.Of("lb1").Balancer.Proxies[1].Algorithm = "roundrobin" }},
		{"another configuration", "distribution", `not read: no line "balance " under "backend web "`, func(in Input) { in.Look.Of("lb1").Configs[haproxyConfig] = "global\n" }},
		{"the guard is silent", "replication", "member db3: not read: UNKNOWN: its guard does not answer", func(in Input) {
			a := in.Look.Answers["db3"]
			a.Response.Member = nil
			in.Look.Answers["db3"] = a
		}},
	} {
		in := look(t, ha(t))
		c.change(in)
		if got := answered(t, again(in), c.question); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s does not say %q:\n%s", c.name, c.question, c.want, got)
		}
	}
	in := look(t, ha(t))
	in.Visit, in.Trace = Visit{Err: "connection refused"}, nil
	in.Plain, in.Lookup = Plain{Err: "connection refused"}, Lookup{Err: "timed out"}
	for question, want := range map[string]string{
		"communication": "not read: connection refused", "https": "certificate: not read: connection refused", "web-server": "not read: connection refused",
		"record": "no answer: timed out",
	} {
		if got := answered(t, in, question); !strings.Contains(got, want) {
			t.Errorf("%s does not say %q:\n%s", question, want, got)
		}
	}
}

// Answers come from whatever is left, down to nothing.
func TestNothingAnswers(t *testing.T) {
	for _, top := range []*topology.Topology{ha(t), seed(t)} {
		in := Input{Visit: Visit{Err: "no route"}, Plain: Plain{Err: "no route"}}
		in.Look.Topology, in.Look.Answers = top, map[string]status.Answer{}
		d := Explain(again(in), Catalogue())
		missing := 0
		for _, a := range d.Answers {
			for _, e := range a.Evidence {
				if strings.Contains(e.Value, notRead) {
					missing++
				}
			}
		}
		if missing < len(d.Answers) {
			t.Errorf("%d pieces of evidence are said not to be read, in %d answers", missing, len(d.Answers))
		}
	}
}

// The sentences hold while the site has its shape: who holds, who is primary and how
// much there is of everything stands in the evidence, so that a document made of them
// changes there alone.
func TestTextIsAboutTheShape(t *testing.T) {
	before := Explain(look(t, ha(t)), Catalogue())
	top := ha(t)
	in := look(t, top)
	in.Look.At = now.AddDate(0, 1, 0)
	in.Look.Answers["lb1"].Response.Facts.Interfaces = nil
	hold(in.Look.Answers, "lb2", top)
	for name, primary := range map[string]bool{"db1": false, "db2": true} {
		a := in.Look.Answers[name]
		a.Response.Member = member(t, primary)
		in.Look.Answers[name] = a
	}
	in.Look.Of("lb2").Balancer.Proxies[0].Rate = 999
	in.Look.Answers["web2"] = status.Answer{Off: true}
	after := Explain(again(in), Catalogue())
	for i, a := range after.Answers {
		if diff := cmp.Diff(before.Answers[i].Text, a.Text); diff != "" {
			t.Errorf("%s (-before +after):\n%s", a.Name, diff)
		}
	}
}

// Answers name drills and other questions that there are.
func TestReferences(t *testing.T) {
	other := regexp.MustCompile(`(?:see|under) ([a-z]+(?:-[a-z]+)+)`)
	drills, questions := 0, 0
	for _, a := range Explain(look(t, ha(t)), Catalogue()).Answers {
		for _, e := range a.Evidence {
			if name, ok := strings.CutPrefix(e.From, "scaleup drill "); ok {
				drills++
				if _, ok := drill.Find(name); !ok {
					t.Errorf("%s names the drill %s, which there is not", a.Name, name)
				}
			}
		}
		for _, m := range other.FindAllStringSubmatch(a.Text, -1) {
			questions++
			if _, unknown := Find(m[1:]); len(unknown) > 0 {
				t.Errorf("%s refers to %s, which there is not", a.Name, unknown)
			}
		}
	}
	if drills == 0 || questions == 0 {
		t.Errorf("%d drills and %d questions are referred to; the test looks in the wrong place", drills, questions)
	}
}

func TestFind(t *testing.T) {
	found, unknown := Find([]string{"https", "nonsense", "server"})
	if len(found) != 2 || found[0].Name != "server" || found[1].Name != "https" || !cmp.Equal(unknown, []string{"nonsense"}) {
		t.Errorf("found %v, unknown %v", found, unknown)
	}
}

func TestAsk(t *testing.T) {
	top := ha(t)
	for _, s := range top.Servers {
		a := Ask(top, s)
		// Every configuration that an answer quotes is asked for.
		for _, path := range map[spec.Role][]string{spec.LoadBalancer: {haproxyConfig, keepalivedConfig}, spec.Web: {nginxConfig}}[s.Role] {
			if !slices.Contains(a.Configs, path) {
				t.Errorf("%s is not asked for %s", s.Name, path)
			}
		}
		for _, name := range mysqlVariables {
			if s.Role == spec.Database && !slices.Contains(a.MySQL, name) {
				t.Errorf("%s is not asked for %s", s.Name, name)
			}
		}
		if !a.Rules || !a.Units || a.Balancer != (s.Role == spec.LoadBalancer) || a.TryWrite != (s.Role == spec.Database) || (len(a.Refused) == 1) != (s.Role == spec.Web) {
			t.Errorf("%s is asked %+v", s.Name, a)
		}
	}
}

func TestRuleWords(t *testing.T) {
	for rules, want := range map[string]string{
		"": "by default: not told; packets that opened something: none; packets dropped: not told",
		"type filter hook input priority filter; policy accept;\nip saddr 10.0.0.1 counter packets 3 bytes 4 accept\n": "by default: accept; packets that opened something: 3 for a rule without a comment; packets dropped: not told",
	} {
		if got := ruleWords(rules); got != want {
			t.Errorf("%q: %s\nwant %s", rules, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	v := newView(look(t, ha(t)))
	v.of("lb1").Configs["x"] = "backend a from http\n    balance one\n# a remark\n    server a1 1:80\n\nbackend b\n    balance two\nend {\n    inner x\n}\n"
	for _, c := range []struct {
		section, prefix, want string
	}{
		{"backend a", "balance", "balance one"},
		{"backend a", "server ", "server a1 1:80"},
		{"backend b", "balance", "balance two"},
		{"backend b", "server ", ""},
		{"", "inner", "inner x"},
		{"end", "inner", "inner x"},
		{"backend c", "balance", ""},
	} {
		if got, ok := v.line("lb1", "x", c.section, c.prefix); got != c.want || ok != (c.want != "") {
			t.Errorf("%q in %q: %q, %t, want %q", c.prefix, c.section, got, ok, c.want)
		}
	}
}
