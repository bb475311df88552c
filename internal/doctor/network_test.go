package doctor

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/facts"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func names(t *topology.Topology, addresses []netip.Addr) []string {
	var names []string
	for _, a := range addresses {
		if n := nameOf(t, a); n != "" {
			names = append(names, n)
		} else {
			names = append(names, a.String())
		}
	}
	return names
}

// Nobody sends to himself, and every server of the site gets packets from somebody.
func TestPathsOf(t *testing.T) {
	topo := site(t)
	reached := map[string]bool{}
	for _, s := range topo.Servers {
		to := names(topo, pathsOf(topo, s))
		if slices.Contains(to, s.Name) || len(to) < 4 {
			t.Errorf("%s sends to %v", s.Name, to)
		}
		for _, n := range to {
			reached[n] = true
		}
	}
	for _, s := range topo.Servers {
		if !reached[s.Name] {
			t.Errorf("nobody sends to %s", s.Name)
		}
	}
	if !reached["10.77.0.10"] || !reached["10.77.0.11"] {
		t.Error("nobody calls the virtual addresses")
	}
}

func TestNetwork(t *testing.T) {
	topo := site(t)
	address := func(name string) netip.Addr {
		s, err := topo.Server(name)
		if err != nil {
			t.Fatal(err)
		}
		return s.Address
	}
	path := func(to netip.Addr, small, whole bool) remote.Path {
		return remote.Path{To: to, Small: small, Whole: whole}
	}
	for _, c := range []struct {
		name    string
		change  func(map[string]remote.Response)
		id      string
		result  Result
		isFatal bool
	}{
		{"one MTU", func(map[string]remote.Response) {}, "mtu", Pass, false},
		{"two MTUs", func(a map[string]remote.Response) { a["db2"].Preflight.MTU = 9000 }, "mtu", Fail, false},
		{"one that is not known", func(a map[string]remote.Response) { a["db2"].Preflight.MTU = 0 }, "mtu", Pass, false},
		{"a path", func(a map[string]remote.Response) {
			a["web1"].Preflight.Paths = []remote.Path{path(address("app1"), true, true)}
		}, "path-mtu", Pass, false},
		{"a narrow path", func(a map[string]remote.Response) {
			a["web1"].Preflight.Paths = []remote.Path{path(address("app1"), true, false)}
		}, "path-mtu", Fail, false},
		{"no answer", func(a map[string]remote.Response) {
			a["web1"].Preflight.Paths = []remote.Path{path(address("app1"), false, false)}
		}, "path-mtu", Warn, false},
		{"somebody has the virtual address", func(a map[string]remote.Response) {
			a["lb1"].Preflight.Paths = []remote.Path{path(address("lb2"), true, true), path(topo.Public, true, true)}
		}, "vip-taken", Fail, true},
	} {
		answers := answersOf(t, topo)
		c.change(answers)
		want(t, c.name, Network(topo, answers), c.id, c.result, c.isFatal)
	}
}

// That a server is silent is said once, not by everyone who called it.
func TestPathsToSilentServer(t *testing.T) {
	topo := site(t)
	answers := answersOf(t, topo)
	answers["web1"].Preflight.Paths = []remote.Path{{To: topo.With(spec.Database)[0].Address}}
	delete(answers, "db1")
	for _, c := range Network(topo, answers) {
		if c.ID == "path-mtu" {
			t.Errorf("%+v", c)
		}
	}
}

// A virtual address that answers is fine where a load balancer holds it, or may.
func TestHeldVIPs(t *testing.T) {
	topo := site(t)
	for name, change := range map[string]func(map[string]remote.Response){
		"held":      func(a map[string]remote.Response) { hold(a["lb2"].Facts, topo) },
		"not known": func(a map[string]remote.Response) { delete(a, "lb2") },
		"free":      func(a map[string]remote.Response) { a["lb1"].Preflight.Paths[0].Small = false },
	} {
		answers := answersOf(t, topo)
		answers["lb1"].Preflight.Paths = []remote.Path{{To: topo.Public, Small: true, Whole: true}}
		change(answers)
		for _, c := range Network(topo, answers) {
			if c.ID == "vip-taken" {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

func answersOf(t *testing.T, topo *topology.Topology) map[string]remote.Response {
	answers := map[string]remote.Response{}
	for _, s := range topo.Servers {
		answers[s.Name] = good(t, topo, s.Name).Response
	}
	return answers
}

func hold(f *facts.Facts, topo *topology.Topology) {
	f.Interfaces[0].Addresses = append(f.Interfaces[0].Addresses, topo.Public.String()+"/32")
}

func TestListeners(t *testing.T) {
	topo := site(t)
	runs := func(a map[string]remote.Response, name string) {
		r := a[name]
		r.Units = map[string]string{keepalivedUnit: "running"}
		a[name] = r
	}
	for _, c := range []struct {
		name   string
		change func(map[string]remote.Response)
		hear   map[string][]string
		send   bool
	}{
		{"before the first up", func(map[string]remote.Response) {}, map[string][]string{"lb1": {"lb2"}, "lb2": {"lb1"}}, true},
		{"running", func(a map[string]remote.Response) { runs(a, "lb1"); runs(a, "lb2"); hold(a["lb2"].Facts, topo) }, map[string][]string{"lb1": {"lb2"}}, false},
		{"one runs and holds", func(a map[string]remote.Response) { runs(a, "lb2"); hold(a["lb2"].Facts, topo) }, map[string][]string{"lb1": {"lb2"}}, false},
		{"running without a holder", func(a map[string]remote.Response) { runs(a, "lb1"); runs(a, "lb2") }, map[string][]string{}, false},
		{"running with two holders", func(a map[string]remote.Response) {
			runs(a, "lb1")
			hold(a["lb1"].Facts, topo)
			hold(a["lb2"].Facts, topo)
		}, map[string][]string{}, false},
		{"one is silent", func(a map[string]remote.Response) { delete(a, "lb2") }, map[string][]string{}, false},
	} {
		answers := answersOf(t, topo)
		c.change(answers)
		asks := Listeners(topo, answers)
		hear := map[string][]string{}
		for name, ask := range asks {
			hear[name] = names(topo, ask.Hear)
			if ask.Send != c.send {
				t.Errorf("%s: %s sends: %v", c.name, name, ask.Send)
			}
		}
		if diff := cmp.Diff(c.hear, hear); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestSplit(t *testing.T) {
	topo := site(t)
	for held, want := range map[string]string{"": "", "lb1": "", "lb1 lb2": "lb1 and lb2 hold the virtual addresses at once: VRRP packets do not arrive between them"} {
		answers := answersOf(t, topo)
		for _, name := range strings.Fields(held) {
			hold(answers[name].Facts, topo)
		}
		got := ""
		for _, c := range Split(topo, answers) {
			if got += c.Message; c.Result != Fail || c.Fatal {
				t.Errorf("held by %q: %+v", held, c)
			}
		}
		if got != want {
			t.Errorf("held by %q: %q, want %q", held, got, want)
		}
	}
}

func TestVRRP(t *testing.T) {
	topo := site(t)
	lb1, lb2 := topo.Servers[0].Address, topo.Servers[1].Address
	asks := map[string]*remote.VRRPAsk{"lb1": {Hear: []netip.Addr{lb2}, Send: true}, "lb2": {Hear: []netip.Addr{lb1}, Send: true}}
	both := map[string]remote.Response{
		"lb1": {Preflight: &remote.Preflight{Heard: []netip.Addr{lb2}}},
		"lb2": {Preflight: &remote.Preflight{Heard: []netip.Addr{lb1}}},
	}
	if checks := VRRP(topo, asks, both); len(checks) != 2 || Count(checks, Pass) != 2 {
		t.Errorf("both heard: %+v", checks)
	}
	deaf := maps.Clone(both)
	deaf["lb2"] = remote.Response{Preflight: &remote.Preflight{}}
	if checks := Fatal(VRRP(topo, asks, deaf)); len(checks) != 1 || checks[0].Server != "lb2" {
		t.Errorf("one way: %+v", checks)
	}
	deaf["lb2"] = remote.Response{Preflight: &remote.Preflight{Errors: map[string]string{"heard": "not permitted"}}}
	if checks := VRRP(topo, asks, deaf); Count(checks, Warn) != 1 || len(Fatal(checks)) != 0 {
		t.Errorf("could not listen: %+v", checks)
	}
	delete(deaf, "lb2")
	if checks := VRRP(topo, asks, deaf); Count(checks, Warn) != 1 {
		t.Errorf("did not answer: %+v", checks)
	}
	if checks := VRRP(topo, nil, nil); len(checks) != 1 || checks[0].Result != Warn {
		t.Errorf("nobody listened: %+v", checks)
	}
	one := *topo
	one.Servers = topo.Servers[1:]
	if checks := VRRP(&one, nil, nil); checks != nil {
		t.Errorf("one load balancer: %+v", checks)
	}
}
