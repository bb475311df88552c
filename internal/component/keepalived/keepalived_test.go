package keepalived

import (
	"flag"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
	"scaleup/internal/facts"
	"scaleup/internal/lbagent"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

var update = flag.Bool("update", false, "write the golden files anew")

func siteWith(balancers ...spec.Server) *spec.Site {
	return &spec.Site{
		File: "site.yaml", Name: "www.foobar.com",
		Lab:     spec.Lab{Name: "foobar-ha", Subnet: netip.MustParsePrefix("10.77.0.0/24")},
		Servers: balancers,
	}
}

func pair() *spec.Site {
	return siteWith(spec.Server{Name: "lb1", Role: spec.LoadBalancer}, spec.Server{Name: "lb2", Role: spec.LoadBalancer})
}

// alone is one real load balancer with an interface of its own to the users.
func alone() *spec.Site {
	s := siteWith(spec.Server{Name: "lb1", Role: spec.LoadBalancer, Address: netip.MustParseAddr("192.0.2.21")})
	s.VIPs = spec.VIPs{Public: netip.MustParseAddr("198.51.100.10"), Internal: netip.MustParseAddr("192.0.2.11")}
	return s
}

func debian12(name, address string) facts.Facts {
	f := facts.ReferenceFor(name, address)
	f.Release, f.Codename, f.Reference = "12", "bookworm", false
	f.Interfaces = []facts.Interface{{Name: "host0", Addresses: []string{address + "/24"}}}
	f.Versions["keepalived"] = "2.2.7"
	return f
}

func twoInterfaces(name, address string) facts.Facts {
	f := debian12(name, address)
	f.Interfaces = []facts.Interface{
		{Name: "enp1s0", Addresses: []string{"198.51.100.21/24"}},
		{Name: "enp2s0", Addresses: []string{address + "/24"}},
	}
	return f
}

func inputFor(t *testing.T, site *spec.Site, server string, factsOf func(name, address string) facts.Facts) component.Input {
	t.Helper()
	top, err := topology.Build(site)
	if err != nil {
		t.Fatal(err)
	}
	s, err := top.Server(server)
	if err != nil {
		t.Fatal(err)
	}
	return component.Input{
		Topology: top, Server: s, Facts: factsOf(s.Name, s.Address.String()),
		Binary: "/usr/local/lib/scaleup/0123abcd/scaleup",
	}
}

func filesOf(t *testing.T, in component.Input) map[string]*resource.File {
	t.Helper()
	specs, err := Component{}.Resources(in)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*resource.File{}
	for _, s := range specs {
		if f, ok := s.(*resource.File); ok {
			files[f.Path] = f
		}
	}
	return files
}

var goldens = []struct {
	name   string
	site   func() *spec.Site
	server string
	facts  func(name, address string) facts.Facts
}{
	{"debian13", pair, "lb1", facts.ReferenceFor},
	{"debian13-lb2", pair, "lb2", facts.ReferenceFor},
	{"debian12", pair, "lb1", debian12},
	{"single", alone, "lb1", twoInterfaces},
}

func TestGolden(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.name, func(t *testing.T) {
			for path, f := range filesOf(t, inputFor(t, g.site(), g.server, g.facts)) {
				name := strings.ReplaceAll(strings.TrimPrefix(path, "/etc/"), "/", "_")
				golden := filepath.Join("testdata", "golden", g.name, name)
				if *update {
					if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(golden, f.Content, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(f.Content)); diff != "" {
					t.Errorf("%s is not %s (-want +got); run the test with -update when it should change:\n%s", path, golden, diff)
				}
			}
		})
	}
}

// TestRealKeepalivedAccepts lets the program read what was rendered for its
// version. It wants interfaces that exist; nothing is sent over them.
func TestRealKeepalivedAccepts(t *testing.T) {
	keepalived, err := exec.LookPath("keepalived")
	if err != nil {
		t.Skip("keepalived is not installed: the rendered configuration is not checked by it")
	}
	if os.Geteuid() != 0 {
		t.Skip("keepalived -t needs root: the rendered configuration is not checked by it")
	}
	present := presentInterface(t)
	for _, g := range goldens {
		if strings.HasPrefix(g.name, "debian13") {
			continue // has a keyword that older versions refuse
		}
		t.Run(g.name, func(t *testing.T) {
			files := filesOf(t, inputFor(t, g.site(), g.server, g.facts))
			dir := t.TempDir()
			text := strings.NewReplacer("host0", present, "enp1s0", present, "enp2s0", present, "/run/scaleup-lb", dir).Replace(string(files[configPath].Content))
			config := filepath.Join(dir, "keepalived.conf")
			if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(keepalived, "-t", "-f", config).CombinedOutput(); err != nil {
				t.Errorf("keepalived -t: %v\n%s", err, out)
			}
		})
	}
}

// presentInterface names an interface of this machine that VRRP takes.
func presentInterface(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagMulticast != 0 {
			return i.Name
		}
	}
	t.Skip("this machine has no interface but loopbacks: the rendered configuration is not checked by keepalived")
	return ""
}

func TestAgentReadsItsConfiguration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lb-agent.json")
	if err := os.WriteFile(path, filesOf(t, inputFor(t, pair(), "lb1", debian12))[agentConfigPath].Content, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := lbagent.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := lbagent.Config{
		ServerName: "www.foobar.com", Address: "127.0.0.1:443", Path: "/haproxy-alive",
		TrackFile: "/run/scaleup-lb/track", YieldFile: "/run/scaleup-lb/yield",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lb-agent reads (-want +got):\n%s", diff)
	}
}

// TestPairsAgree: what must be equal on both is, what must differ does.
func TestPairsAgree(t *testing.T) {
	lines := func(server string) (shared, own []string) {
		for line := range strings.Lines(string(filesOf(t, inputFor(t, pair(), server, debian12))[configPath].Content)) {
			switch line := strings.TrimSpace(line); {
			case strings.HasPrefix(line, "virtual_router_id"), strings.HasPrefix(line, "advert_int"), strings.HasSuffix(line, "/32 dev host0"):
				shared = append(shared, line)
			case strings.HasPrefix(line, "priority"), strings.HasPrefix(line, "router_id"), strings.HasPrefix(line, "unicast_src_ip"):
				own = append(own, line)
			}
		}
		return shared, own
	}
	shared1, own1 := lines("lb1")
	shared2, own2 := lines("lb2")
	if want := []string{"virtual_router_id 11", "advert_int 0.2", "10.77.0.10/32 dev host0", "10.77.0.11/32 dev host0"}; !slices.Equal(shared1, want) || !slices.Equal(shared2, want) {
		t.Errorf("shared settings are %q and %q, want %q", shared1, shared2, want)
	}
	for i := range own1 {
		if own1[i] == own2[i] {
			t.Errorf("both load balancers have %q", own1[i])
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*component.Input)
	}{
		{"address on no interface", "none of its network interfaces has the address 10.77.0.21", func(in *component.Input) {
			in.Facts.Interfaces[0].Addresses = []string{"10.0.0.1/24"}
		}},
		{"no interface", "none of its network interfaces is up", func(in *component.Input) { in.Facts.Interfaces = nil }},
		{"newline in the binary's path", "cannot stand in a unit file", func(in *component.Input) { in.Binary = "/a\nExecStart=/b" }},
		{"newline in the site's name", "cannot stand in its configuration", func(in *component.Input) { in.Topology.Site.Name = "a\nb" }},
	} {
		in := inputFor(t, pair(), "lb1", debian12)
		c.change(&in)
		if _, err := (Component{}).Resources(in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestRouterID(t *testing.T) {
	for address, want := range map[string]int{"10.77.0.11": 11, "192.0.2.255": 255, "10.1.1.0": 255, "10.1.1.1": 1} {
		if got := routerID(netip.MustParseAddr(address)); got != want {
			t.Errorf("routerID(%s) = %d, want %d", address, got, want)
		}
	}
}
