package lab

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAptDump(t *testing.T) {
	dump := `APT::Architecture "amd64";
Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3142";
Acquire::http::Proxy::private.example "DIRECT";
Acquire::http::Proxy-Auto-Detect "/usr/bin/find-proxy";
Acquire::Check-Valid-Until "false";
Acquire::IndexTargets::deb::Packages::flatDescription "$(RELEASE) Packages";
Acquire::http::User-Agent:: "listed";
DPkg::Post-Invoke:: "rm -f /x || true";
`
	want := []aptOption{
		{"Acquire::http::Proxy", "http://proxy.example:3142"},
		{"Acquire::http::Proxy::private.example", "DIRECT"},
		{"Acquire::Check-Valid-Until", "false"},
	}
	if diff := cmp.Diff(want, parseAptDump(dump), cmp.AllowUnexported(aptOption{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChooseMirror(t *testing.T) {
	for name, c := range map[string]struct{ list, deb822, want string }{
		"nothing": {},
		"one line": {
			list: "# deb http://off.example/debian trixie main\ndeb-src http://src.example/debian trixie main\n" +
				"deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian/ trixie main # ours\n",
			want: "http://mirror.example/debian",
		},
		"stanza after disabled, security and other people's": {
			deb822: "Types: deb\nURIs: http://off.example/debian\nSuites: trixie\nEnabled: no\n\n" +
				"# a comment\nTypes: deb\nURIs: http://deb.example/debian-security\nSuites: trixie-security\n\n" +
				"Types: deb\nURIs: https://tools.example/apt\nSuites: nodistro\n\n" +
				"Types: deb deb-src\nURIs:\n https://deb.example/debian\nSuites: trixie\n",
			want: "https://deb.example/debian",
		},
		"frozen archive": {
			list: "deb http://snapshot.example/archive/debian/20260101T000000Z trixie main\n",
			want: "http://snapshot.example/archive/debian/20260101T000000Z",
		},
		"ubuntu": {list: "deb http://archive.example/ubuntu noble main\n"},
		"a scheme layers do not have": {
			list: "deb file:/srv/debian trixie main\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := chooseMirror(append(parseSourcesList(c.list), parseDeb822Sources(c.deb822)...)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// The computer's own settings come last, so they win over the lab's.
func TestAptConfigOrder(t *testing.T) {
	config := aptSettings{options: []aptOption{{"Acquire::http::Timeout", "60"}}}.config()
	if strings.LastIndex(config, `Timeout "60"`) < strings.Index(config, `Acquire::http::Timeout "10"`) {
		t.Errorf("the lab's time limit comes after the computer's:\n%s", config)
	}
}

func TestDiagnoseApt(t *testing.T) {
	for said, want := range map[string]string{
		"E: Failed to fetch http://m/x  Could not connect to m:80 (10.0.0.1), connection timed out":     "no answer from the package mirror http://m",
		"W: Failed to fetch http://m/x  Temporary failure resolving 'm'":                                "no answer from the package mirror http://m",
		"dpkg: error: write error: No space left on device":                                             "the disk is full",
		"E: Release file for http://m/x is expired (invalid since 1d)":                                  "out of date",
		"E: The repository 'http://m trixie InRelease' is not signed.":                                  "signature",
		"Reading package lists...\nE: Unable to locate package nonsense\nE: sub-process returned 100\n": "lacks a package the lab needs: Unable to locate package nonsense",
	} {
		p := diagnoseApt(said, "http://m")
		if p == nil || !strings.Contains(p.Reason, want) || p.Fix == "" {
			t.Errorf("%q: got %+v, want a sentence with %q and a fix", said, p, want)
		}
	}
	if p := diagnoseApt("Setting up openssh-server", "http://m"); p != nil {
		t.Errorf("got %+v for a failure of another kind", p)
	}
}
