package resource_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

const dpkgStatus = `Package: haproxy
Status: install ok installed
Version: 3.0.11-1+deb13u1
Description: fast load balancer
 Version: this line is a part of the description

Package: nginx-light
Status: deinstall ok config-files
Version: 1.26.3-3

Package: mysql-server-core
Status: install ok half-installed
Version: 9.7.4-1

Package: keepalived
Status: hold ok installed
Version: 1:2.3.3-1

Package: broken
Status: install reinstreq installed
Version: 1

Package: last
Status: install ok installed
Version: 2`

func TestInstalledPackages(t *testing.T) {
	h := newHost(t)
	h.Write("/var/lib/dpkg/status", dpkgStatus)
	got, err := resource.InstalledPackages(h.System())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"haproxy": "3.0.11-1+deb13u1", "keepalived": "1:2.3.3-1", "last": "2"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// apt is a server with dpkg's status and an apt-get that installs into it; fails
// says how often an installation fails before it works.
func apt(t *testing.T, fails int) *hosttest.Host {
	t.Helper()
	h := newHost(t)
	h.Write("/var/lib/dpkg/status", dpkgStatus)
	h.Write("/usr/sbin/keep", "")
	h.On(func(c resource.Command) (string, error) {
		if !strings.Contains(strings.Join(c.Env, " "), "DEBIAN_FRONTEND=noninteractive") {
			t.Errorf("%q may ask questions", c.Argv)
		}
		if c.Argv[6] == "update" {
			return "", nil
		}
		if got := h.Read("/usr/sbin/policy-rc.d"); !strings.Contains(got, "exit 101") {
			t.Errorf("services may start during the installation; policy-rc.d is %q", got)
		}
		if fails--; fails >= 0 {
			return hosttest.Exit(100, "E: Unable to locate package")(c)
		}
		h.Write("/var/lib/dpkg/status", dpkgStatus+"\n\nPackage: nginx-light\nStatus: install ok installed\nVersion: 1.26.3-3\n")
		return "", nil
	}, "apt-get")
	return h
}

func TestPackages(t *testing.T) {
	const apt1, install = "apt-get -q -o DPkg::Lock::Timeout=60 -o Acquire::Retries=1 ", "install --yes --no-install-recommends --no-upgrade "
	p := &resource.Packages{Name: "nginx", Names: []string{"haproxy", "nginx-light"}}
	for _, c := range []struct {
		name   string
		fails  int
		policy string // policy-rc.d that is there before and after
		want   []string
		err    string
	}{
		{name: "at once", want: []string{apt1 + install + "haproxy nginx-light"}},
		{name: "with old package lists", fails: 1, want: []string{apt1 + install + "haproxy nginx-light", apt1 + "update", apt1 + install + "haproxy nginx-light"}},
		{name: "unknown package", fails: 2, want: []string{apt1 + install + "haproxy nginx-light", apt1 + "update", apt1 + install + "haproxy nginx-light"}, err: "Unable to locate"},
		{name: "the server's own policy", policy: "#!/bin/sh\n# mine\nexit 101\n", want: []string{apt1 + install + "haproxy nginx-light"}},
	} {
		h := apt(t, c.fails)
		if c.policy != "" {
			h.Write("/usr/sbin/policy-rc.d", c.policy)
		}
		expectState(t, h, p, "missing: nginx-light")
		err := p.Apply(t.Context(), h.System())
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		}
		if c.err == "" {
			expectState(t, h, p, p.Want())
		}
		if diff := cmp.Diff(c.want, h.Commands()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if got := h.Read("/usr/sbin/policy-rc.d"); got != c.policy {
			t.Errorf("%s: policy-rc.d is %q afterwards, want %q", c.name, got, c.policy)
		}
	}
}

// A run that is killed leaves the file that keeps services from starting.
func TestPackagesCleanUpAfterAKilledRun(t *testing.T) {
	h := apt(t, 0)
	left := ""
	h.On(func(resource.Command) (string, error) { left = h.Read("/usr/sbin/policy-rc.d"); return "", nil }, "apt-get")
	p := &resource.Packages{Name: "nginx", Names: []string{"nginx-light"}}
	if err := p.Apply(t.Context(), h.System()); err != nil {
		t.Fatal(err)
	}
	h.Write("/usr/sbin/policy-rc.d", left)
	if err := p.Apply(t.Context(), h.System()); err != nil {
		t.Fatal(err)
	}
	if got := h.Read("/usr/sbin/policy-rc.d"); got != "" {
		t.Errorf("policy-rc.d stays: %q", got)
	}
}

func TestPinnedRelease(t *testing.T) {
	for _, c := range []struct{ name, file, content, want string }{
		{"deb822", "/etc/apt/sources.list.d/debian.sources", "Types: deb\n# URIs: http://old.example/debian\nURIs: http://mirror.example/debian\nSuites: trixie\n", "http://mirror.example/debian"},
		{"one line", "/etc/apt/sources.list", "# deb http://old.example/debian sid main\ndeb [signed-by=/x.gpg] https://mirror.example/debian/ trixie main\n", "https://mirror.example/debian/"},
		{"one line, in a part", "/etc/apt/sources.list.d/x.list", "deb http://mirror.example/debian trixie main\n", "http://mirror.example/debian"},
		{"not a security mirror", "/etc/apt/sources.list", "deb http://mirror.example/debian-security trixie main\ndeb http://mirror.example/debian trixie main\n", "http://mirror.example/debian"},
		{"another system", "/etc/apt/sources.list", "deb http://archive.example/ubuntu noble main\n", ""},
	} {
		h := apt(t, 0)
		h.Write(c.file, c.content)
		p := &resource.Packages{Name: "mysql", Names: []string{"nginx-light"}, Release: "sid"}
		err := p.Apply(t.Context(), h.System())
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "database.packages") {
				t.Errorf("%s: error %v, want the way out", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := h.Read("/etc/apt/sources.list.d/scaleup-sid.sources"); !strings.Contains(got, "URIs: "+c.want+"\nSuites: sid\n") {
			t.Errorf("%s: source\n%s", c.name, got)
		}
		if got := h.Read("/etc/apt/preferences.d/scaleup-sid"); !strings.Contains(got, "Pin: release n=sid\nPin-Priority: 100\n") {
			t.Errorf("%s: preference\n%s", c.name, got)
		}
		// The new source needs its list first.
		commands := strings.Join(h.Commands(), "\n")
		if update, install := strings.Index(commands, " update"), strings.Index(commands, "--target-release=sid nginx-light"); update < 0 || install < update {
			t.Errorf("%s: commands\n%s", c.name, commands)
		}
	}
}
