package all

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
	"scaleup/internal/component/componenttest"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

func input(t testing.TB, site *spec.Site, server string) component.Input {
	in := componenttest.Input(t, site, server)
	in.Secrets.Site = component.KeyPair{Cert: []byte("certificate of the site\n"), Key: []byte("key of the site\n")}
	in.Secrets.TicketKeys = []byte("one\ntwo\nthree\n")
	return in
}

func TestNamesAndRoles(t *testing.T) {
	holds := map[spec.Role][]string{}
	for _, c := range Components() {
		for _, r := range spec.Roles {
			if c.On(r) {
				holds[r] = append(holds[r], c.Name())
			}
		}
	}
	want := map[spec.Role][]string{
		spec.LoadBalancer: {"base", "firewall", "haproxy", "keepalived"},
		spec.Web:          {"base", "firewall", "nginx"},
		spec.App:          {"base", "firewall", "app"},
		spec.Database:     {"base", "firewall", "mysql"},
	}
	if diff := cmp.Diff(want, holds); diff != "" {
		t.Errorf("components by role (-want +got):\n%s", diff)
	}
}

// Every server of both examples' shapes can be rendered, survives the wire, and
// begins each of its configurations with who wrote it.
func TestEveryServer(t *testing.T) {
	for _, site := range []*spec.Site{componenttest.Site(2, 2, 2, 3), componenttest.Site(1, 1, 1, 1)} {
		for _, server := range site.Servers {
			owned, err := For(input(t, site, server.Name))
			if err != nil {
				t.Errorf("%s: %v", server.Name, err)
				continue
			}
			for _, o := range owned {
				checkWire(t, server.Name, o.Spec)
				checkUnit(t, server.Name, o.Spec, owned)
			}
		}
	}
}

func checkWire(t *testing.T, server string, s resource.Spec) {
	t.Helper()
	data, err := json.Marshal(resource.Resource{Spec: s})
	if err != nil {
		t.Errorf("%s: encode %s: %v", server, s.ID(), err)
		return
	}
	var back resource.Resource
	if err := json.Unmarshal(data, &back); err != nil {
		t.Errorf("%s: decode %s: %v", server, s.ID(), err)
		return
	}
	if s.Want() != back.Spec.Want() || s.ID() != back.Spec.ID() {
		t.Errorf("%s: %s came back from the wire as %s: %s", server, s.ID(), back.Spec.ID(), back.Spec.Want())
	}
}

// A unit's reads are files of this server, with the content they are read for;
// what a unit reads is recorded.
func checkUnit(t *testing.T, server string, s resource.Spec, owned []Owned) {
	t.Helper()
	unit, ok := s.(*resource.Unit)
	if !ok || len(unit.Reads) == 0 {
		return
	}
	digests := map[string]string{}
	for _, o := range owned {
		if f, ok := o.Spec.(*resource.File); ok {
			digests[f.Path] = resource.Digest(f.Content)
		}
	}
	for _, r := range unit.Reads {
		if digests[r.Path] != r.Digest {
			t.Errorf("%s: %s reads %s, which is not a file of the server with that content", server, unit.Name, r.Path)
		}
	}
	recorder := resource.Recorder(unit.Name, unit.Reads)
	if digests[recorder.Path] != resource.Digest(recorder.Content) {
		t.Errorf("%s: %s has no recorder of what it reads", server, unit.Name)
	}
}

func TestSecretsAreMarked(t *testing.T) {
	site := componenttest.Site(2, 2, 2, 3)
	for _, server := range site.Servers {
		in := input(t, site, server.Name)
		owned, err := For(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range owned {
			f, ok := o.Spec.(*resource.File)
			if !ok || f.Secret {
				continue
			}
			for _, secret := range []string{in.Secrets.MySQLApp, in.Secrets.MySQLReplication, in.Secrets.MySQLDrill, "key of "} {
				if bytes.Contains(f.Content, []byte(secret)) {
					t.Errorf("%s: %s holds a secret and is not marked so", server.Name, f.Path)
				}
			}
		}
	}
}

func TestPackagesAreThoseOfTheResources(t *testing.T) {
	site := componenttest.Site(2, 2, 2, 3)
	for _, server := range site.Servers {
		owned, err := For(input(t, site, server.Name))
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, o := range owned {
			if p, ok := o.Spec.(*resource.Packages); ok {
				want = append(want, p.Name+": "+strings.Join(p.Names, " "))
			}
		}
		for _, p := range Packages(server.Role, site) {
			got = append(got, p.Name+": "+strings.Join(p.Names, " "))
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s: the layer would hold %q, the server wants %q", server.Name, got, want)
		}
	}
}

// A site of a thousand servers is rendered in a second, all told; this leaves
// room for a slow and busy machine.
func TestRenderIsFast(t *testing.T) {
	site := componenttest.Site(2, 2, 2, 3)
	in := input(t, site, "db1")
	start := time.Now()
	for range 100 {
		if _, err := For(in); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("100 database servers took %v to render, want at most 500 ms", took)
	}
}
