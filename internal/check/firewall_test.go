package check

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/inspect"
)

func TestFirewalls(t *testing.T) {
	rule := func(server, line string) func(world) { return func(w world) { w.rule(t, server, line) } }
	replace := func(server, from, to string) func(world) {
		return func(w world) {
			r := w.shown(server)
			if !strings.Contains(r.Rules, from) {
				t.Fatalf("the rules of %s have no %q", server, from)
			}
			r.Rules = strings.Replace(r.Rules, from, to, 1)
		}
	}
	provoke(t, example(t, "ha.yaml"), []kind{firewall}, []provoked{
		{"a port more", rule("app1", "tcp dport 9999 accept"), []string{"warning app1: accepts tcp port 9999 from anyone, which no flow of the site needs"}},
		{"a port more for some", rule("app1", "ip saddr { 10.0.0.1, 10.1.0.0/16 } tcp dport { 80, 8001 } counter packets 1 bytes 2 accept"),
			[]string{"warning app1: accepts tcp port 80 from 10.0.0.1, 10.1.0.0-10.1.255.255, which no flow of the site needs"}},
		{"ports more", rule("app1", "ip saddr 10.77.0.21 tcp dport 8001-8003 accept"), []string{"warning app1: accepts tcp port 8003 from 10.77.0.21, which no flow of the site needs"}},
		{"every port", rule("app1", "ip saddr 10.77.0.21 accept"), []string{"warning app1: accepts everything from 10.77.0.21, which no flow of the site needs"}},
		{"everything", rule("app1", `counter accept comment "for now"`), []string{"warning app1: accepts everything from anyone, which no flow of the site needs"}},
		{"everything on an interface", rule("app1", `iifname "eth0" accept`), []string{"warning app1: accepts everything from anyone, which no flow of the site needs"}},
		{"new connections by their state", rule("app1", "ct state established,related,new accept"), []string{"warning app1: accepts everything from anyone, which no flow of the site needs"}},
		{"a map of verdicts", rule("app1", "ip saddr 10.77.0.21 tcp dport vmap { 8001 : accept, 8002 : drop }"), []string{"warning app1: accepts tcp from 10.77.0.21, and the site needs a few ports"}},
		{"all but some", rule("app1", "ip saddr != 10.77.0.1 tcp dport 8001 accept"), []string{"warning app1: accepts tcp port 8001 from anyone, and the site needs that only from 10.77.0.21, 10.77.0.22"}},
		{"over two lines", rule("app1", "ip saddr 10.77.0.21 tcp dport { 8001,\n\t\t8003 } accept"), []string{"warning app1: accepts tcp port 8003 from 10.77.0.21, which no flow of the site needs"}},
		{"another protocol", rule("web1", "udp dport 53 accept"), []string{"warning web1: accepts udp port 53 from anyone, which no flow of the site needs"}},
		{"VRRP where there is none", rule("web1", "ip protocol 112 accept"), []string{"warning web1: accepts vrrp from anyone, which no flow of the site needs"}},
		{"wider sources", replace("db1", "elements = { 10.77.0.21, 10.77.0.22 }", "elements = { 10.77.0.0/24 }"),
			[]string{"warning db1: accepts tcp port 3306 from 10.77.0.0-10.77.0.255, and the site needs that only from 10.77.0.21, 10.77.0.22, 10.77.0.52, 10.77.0.53"}},
		{"a range of what is needed", replace("db1", "elements = { 10.77.0.21, 10.77.0.22 }", "elements = { 10.77.0.21-10.77.0.22 }"), nil},
		{"the virtual address' port at any address", rule("lb1", "tcp dport 443 accept"), []string{"warning lb1: accepts tcp port 443 from anyone, and the site needs that at 10.77.0.10 only"}},
		{"VRRP by its name", replace("lb1", "ip protocol 112", "ip protocol vrrp"), nil},
		{"fewer sources", replace("db1", "elements = { 10.77.0.21, 10.77.0.22 }", "elements = { 10.77.0.21 }"), nil},
		{"a rule that drops", rule("app1", "tcp dport 9999 drop"), nil},
		{"policy", replace("web1", "hook input priority filter; policy drop;", "hook input priority filter; policy accept;"),
			[]string{"critical web1: what no rule of the input chain names is not dropped (policy accept)"}},
		{"policy of what is passed on", replace("web1", "hook forward priority filter; policy drop;", "hook forward priority filter; policy accept;"),
			[]string{"critical web1: what no rule of the forward chain names is not dropped (policy accept)"}},
		{"no table", func(w world) { w.shown("db3").Rules = "" }, []string{`critical db3: has no firewall: the table "inet scaleup" is missing`}},
		{"no table, in nft's words", func(w world) {
			w.shown("db3").Rules, w.shown("db3").Errors["rules"] = "", "Error: No such file or directory"
		},
			[]string{`critical db3: has no firewall: the table "inet scaleup" is missing`}},
		{"not read", func(w world) { w.shown("db3").Rules, w.shown("db3").Errors["rules"] = "", "nft: not found" }, nil},
	})
}

// What nft prints of the rules of a running server reads as the file that was loaded.
func TestListing(t *testing.T) {
	listing, err := os.ReadFile("testdata/nft-db1.txt")
	if err != nil {
		t.Fatal(err)
	}
	provoke(t, example(t, "ha.yaml"), []kind{firewall}, []provoked{
		{"as it is", func(w world) { w.shown("db1").Rules = string(listing) }, nil},
		{"with a rule more", func(w world) {
			w.shown("db1").Rules = string(listing)
			w.rule(t, "db1", "tcp dport 33060 counter packets 0 bytes 0 accept")
		}, []string{"warning db1: accepts tcp port 33060 from anyone, which no flow of the site needs"}},
		{"with long sets, over lines", func(w world) {
			w.shown("db1").Rules = strings.Replace(string(listing), "10.77.0.52, 10.77.0.53", "10.77.0.52,\n\t\t\t     10.77.0.53, 10.77.0.99", 1)
		}, []string{"warning db1: accepts tcp port 3306 from 10.77.0.99, and the site needs that only from 10.77.0.21, 10.77.0.22, 10.77.0.52, 10.77.0.53"}},
	})
}

func TestCovered(t *testing.T) {
	for _, c := range []struct {
		what string
		by   string
		want bool
	}{
		{"10.0.0.1", "10.0.0.1/32", true}, {"10.0.0.1", "10.0.0.2/32", false}, {"10.0.0.0/24", "10.0.0.0/16", true}, {"10.0.0.0/16", "10.0.0.0/24", false},
		{"10.0.0.0/24", "10.0.0.0/25 10.0.0.128/25", true}, {"10.0.0.0/24", "10.0.0.0/25 10.0.0.192/26", false}, {"0.0.0.0/0", "0.0.0.0/0", true},
		{"0.0.0.0/0", "0.0.0.0/1 128.0.0.0/1", true}, {"10.0.0.1-10.0.0.3", "10.0.0.1/32 10.0.0.2/31", true}, {"nonsense", "10.0.0.0/8", false}, {"::/0", "10.0.0.0/8", false}, {"fe80::1", "10.0.0.0/8 fe80::/10", false},
	} {
		var by []netip.Prefix
		for p := range strings.FieldsSeq(c.by) {
			by = append(by, netip.MustParsePrefix(p))
		}
		if got := readAddresses(c.what).covered(by); got != c.want {
			t.Errorf("%s by %s: %t", c.what, c.by, got)
		}
	}
}

func TestListeners(t *testing.T) {
	listen := func(server string, at ...string) func(world) {
		return func(w world) {
			for _, a := range at {
				w.shown(server).Listeners = append(w.shown(server).Listeners, inspect.Listen{At: netip.MustParseAddrPort(a), Program: "exporter"})
			}
		}
	}
	provoke(t, example(t, "ha.yaml"), []kind{listeners}, []provoked{
		{"one of the site's", listen("db1", "10.77.0.51:3306"), nil},
		{"a strange one", listen("db1", "0.0.0.0:9100", "[::]:9100"), []string{"info db1: exporter listens on 0.0.0.0:9100"}},
		{"on itself only", listen("db1", "127.0.0.1:9100", "[::1]:9100"), nil},
	})
	if diff := cmp.Diff([][2]int{{80, 80}, {8000, 8009}}, readPorts("{80,8000-8009}")); diff != "" {
		t.Error(diff)
	}
}
