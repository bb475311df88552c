// Package componenttest gives the components' tests a site to render and golden
// files to compare with. Only tests import it.
package componenttest

import (
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
	"scaleup/internal/facts"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Digests of the releases of Input.
const (
	AppRelease    = "a000000000000000000000000000000000000000000000000000000000000001"
	StaticRelease = "5000000000000000000000000000000000000000000000000000000000000001"
)

// Site is a site of the lab with the given number of servers per role.
func Site(loadbalancers, webs, apps, databases int) *spec.Site {
	site := &spec.Site{
		File: "site.yaml", Name: "www.foobar.com",
		Lab: spec.Lab{Name: "foobar-ha", Subnet: netip.MustParsePrefix("10.77.0.0/24")},
		SSH: spec.SSH{User: "root", Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
		TLS: spec.TLS{Internal: true},
		App: spec.AppTier{
			Command: []string{"./foobar"}, Migrate: []string{"./foobar", "migrate"},
			Health: "/healthz", Ready: "/readyz", Env: map[string]string{}, Memory: 512 << 20,
		},
		Database: spec.DatabaseTier{Name: "foobar", Packages: spec.DebianSid},
	}
	for _, tier := range []struct {
		prefix string
		role   spec.Role
		count  int
	}{{"lb", spec.LoadBalancer, loadbalancers}, {"web", spec.Web, webs}, {"app", spec.App, apps}, {"db", spec.Database, databases}} {
		for n := range tier.count {
			site.Servers = append(site.Servers, spec.Server{Name: tier.prefix + string(rune('1'+n)), Role: tier.role})
		}
	}
	return site
}

// Input is what a component gets for one server of a site, from the reference
// facts of Debian 13. The secrets are made up and the same on every run.
func Input(t testing.TB, site *spec.Site, server string) component.Input {
	t.Helper()
	shape, err := topology.Build(site)
	if err != nil {
		t.Fatal(err)
	}
	s, err := shape.Server(server)
	if err != nil {
		t.Fatal(err)
	}
	in := component.Input{
		Topology: shape, Server: s, Facts: facts.ReferenceFor(s.Name, s.Address.String()),
		Secrets: component.Secrets{
			CA:               []byte("-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"),
			Servers:          map[string]component.KeyPair{},
			MySQLApp:         "password-of-app",
			MySQLReplication: "password-of-replication",
			MySQLDrill:       "password-of-drill",
			GroupName:        "6a1f0a3e-0000-4000-8000-000000000001",
		},
		Releases: component.Releases{App: AppRelease, Static: StaticRelease},
		Binary:   "/usr/local/lib/scaleup/0123456789ab/scaleup",
		Active:   map[string]topology.Slot{},
	}
	for _, s := range shape.Servers {
		in.Secrets.Servers[s.Name] = component.KeyPair{Cert: []byte("certificate of " + s.Name + "\n"), Key: []byte("key of " + s.Name + "\n")}
		if s.Role == spec.App {
			in.Active[s.Name] = topology.SlotA
		}
	}
	return in
}

// Debian12 are the facts of a Debian 12 server, read in a container with a low
// limit of open files, as the lab has it.
func Debian12(f facts.Facts) facts.Facts {
	f.Release, f.Codename, f.OpenSSL, f.Reference = "12", "bookworm", "3.0.17", false
	f.Container, f.OpenFiles = true, 20000
	f.Versions = map[string]string{"haproxy": "2.6.12", "keepalived": "2.2.7", "nginx": "1.22.1", "mysql-server-core": "9.7.4"}
	return f
}

// Resources are what the component wants; an error ends the test.
func Resources(t testing.TB, c component.Component, in component.Input) []resource.Spec {
	t.Helper()
	specs, err := c.Resources(in)
	if err != nil {
		t.Fatal(err)
	}
	return specs
}

// Find returns the resource with an ID.
func Find[S resource.Spec](t testing.TB, specs []resource.Spec, id string) S {
	t.Helper()
	for _, s := range specs {
		if found, ok := s.(S); ok && s.ID() == id {
			return found
		}
	}
	t.Fatalf("there is no %s among the resources", id)
	panic("unreachable")
}

// Golden compares with testdata/golden/NAME, or writes it under -update.
func Golden(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with: go test -run '%s' . -update", err, t.Name())
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-golden +rendered):\n%s", path, diff)
	}
}

// Program finds a program the configuration is for, or skips the test.
func Program(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed, so its judgement of the rendered file is not asked for", name)
	return ""
}

// Check runs a program that must accept a rendered file.
func Check(t testing.TB, argv ...string) {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
}
