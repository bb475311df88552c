package firewall

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func rendered(t *testing.T, site *spec.Site, server string) string {
	t.Helper()
	specs := componenttest.Resources(t, Component{}, componenttest.Input(t, site, server))
	return string(componenttest.Find[*resource.Firewall](t, specs, "firewall:"+Path).Content)
}

func TestGolden(t *testing.T) {
	site := componenttest.Site(2, 2, 2, 3)
	for _, server := range []string{"lb1", "web1", "app1", "db1"} {
		componenttest.Golden(t, server+".conf", []byte(rendered(t, site, server)))
	}
}

func TestNftAccepts(t *testing.T) {
	nft := componenttest.Program(t, "nft")
	if os.Geteuid() != 0 {
		t.Skip("nft checks a file only as root")
	}
	sites := map[string]*spec.Site{"nine": componenttest.Site(2, 2, 2, 3), "five": componenttest.Site(1, 1, 1, 1)}
	overlapping := componenttest.Site(1, 1, 1, 1)
	overlapping.SSH.Allow = []netip.Prefix{
		netip.MustParsePrefix("10.0.0.7/8"), netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.1/32"),
	}
	sites["overlapping"] = overlapping
	for name, site := range sites {
		for _, server := range site.Servers {
			path := filepath.Join(t.TempDir(), "nftables.conf")
			if err := os.WriteFile(path, []byte(rendered(t, site, server.Name)), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Run(name+"/"+server.Name, func(t *testing.T) { componenttest.Check(t, nft, "-c", "-f", path) })
		}
	}
}

var (
	setForm  = regexp.MustCompile(`set (\S+) \{\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = \{ (.*) \}`)
	ruleForm = regexp.MustCompile(`ip saddr @(\S+) (?:ip daddr (\S+) )?(?:tcp dport \{ (.*) \}|ip protocol (112)) counter accept comment "(.*)"`)
)

// Reading the file back gives the topology's flows: none is missing, and none is
// there that the topology does not know.
func TestRulesAreTheFlows(t *testing.T) {
	for _, site := range []*spec.Site{componenttest.Site(2, 2, 2, 3), componenttest.Site(1, 1, 1, 1), componenttest.Site(3, 9, 9, 9)} {
		shape, err := topology.Build(site)
		if err != nil {
			t.Fatal(err)
		}
		for _, server := range shape.Servers {
			text := rendered(t, site, server.Name)
			var want []string
			for _, f := range shape.FlowsTo(server) {
				want = append(want, describe(f))
			}
			if diff := cmp.Diff(want, readBack(text)); diff != "" {
				t.Errorf("%s (-flows +rules):\n%s", server.Name, diff)
			}
		}
	}
}

// Whatever is accepted is one of the flows or one of the lines every server has.
func TestNothingElseIsAccepted(t *testing.T) {
	general := []string{
		"ct state established,related accept", "iif lo accept",
		"icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
		"icmp type echo-request limit rate 100/second accept",
		"icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } ip6 hoplimit 255 accept",
		"icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept",
	}
	for line := range strings.Lines(rendered(t, componenttest.Site(2, 2, 2, 3), "lb1")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || !strings.Contains(line, "accept") {
			continue
		}
		if !slices.Contains(general, line) && !ruleForm.MatchString(line) {
			t.Errorf("this rule accepts packets and is no flow: %s", line)
		}
	}
}

func readBack(text string) []string {
	sets := map[string]string{}
	for _, m := range setForm.FindAllStringSubmatch(text, -1) {
		sets[m[1]] = m[2]
	}
	var flows []string
	for _, m := range ruleForm.FindAllStringSubmatch(text, -1) {
		protocol := "tcp"
		if m[4] != "" {
			protocol = "vrrp"
		}
		flows = append(flows, strings.Join([]string{sets[m[1]], m[2], protocol, m[3], m[5]}, "|"))
	}
	return flows
}

// describe writes a flow as readBack does, without the functions under test.
func describe(f topology.Flow) string {
	var from []string
	for _, p := range f.From {
		from = append(from, strings.TrimSuffix(p.String(), "/32"))
	}
	to := ""
	if f.To.IsValid() {
		to = f.To.String()
	}
	var ports []string
	for _, p := range f.Ports {
		ports = append(ports, netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(p)).String()[len("0.0.0.0:"):])
	}
	return strings.Join([]string{strings.Join(from, ", "), to, f.Protocol, strings.Join(ports, ", "), f.Why}, "|")
}

func TestRefusedFlows(t *testing.T) {
	anyone := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	for name, f := range map[string]topology.Flow{
		"reason with a quote":     {From: anyone, Protocol: "tcp", Ports: []int{80}, Why: `a" accept # `},
		"reason with a new line":  {From: anyone, Protocol: "tcp", Ports: []int{80}, Why: "a\naccept"},
		"tcp without ports":       {From: anyone, Protocol: "tcp", Why: "w"},
		"unknown protocol":        {From: anyone, Protocol: "udp", Ports: []int{53}, Why: "w"},
		"nobody may, so why here": {Protocol: "tcp", Ports: []int{80}, Why: "w"},
	} {
		if rules, err := rulesFor([]topology.Flow{f}); err == nil {
			t.Errorf("%s: rendered as %+v, want an error", name, rules)
		}
	}
}
