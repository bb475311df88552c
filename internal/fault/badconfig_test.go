package fault

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBadConfig(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	const content = "listen 80\n# no newline at the end"
	s.write("/etc/web.conf", content)
	must(t, os.Chmod(s.path("/etc/web.conf"), 0o640))
	f := &BadConfig{Path: "/etc/web.conf", Unit: "web.service"}
	must(t, f.Inject(t.Context(), at))
	if got, want := s.read("/etc/web.conf"), content+"\n"+badLine+"\n"; got != want {
		t.Errorf("the broken file is %q, want %q", got, want)
	}
	if got := mode(t, s); got != 0o640 {
		t.Errorf("the broken file's mode is %o", got)
	}
	text := expect(t, "bites", true, f.Bites, at)
	if want := "web.service refused the reload and runs on as process 101: Job for web.service failed."; text != want {
		t.Errorf("proof: %s, want %s", text, want)
	}
	// Once more must not take the broken file for the original.
	must(t, f.Inject(t.Context(), at))
	must(t, f.Heal(t.Context(), at))
	if got := s.read("/etc/web.conf"); got != content {
		t.Errorf("the healed file is %q", got)
	}
	if got := mode(t, s); got != 0o640 {
		t.Errorf("the healed file's mode is %o", got)
	}
	expect(t, "healed", true, f.Healed, at)
	if diff := cmp.Diff([]string{"systemctl reload web.service", "systemctl reload web.service"}, s.commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func mode(t *testing.T, s *fakeServer) os.FileMode {
	t.Helper()
	info, err := os.Stat(s.path("/etc/web.conf"))
	must(t, err)
	return info.Mode().Perm()
}

// What the drill wants to know: does the program refuse, and live on?
func TestBadConfigThatIsAccepted(t *testing.T) {
	s := newServer(t, t.TempDir())
	s.write("/etc/other.conf", "")
	at := s.place("one")
	f := &BadConfig{Path: "/etc/other.conf", Unit: "web.service"} // which web.service does not read
	must(t, f.Inject(t.Context(), at))
	if text := expect(t, "bites", false, f.Bites, at); text != "web.service has accepted the bad line" {
		t.Errorf("proof: %s", text)
	}
}

func TestBadConfigThatKills(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	f := &BadConfig{Path: "/etc/web.conf", Unit: "web.service"}
	must(t, f.Inject(t.Context(), at))
	s.kill("web.service")
	if text := expect(t, "bites", false, f.Bites, at); !strings.Contains(text, "process 101 is gone") {
		t.Errorf("proof: %s", text)
	}
}

func TestBadConfigOfALinkIsRefused(t *testing.T) {
	s := newServer(t, t.TempDir())
	must(t, os.Symlink("web.conf", s.path("/etc/link.conf")))
	f := &BadConfig{Path: "/etc/link.conf", Unit: "web.service"}
	if err := f.Inject(t.Context(), s.place("one")); err == nil {
		t.Error("a link was broken")
	}
}

// Passwords are in configurations.
func TestTheSavedFileIsRootsOnly(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	must(t, (&BadConfig{Path: "/etc/web.conf", Unit: "web.service"}).Inject(t.Context(), at))
	for path, want := range map[string]os.FileMode{at.journalFile(): 0o600, s.path(journalDir): 0o700, s.path(stateDir): 0o700, at.stateFile(reloadName): 0o600} {
		info, err := os.Stat(path)
		must(t, err)
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}
