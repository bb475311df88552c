package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"scaleup/internal/doctor"
	"scaleup/internal/facts"
	"scaleup/internal/host"
	"scaleup/internal/host/hosttest"
	"scaleup/internal/host/ssh"
	"scaleup/internal/plan"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

// A server of which known_hosts has any key is known, whatever key it will show.
func TestInKnownHosts(t *testing.T) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "known_hosts")
	lines := knownhosts.Line([]string{"192.0.2.1"}, key) + "\n" + knownhosts.Line([]string{knownhosts.Normalize("192.0.2.2:2222")}, key) + "\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	known, err := ssh.KnownHosts(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		address string
		port    int
		want    bool
	}{
		{"192.0.2.1", 22, true},
		{"192.0.2.2", 2222, true},
		{"192.0.2.2", 22, false},
		{"192.0.2.3", 22, false},
	} {
		if got, err := inKnownHosts(known, netip.MustParseAddr(c.address), c.port); err != nil || got != c.want {
			t.Errorf("%s port %d: %v (%v)", c.address, c.port, got, err)
		}
	}
}

// The test's own program is there, and was made before now.
func TestOwnBinary(t *testing.T) {
	b := ownBinary()
	if b.Path == "" || b.Made.IsZero() {
		t.Errorf("%+v", b)
	}
}

func TestAvailableMemory(t *testing.T) {
	if m := availableMemory(); m < 1<<20 {
		t.Errorf("%d bytes are available, and this test runs in them", m)
	}
}

func ofChecks(checks ...doctor.Check) diagnosis {
	return diagnosis{Site: "www.foobar.com", Checks: checks, file: "site.yaml", order: []string{"lb1", "web1"}}
}

func TestPrintDiagnosis(t *testing.T) {
	d := ofChecks(
		doctor.Check{ID: "ports", Server: "web1", Result: doctor.Fail, Message: "held by\napache2", Fix: "stop it", Fatal: true},
		doctor.Check{ID: "clock", Result: doctor.Pass, Message: "fine"},
		doctor.Check{ID: doctor.IDTools, Result: doctor.Warn, Message: "no nft", Fix: "install it", Fixable: true},
	)
	d.Off = []string{"lb1"}
	const want = `this computer and the network
  warn  lab-tools                no nft
        fix (doctor --fix does it): install it

web1
  fail  ports                    held by apache2 (stops up)
        fix: stop it

1 passed, 1 warnings, 1 failed
off, and not looked at: lb1; scaleup up -f site.yaml starts them
scaleup doctor --fix -f site.yaml does what is marked
`
	var out strings.Builder
	printDiagnosis(&out, d, false)
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	out.Reset()
	printDiagnosis(&out, d, true)
	if !strings.Contains(out.String(), "  pass  clock                    fine\n") {
		t.Errorf("verbose:\n%s", out.String())
	}
}

// --fix mends nothing but what it has a way for, and asks first.
func TestRepairs(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	topo := &topology.Topology{Site: &spec.Site{File: "site.yaml", SSH: spec.SSH{Key: key}}}
	var said strings.Builder
	op := &operation{options: &options{streams: streams{in: strings.NewReader(""), err: &said}}, topology: topo, stateDir: dir}
	checks := []doctor.Check{
		{ID: doctor.IDKeyMode, Result: doctor.Fail, Fixable: true},
		{ID: "mysql-data", Server: "db1", Result: doctor.Fail, Fatal: true},
		{ID: doctor.IDState, Result: doctor.Pass},
	}
	if _, err := op.mend(t.Context(), ofChecks(checks...)); err == nil || !strings.Contains(err.Error(), "confirmation") {
		t.Errorf("nobody was asked: %v", err)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the key was changed unasked: %v (%v)", info.Mode(), err)
	}
	repairs := op.repairs(checks)
	if len(repairs) != 1 {
		t.Fatalf("repairs: %+v", repairs)
	}
	if err := repairs[0].do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v (%v)", info.Mode(), err)
	}
	d, err := op.mend(t.Context(), ofChecks(checks[1:]...))
	if err != nil || len(d.Fixed) != 0 || !strings.Contains(said.String(), "nothing that --fix can mend") {
		t.Errorf("nothing to mend: %v, said %q", err, said.String())
	}
}

const smallSite = `site: www.foobar.com
lab: {name: small, subnet: 10.77.0.0/24}
servers:
  lb1:  {role: loadbalancer}
  web1: {role: web}
  app1: {role: app}
  db1:  {role: database}
web: {static: testdata}
app: {release: testdata, command: [/usr/bin/app]}
database: {name: foobar}
`

// healthy are the servers of a site whose kernels have what they need.
func healthy(t *testing.T, topo *topology.Topology) map[string]host.Host {
	t.Helper()
	hosts := map[string]host.Host{}
	for _, s := range topo.Servers {
		h := hosttest.New(t, facts.ReferenceFor(s.Name, s.Address.String()))
		h.Write("/var/lib/dpkg/status", "Package: nftables\nStatus: install ok installed\nVersion: 1.1\n")
		h.Write("/proc/sys/kernel/osrelease", "6.12.1\n")
		h.Write("/lib/modules/6.12.1/modules.builtin", "kernel/net/nf_tables.ko\nkernel/net/nf_conntrack.ko\n")
		h.Write("/proc/sys/net/ipv4/ip_nonlocal_bind", "0")
		hosts[s.Name] = h
	}
	return hosts
}

func smallTopology(t *testing.T) *topology.Topology {
	t.Helper()
	site, err := spec.Parse([]byte(smallSite), "site.yaml")
	if err != nil {
		t.Fatal(err)
	}
	topo, err := topology.Build(site)
	if err != nil {
		t.Fatal(err)
	}
	return topo
}

// Servers that could not be asked are told with the reason, the others with all there is.
func TestConclude(t *testing.T) {
	topo := smallTopology(t)
	hosts := healthy(t, topo)
	var patients []patient
	for _, s := range topo.Servers {
		p := patient{Server: doctor.Server{Server: s}, access: doctor.Access{User: "root", HostKey: "ssh-ed25519"}}
		if s.Name == "lb1" {
			p.access = doctor.Access{Dial: syscall.ECONNREFUSED}
		} else if p.host = hosts[s.Name]; p.ask(t.Context(), p.host, doctor.Question(topo, s)) != nil {
			t.Fatalf("%s did not answer", s.Name)
		}
		patients = append(patients, p)
	}
	found := map[string]doctor.Result{}
	for _, c := range conclude(t.Context(), topo, patients) {
		found[c.Server+"/"+c.ID] = c.Result
	}
	for id, want := range map[string]doctor.Result{
		"lb1/ssh": doctor.Fail, "lb1/os": "", "web1/ssh": doctor.Pass, "web1/os": doctor.Pass, "db1/mysql-data": doctor.Pass, "/mtu": doctor.Pass,
	} {
		if found[id] != want {
			t.Errorf("%s: %q, want %q", id, found[id], want)
		}
	}
}

// A change is stopped where a server is not fit for it, and named; one that changes
// nothing asks nobody.
func TestPreflight(t *testing.T) {
	topo := smallTopology(t)
	op := &operation{topology: topo}
	known := map[string]facts.Facts{}
	for _, s := range topo.Servers {
		known[s.Name] = facts.ReferenceFor(s.Name, s.Address.String())
	}
	hosts := healthy(t, topo)
	s := &surveyed{Survey: &survey.Survey{Facts: known}, hosts: hosts, plan: plan.Plan{Steps: []plan.Step{{Server: "web1", Resource: "file:/x"}}}}
	if err := op.preflight(t.Context(), s); err != nil {
		t.Errorf("fit servers: %v", err)
	}
	hosts["web1"].(*hosttest.Host).Write("/lib/modules/6.12.1/modules.builtin", "")
	hosts["web1"].(*hosttest.Host).Write("/lib/modules/6.12.1/modules.dep", "")
	err := op.preflight(t.Context(), s)
	if err == nil || !strings.Contains(err.Error(), "web1: its kernel lacks nf_tables") || strings.Contains(err.Error(), "db1") {
		t.Errorf("web1 has no packet filter: %v", err)
	}
	if err := op.preflight(t.Context(), &surveyed{}); err != nil {
		t.Errorf("a plan without steps: %v", err)
	}
}

func TestUnfit(t *testing.T) {
	op := &operation{topology: &topology.Topology{Site: &spec.Site{File: "site.yaml"}}}
	if err := op.unfit(nil); err != nil {
		t.Error(err)
	}
	err := op.unfit([]doctor.Check{{Server: "web1", Message: "port 80 is held by apache2", Fix: "stop it"}, {Message: "taken", Fix: "choose another"}})
	if err == nil {
		t.Fatal("two failed checks are no error")
	}
	for _, part := range []string{"nothing was changed", "web1: port 80", "fix: stop it", "network: taken"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
	var h hinted
	if !errors.As(err, &h) || h.hint != "scaleup doctor -f site.yaml tells more" {
		t.Errorf("the hint is %q", h.hint)
	}
}
