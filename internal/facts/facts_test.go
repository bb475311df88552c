package facts

import (
	"maps"
	"testing"
)

func TestUpstream(t *testing.T) {
	for version, want := range map[string]string{
		"1:3.0.11-1+deb13u1":    "3.0.11",
		"8.0.46-0ubuntu0.24.04": "8.0.46",
		"1.26.3-3+b1":           "1.26.3",
		"5.1.1+dfsg":            "5.1.1",
		"9.7.4":                 "9.7.4",
	} {
		if got := Upstream(version); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	const out = `haproxy:
  Installed: (none)
  Candidate: 3.0.11-1
  Version table:
     3.0.11-1 500
        500 http://mirror.example/debian trixie/main amd64 Packages
mysql-server-core:
  Installed: (none)
  Candidate: (none)
nginx:
  Installed: 1.26.3-3
  Candidate: 1.26.3-4
`
	want := map[string]string{"haproxy": "3.0.11-1", "nginx": "1.26.3-4"}
	if got := ParsePolicy(out); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseAssignments(t *testing.T) {
	got := parseAssignments("ID=debian\nVERSION_ID=\"13\"\n\n# a comment\nNAME='Debian GNU/Linux'\n")
	want := map[string]string{"ID": "debian", "VERSION_ID": "13", "NAME": "Debian GNU/Linux"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestInterfaceOf(t *testing.T) {
	f := Facts{Interfaces: []Interface{{Name: "eth0", Addresses: []string{"10.77.0.21/24", "10.77.0.10/32"}}, {Name: "eth1"}}}
	for address, want := range map[string]string{"10.77.0.10": "eth0", "10.77.0.1": "", "10.77.0.210": ""} {
		if got := f.InterfaceOf(address); got != want {
			t.Errorf("%s is on %q, want %q", address, got, want)
		}
	}
}

func TestStartTime(t *testing.T) {
	const after = " S 0 1 1 0 -1 4194560 25000 900 10 3 40 50 1000 200 20 0 1 0 58231 170000000 3000"
	for stat, want := range map[string]string{
		"1 (systemd)" + after: "58231",
		"1 (a b) (c)" + after: "58231",
		"1 (sh) S 0 1":        "",
		"":                    "",
	} {
		if got, err := StartTime(stat); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", stat, got, err, want)
		}
	}
}

// Read must work wherever scaleup itself is built and tested.
func TestRead(t *testing.T) {
	f, err := Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f.Hostname == "" || f.OS == "" || f.Release == "" || f.BootID == "" || f.CPUs < 1 || f.Memory < 1<<20 || f.OpenFiles == 0 || f.Reference {
		t.Errorf("facts are missing: %+v", f)
	}
}

func TestReferenceNeedsNoCandidates(t *testing.T) {
	f := ReferenceFor("web1", "10.77.0.31")
	before := maps.Clone(f.Versions)
	t.Setenv("PATH", "") // asking apt would fail
	if err := f.Candidates(t.Context(), []string{"haproxy", "nginx-light", "bash"}); err != nil || !maps.Equal(f.Versions, before) {
		t.Errorf("asked apt for what is known: %v, %v", err, f.Versions)
	}
	if f.InterfaceOf("10.77.0.31") == "" {
		t.Error("the reference server does not have its own address")
	}
}
