package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/spec"
)

// site is a lab site with servers given as "role name".
func site(subnet string, servers ...string) *spec.Site {
	s := &spec.Site{Name: "www.foobar.com", File: "site.yaml", Lab: spec.Lab{Subnet: netip.MustParsePrefix(subnet)}}
	s.SSH.Allow = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, line := range servers {
		role, name, _ := strings.Cut(line, " ")
		s.Servers = append(s.Servers, spec.Server{Name: name, Role: spec.Role(role)})
	}
	return s
}

func build(t *testing.T, s *spec.Site) *Topology {
	t.Helper()
	top, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// addresses lists "name address" of all servers.
func addresses(t *Topology) []string {
	var list []string
	for _, s := range t.Servers {
		list = append(list, s.Name+" "+s.Address.String())
	}
	return list
}

func TestAddresses(t *testing.T) {
	withVIP := site("10.77.0.0/24", "web web1", "web web2")
	withVIP.VIPs.Public = netip.MustParseAddr("10.77.0.31")
	remote := site("10.77.0.0/24", "web web1", "web web2")
	remote.Servers[1].Address = netip.MustParseAddr("198.51.100.7")
	for _, c := range []struct {
		name string
		site *spec.Site
		want []string
	}{
		{"by tier and in natural order", site("10.77.0.0/24", "database db1", "web web10", "web web2", "app app1", "loadbalancer lb1"),
			[]string{"lb1 10.77.0.21", "web2 10.77.0.32", "web10 10.77.0.40", "app1 10.77.0.41", "db1 10.77.0.51"}},
		{"names without numbers fill the gaps", site("10.77.0.0/24", "web red", "web web1", "web blue"),
			[]string{"blue 10.77.0.33", "red 10.77.0.32", "web1 10.77.0.31"}},
		{"two names with one number", site("10.77.0.0/24", "web web1", "web www1"), []string{"web1 10.77.0.31", "www1 10.77.0.32"}},
		{"numbers beyond the block", site("10.77.0.0/24", "web web0", "web web99", "web web4294967297"),
			[]string{"web0 10.77.0.31", "web99 10.77.0.32", "web4294967297 10.77.0.33"}},
		{"a VIP in the block", withVIP, []string{"web1 10.77.0.33", "web2 10.77.0.32"}},
		{"an address of the file", remote, []string{"web1 10.77.0.31", "web2 198.51.100.7"}},
		{"a small subnet that does not start at 0", site("10.77.0.64/26", "loadbalancer lb1", "database db9"), []string{"lb1 10.77.0.85", "db9 10.77.0.123"}},
	} {
		if diff := cmp.Diff(c.want, addresses(build(t, c.site))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestRemovingAServerMovesNoOther(t *testing.T) {
	before := build(t, site("10.77.0.0/24", "web web1", "web web2", "web web3"))
	after := build(t, site("10.77.0.0/24", "web web2", "web web3", "web web4"))
	for _, name := range []string{"web2", "web3"} {
		was, err := before.Server(name)
		if err != nil {
			t.Fatal(err)
		}
		is, err := after.Server(name)
		if err != nil {
			t.Fatal(err)
		}
		if was.Address != is.Address {
			t.Errorf("%s moved from %s to %s", name, was.Address, is.Address)
		}
	}
}

// A thousand servers have addresses of their own inside the subnet.
func TestLargeSite(t *testing.T) {
	s := site("10.80.0.0/20", "loadbalancer lb1", "loadbalancer lb2", "database db1")
	for i := range 500 {
		s.Servers = append(s.Servers, spec.Server{Name: fmt.Sprintf("web%d", i+1), Role: spec.Web}, spec.Server{Name: fmt.Sprintf("app%d", i+1), Role: spec.App})
	}
	top := build(t, s)
	seen := map[netip.Addr]string{top.Public: "VIP", top.Internal: "VIP", Gateway(s.Lab.Subnet): "gateway", netip.MustParseAddr("10.80.15.255"): "broadcast"}
	for _, server := range top.Servers {
		if other := seen[server.Address]; other != "" || !s.Lab.Subnet.Contains(server.Address) {
			t.Fatalf("%s has %s, which is outside or %s's", server.Name, server.Address, other)
		}
		seen[server.Address] = server.Name
	}
}

func TestSubnetTooSmall(t *testing.T) {
	s := site("10.77.0.0/24")
	for i := range 11 {
		s.Servers = append(s.Servers, spec.Server{Name: fmt.Sprintf("web%d", i+1), Role: spec.Web})
	}
	_, err := Build(s)
	if err == nil {
		t.Fatal("eleven web servers fit into a block of ten")
	}
	for _, want := range []string{"site.yaml", "10.77.0.0/24", "web", "/20"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestUnknownServer(t *testing.T) {
	_, err := build(t, site("10.77.0.0/24", "web web1", "app app1")).Server("web9")
	if err == nil || !strings.Contains(err.Error(), "web1, app1") {
		t.Errorf("error %v, want one that names the servers there are", err)
	}
}

func TestFlows(t *testing.T) {
	top := build(t, site("10.77.0.0/24", "loadbalancer lb1", "loadbalancer lb2", "web web1", "web web2", "app app1", "database db1", "database db2", "database db3"))
	const ssh, lbs = "192.0.2.0/24 -> tcp 22", "10.77.0.21/32 10.77.0.22/32 -> "
	for server, want := range map[string][]string{
		"lb1": {
			ssh,
			"0.0.0.0/0 -> 10.77.0.10 tcp 80 443",
			"10.77.0.31/32 10.77.0.32/32 -> 10.77.0.11 tcp 8080",
			"10.77.0.41/32 -> 10.77.0.11 tcp 3306 3307",
			"192.0.2.0/24 -> tcp 8404",
			"10.77.0.22/32 -> vrrp",
			"10.77.0.22/32 -> tcp 10000",
		},
		"web1": {ssh, lbs + "tcp 80"},
		"app1": {ssh, lbs + "tcp 8001 8002"},
		"db2":  {ssh, lbs + "tcp 3306 8008", "10.77.0.51/32 10.77.0.53/32 -> tcp 3306 8009"},
	} {
		s, err := top.Server(server)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range top.FlowsTo(s) {
			got = append(got, flowText(f))
			if f.Why == "" {
				t.Errorf("%s: %s has no reason", server, flowText(f))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("flows to %s (-want +got):\n%s", server, diff)
		}
	}
}

func flowText(f Flow) string {
	var words []string
	for _, p := range f.From {
		words = append(words, p.String())
	}
	words = append(words, "->")
	if f.To.IsValid() {
		words = append(words, f.To.String())
	}
	words = append(words, f.Protocol)
	for _, p := range f.Ports {
		words = append(words, fmt.Sprint(p))
	}
	return strings.Join(words, " ")
}

// Servers without a peer need no flow between peers; a remote server's SSH port
// is the file's, a lab machine's is 22.
func TestFlowsOfASmallSite(t *testing.T) {
	s := site("10.77.0.0/24", "loadbalancer lb1", "web web1", "app app1", "database db1")
	s.SSH.Port = 2222
	s.Servers[3].Address = netip.MustParseAddr("198.51.100.7")
	top := build(t, s)
	for i, want := range []int{22, 22, 22, 2222} {
		flows := top.FlowsTo(top.Servers[i])
		if got := flows[0].Ports; !slices.Equal(got, []int{want}) {
			t.Errorf("SSH of %s is on %v, want %d", top.Servers[i].Name, got, want)
		}
		for _, f := range flows {
			if len(f.From) == 0 {
				t.Errorf("%s has a flow from nobody: %s", top.Servers[i].Name, flowText(f))
			}
		}
	}
}

func TestSlots(t *testing.T) {
	if SlotA.Other() != SlotB || SlotB.Other() != SlotA || SlotA.Port() == SlotB.Port() {
		t.Error("the two slots are not each other's other, or share a port")
	}
}

// Real servers have their addresses from the file; no lab, no subnet.
func TestSiteWithoutALab(t *testing.T) {
	site := &spec.Site{Name: "www.foobar.com", VIPs: spec.VIPs{Public: netip.MustParseAddr("192.0.2.10"), Internal: netip.MustParseAddr("192.0.2.11")}}
	for i, role := range spec.Roles {
		site.Servers = append(site.Servers, spec.Server{Name: string(role), Role: role, Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(21 + i)})})
	}
	top, err := Build(site)
	if err != nil {
		t.Fatal(err)
	}
	if top.InLab() || len(top.Servers) != 4 || top.Servers[3].Address != netip.MustParseAddr("192.0.2.24") || top.Public != site.VIPs.Public {
		t.Errorf("%+v", top)
	}
}
