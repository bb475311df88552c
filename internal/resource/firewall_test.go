package resource_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

// kernel is a server whose nft keeps one table: the content of the last file it
// has loaded.
type kernel struct {
	*hosttest.Host
	table string
}

func newKernel(t *testing.T) *kernel {
	k := &kernel{Host: newHost(t)}
	k.On(hosttest.Exit(5, "Unit scaleup-firewall-revert.timer not loaded."), "systemctl", "stop", "scaleup-firewall-revert.timer")
	k.On(k.Timer("scaleup-firewall-revert"), "systemd-run")
	k.On(hosttest.Output(""), "nft", "-c")
	k.On(func(c resource.Command) (string, error) {
		if k.table == "" {
			return hosttest.Exit(1, "No such file or directory")(c)
		}
		return k.table, nil
	}, "nft", "--stateless", "list", "table", "inet", "scaleup")
	k.On(func(c resource.Command) (string, error) {
		content, err := os.ReadFile(c.Argv[2])
		k.table = "table of " + string(content)
		return "", err
	}, "nft", "-f")
	return k
}

// did lists the commands by what they are there for, without looking at tables.
func (k *kernel) did() []string {
	var did []string
	for _, c := range k.Commands() {
		if !strings.HasPrefix(c, "nft --stateless") {
			did = append(did, strings.Join(strings.Fields(c)[:2], " "))
		}
	}
	k.Forget()
	return did
}

func TestFirewall(t *testing.T) {
	k := newKernel(t)
	f := &resource.Firewall{Path: "/etc/nftables.conf", Content: []byte("rules 1")}
	expectState(t, k.Host, f, resource.Absent)
	apply(t, k.Host, f)
	want := []string{"systemd-run --quiet", "nft -c", "nft -f"}
	if diff := cmp.Diff(want, k.did()); diff != "" {
		t.Errorf("armed before loaded (-want +got):\n%s", diff)
	}
	if err := resource.ConfirmFirewall(t.Context(), k.System()); err != nil {
		t.Errorf("confirm: %v", err)
	}

	k.table = "" // somebody flushed the rules
	if got := observe(t, k.Host, f); got == f.Want() || !strings.HasSuffix(string(got), " not loaded") {
		t.Errorf("with flushed rules: %q", got)
	}
	apply(t, k.Host, f)
	k.table += " and a rule by hand"
	if got := observe(t, k.Host, f); got == f.Want() {
		t.Error("a rule added by hand is no difference")
	}
}

func TestFirewallRefused(t *testing.T) {
	k := newKernel(t)
	k.Write("/etc/nftables.conf", "old")
	k.On(hosttest.Exit(1, "syntax error"), "nft", "-c")
	f := &resource.Firewall{Path: "/etc/nftables.conf", Content: []byte("new")}
	if err := f.Apply(t.Context(), k.System()); err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Errorf("error %v, want nft's reason", err)
	}
	if got := k.Read(f.Path); got != "old" {
		t.Errorf("the file holds %q, want the old rules", got)
	}
	want := []string{"systemd-run --quiet", "nft -c", "systemctl stop"}
	if diff := cmp.Diff(want, k.did()); diff != "" {
		t.Errorf("disarmed, for nothing has changed (-want +got):\n%s", diff)
	}
}

// TestFirewallRevert runs the script that systemd would run after 30 s.
func TestFirewallRevert(t *testing.T) {
	for _, old := range []string{"old rules", ""} {
		k := newKernel(t)
		f := &resource.Firewall{Path: "/etc/nftables.conf", Content: []byte("new rules")}
		if old != "" {
			k.Write(f.Path, old)
			k.table = "table of " + old
		}
		var argv []string
		k.On(func(c resource.Command) (string, error) { argv = c.Argv; return "", nil }, "systemd-run")
		apply(t, k.Host, f)

		if !strings.Contains(strings.Join(argv, " "), "--on-active=30s") {
			t.Errorf("armed with %q", argv)
		}
		script := argv[len(argv)-4:] // sh -c SCRIPT revert FILE, from -c on
		k.Write("/bin/nft", "#!/bin/sh\ncat \"$2\" >\"${0%/bin/nft}/loaded\"\n")
		if err := os.Chmod(k.Path("/bin/nft"), 0o755); err != nil {
			t.Fatal(err)
		}
		rooted := strings.NewReplacer("/run/scaleup/", k.Path("/run/scaleup/")+"/", "/var/lib/scaleup/", k.Path("/var/lib/scaleup/")+"/").Replace(script[1])
		cmd := exec.Command("/bin/sh", "-c", rooted, script[2], k.Path(script[3]))
		cmd.Env = []string{"PATH=" + k.Path("/bin") + ":" + os.Getenv("PATH")}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}

		if got := k.Read(f.Path); got != old {
			t.Errorf("before %q: the file holds %q afterwards", old, got)
		}
		loaded := k.Read("/loaded")
		if !strings.Contains(loaded, "delete table inet scaleup") || old != "" && !strings.HasSuffix(loaded, "table of "+old) || strings.Contains(loaded, "new rules") {
			t.Errorf("before %q: loaded\n%s", old, loaded)
		}
		if got := observe(t, k.Host, f); got == f.Want() {
			t.Errorf("before %q: the rules still count as loaded", old)
		}
	}
}
