package lab

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
)

// testLab is a lab of the test's own, whose layers are kept between runs under
// SCALEUP_LAB_DIR (default: a folder that the test removes).
func testLab(t *testing.T, name string, subnet string) (*Lab, ssh.Signer) {
	t.Helper()
	if os.Geteuid() != 0 || os.Getenv("SCALEUP_LAB_TEST") != "1" {
		t.Skip("needs root and SCALEUP_LAB_TEST=1: it boots machines")
	}
	dir := os.Getenv("SCALEUP_LAB_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	l, err := Open(Config{
		Dir: dir, Name: name, Subnet: netip.MustParsePrefix(subnet), AuthorizedKey: ssh.MarshalAuthorizedKey(signer.PublicKey()),
		Log: func(server, message string) { t.Logf("%6.2fs %s %s", time.Since(begun).Seconds(), server, message) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(context.Background(), true); err != nil {
			t.Errorf("down: %v", err)
		}
	})
	return l, signer
}

// command runs a command on a machine over SSH, with its host key pinned.
func command(t *testing.T, l *Lab, signer ssh.Signer, user, server, address, line string) (string, error) {
	t.Helper()
	public, err := l.HostKey(server)
	if err != nil {
		t.Fatal(err)
	}
	pinned, _, _, _, err := ssh.ParseAuthorizedKey([]byte(public))
	if err != nil {
		t.Fatal(err)
	}
	client, err := ssh.Dial("tcp", address+":22", &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.FixedHostKey(pinned), Timeout: 5 * time.Second,
	})
	if err != nil {
		return "", err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer session.Close()
	out, err := session.CombinedOutput(line)
	return strings.TrimSpace(string(out)), err
}

func TestLab(t *testing.T) {
	l, signer := testLab(t, "labtest", "10.99.0.0/24")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	machines := []Machine{
		{Name: "one", Role: Bare, Address: netip.MustParseAddr("10.99.0.21")},
		{Name: "two", Address: netip.MustParseAddr("10.99.0.22"), Sudoer: "admin"},
	}
	report, err := l.Ensure(ctx, machines, nil)
	if err != nil {
		t.Fatal(err)
	}
	both := []string{"one", "two"}
	if diff := cmp.Diff(Report{Created: both, Started: both}, report); diff != "" {
		t.Errorf("first Ensure (-want +got):\n%s", diff)
	}
	state := func(want ...MachineState) {
		t.Helper()
		got, err := l.List(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i].Running != (got[i].PID != 0) {
				t.Errorf("%s: running %v with first process %d", got[i].Name, got[i].Running, got[i].PID)
			}
			got[i].PID = 0
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("List (-want +got):\n%s", diff)
		}
	}
	one := MachineState{Name: "one", Address: "10.99.0.21", Role: Bare, Running: true}
	two := MachineState{Name: "two", Address: "10.99.0.22", Running: true}
	state(one, two)

	t.Run("again", func(t *testing.T) {
		report, err := l.Ensure(ctx, machines, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Report{}, report); diff != "" {
			t.Errorf("second Ensure (-want +got):\n%s", diff)
		}
	})
	t.Run("access", func(t *testing.T) {
		for _, c := range []struct{ user, server, address, line, want string }{
			{"root", "one", "10.99.0.21", "hostname", "one"},
			{"root", "one", "10.99.0.21", "systemctl is-system-running --wait", "running"},
			{"root", "one", "10.99.0.21", "systemctl list-units --failed --plain --no-legend", ""},
			{"admin", "two", "10.99.0.22", "sudo -n id -un", "root"},
		} {
			got, err := command(t, l, signer, c.user, c.server, c.address, c.line)
			if err != nil || got != c.want {
				t.Errorf("%s on %s: %q: got %q, %v, want %q", c.user, c.server, c.line, got, err, c.want)
			}
		}
		if _, err := command(t, l, signer, "root", "two", "10.99.0.22", "true"); err == nil {
			t.Error("root can sign in on a machine with a sudo user")
		}
	})
	t.Run("freeze", func(t *testing.T) {
		frozen := one
		frozen.Frozen = true
		check(t, l.Freeze(ctx, "one"))
		state(frozen, two)
		check(t, l.Thaw(ctx, "one"))
		state(one, two)
	})
	t.Run("cut", func(t *testing.T) {
		cut := one
		cut.Cut = true
		check(t, l.Cut(ctx, "one"))
		state(cut, two)
		if greeted(ctx, machines[0].Address) {
			t.Error("a machine answers with its cable cut")
		}
		check(t, l.Join(ctx, "one"))
		state(one, two)
		check(t, l.Await(ctx, "one"))
	})
	t.Run("power", func(t *testing.T) {
		if _, err := command(t, l, signer, "root", "one", "10.99.0.21", "echo kept > /root/file && sync"); err != nil {
			t.Fatal(err)
		}
		off := one
		off.Running = false
		check(t, l.Off(ctx, "one"))
		state(off, two)
		check(t, l.Off(ctx, "one"))
		check(t, l.On(ctx, "one"))
		check(t, l.Await(ctx, "one"))
		state(one, two)
		if got, err := command(t, l, signer, "root", "one", "10.99.0.21", "cat /root/file"); err != nil || got != "kept" {
			t.Errorf("after off and on: got %q, %v, want the file that was written before", got, err)
		}
	})
	t.Run("unknown", func(t *testing.T) {
		err := l.Off(ctx, "one", "three")
		if err == nil || !strings.Contains(err.Error(), "no machine three") {
			t.Errorf("got %v, want a sentence about machine three", err)
		}
		state(one, two)
	})
	t.Run("down", func(t *testing.T) {
		begun := time.Now()
		check(t, l.Down(ctx, false))
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("down took %s", took)
		}
		checkNothingLeft(t, l)
		one.Running, two.Running = false, false
		state(one, two)
		check(t, l.Down(ctx, false))
	})
	t.Run("purge", func(t *testing.T) {
		check(t, l.Down(ctx, true))
		state()
		if exists(l.labDir()) {
			t.Errorf("%s is still there", l.labDir())
		}
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkNothingLeft looks for what a lab that is down must not have.
func checkNothingLeft(t *testing.T, l *Lab) {
	t.Helper()
	if l.Up() {
		t.Error("the bridge is still there")
	}
	for _, group := range append([]string{l.cgroups.unified}, l.cgroups.legacy...) {
		if exists(group) {
			t.Errorf("cgroup %s is still there", group)
		}
	}
	if loops := loopsOf(l.labDir()); len(loops) > 0 {
		t.Errorf("loop devices are still there: %v", loops)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), l.labDir()) {
		t.Errorf("mounts are still there:\n%s", mounts)
	}
	cables, _ := filepath.Glob("/sys/class/net/vb-*")
	for _, cable := range cables {
		for _, server := range []string{"one", "two"} {
			if filepath.Base(cable) == hostInterface(l.name, server) {
				t.Errorf("interface %s is still there", cable)
			}
		}
	}
}
