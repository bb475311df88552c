package ssh

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"scaleup/internal/host"
	"scaleup/internal/remote"
)

func dial(t *testing.T, target Target) *Host {
	t.Helper()
	h, err := Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// askFacts makes a call and expects its answer.
func askFacts(t *testing.T, h *Host) {
	t.Helper()
	p, err := h.Call(t.Context(), remote.Request{Facts: true})
	if err != nil {
		t.Fatal(err)
	}
	if p.Facts == nil || p.Facts.Hostname != "web1" {
		t.Fatalf("answer %+v, want the server's facts", p)
	}
}

// A deadline is one for the answer. Where scaleup has to be sent first, over a line that
// is slow, it arrives all the same, and the next call is answered in time.
func TestSendingHasNoDeadline(t *testing.T) {
	m := newMachine(t)
	m.line = 2 * time.Second
	h := dial(t, m.target())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := h.Call(ctx, remote.Request{Facts: true}); !errors.Is(err, host.ErrSent) {
		t.Fatalf("with the deadline over while sending: %v", err)
	}
	askFacts(t, h)
	if got := m.ran(); len(got) != 3 {
		t.Errorf("it was started, sent and started, and not %q", got)
	}
}

// Who gives up does not wait for the line.
func TestSendingIsGivenUp(t *testing.T) {
	m := newMachine(t)
	m.line = time.Minute
	h := dial(t, m.target())
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	began := time.Now()
	if _, err := h.Call(ctx, remote.Request{Facts: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestCall(t *testing.T) {
	for user, sudo := range map[string]string{"root": "", "deploy": "sudo -n "} {
		m := newMachine(t)
		target := m.target()
		target.User = user
		h := dial(t, target)
		askFacts(t, h)
		run := sudo + target.Binary.RemotePath() + " remote"
		push := sudo + "sh -c '" + pushScript + "' push " + target.Binary.Digest + " " + target.Binary.Machine() + " " + remoteDir
		if diff := cmp.Diff([]string{run, push, run}, m.ran()); diff != "" {
			t.Errorf("as %s, binary missing (-want +got):\n%s", user, diff)
		}
		askFacts(t, h)
		if got := m.ran(); got != nil {
			t.Errorf("as %s, a second call ran %q", user, got)
		}
		askFacts(t, dial(t, target))
		if diff := cmp.Diff([]string{run}, m.ran()); diff != "" {
			t.Errorf("as %s, binary there (-want +got):\n%s", user, diff)
		}
	}
}

func TestCallThatFails(t *testing.T) {
	h := dial(t, newMachine(t).target())
	_, err := h.Call(t.Context(), remote.Request{Switch: "db2"})
	if err == nil || !strings.Contains(err.Error(), "move the primary to db2") {
		t.Errorf("error %v, want the far end's own", err)
	}
	askFacts(t, h)
}

func TestDialRefused(t *testing.T) {
	m := newMachine(t)
	for _, c := range []struct {
		name   string
		change func(*Target)
		want   []string
	}{
		{"another host key", func(x *Target) { x.HostKeys = m.known(newKey(t).PublicKey()) }, []string{"its host key is not the one in", "known_hosts line 2", "remove that line"}},
		{"unknown host key", func(x *Target) { x.HostKeys = m.known() }, []string{"not in known_hosts", "ssh-keyscan"}},
		{"another lab key", func(x *Target) {
			key, err := FixedKey(string(ssh.MarshalAuthorizedKey(newKey(t).PublicKey())))
			if err != nil {
				t.Fatal(err)
			}
			x.HostKeys = key
		}, []string{"host key"}},
		{"unknown user key", func(x *Target) { x.Signer = newKey(t) }, []string{"does not accept the key", "authorized_keys"}},
		{"nobody listens", func(x *Target) { x.Port = 1 }, []string{"reach web1 at 127.0.0.1:1"}},
	} {
		target := m.target()
		c.change(&target)
		_, err := Dial(t.Context(), target)
		if err == nil {
			t.Errorf("%s: signed in", c.name)
			continue
		}
		for _, want := range append(c.want, "web1") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %q does not say %q", c.name, err, want)
			}
		}
	}
}

func TestReconnect(t *testing.T) {
	m := newMachine(t)
	h := dial(t, m.target())
	askFacts(t, h)
	m.ran()
	if err := h.Reconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	askFacts(t, h)
	if got := len(m.ran()); got != 1 {
		t.Errorf("%d far ends were started over the new connection, want 1", got)
	}
	m.listener.Close() // as a firewall would: the old connection goes on
	if err := h.Reconnect(t.Context()); err == nil {
		t.Error("reconnected to a server that lets nobody in")
	}
	askFacts(t, h)
}

func TestConnectionLost(t *testing.T) {
	m := newMachine(t)
	h := dial(t, m.target())
	askFacts(t, h)
	h.client.Close() // the server was rebooted
	if _, err := h.Call(t.Context(), remote.Request{}); err == nil {
		t.Error("no error from the call that was under way")
	}
	askFacts(t, h) // the next one dials anew

	if err := h.Reconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.client.Close() // before the far end was started
	if _, err := h.Call(t.Context(), remote.Request{}); err == nil {
		t.Error("no error over a lost connection")
	}
	askFacts(t, h)
}

// A frozen server answers nothing, not even that a session was closed.
func TestFrozenServer(t *testing.T) {
	m := newMachine(t)
	calling, executing := dial(t, m.target()), dial(t, m.target())
	askFacts(t, calling)
	askFacts(t, executing)
	starting := dial(t, m.target()) // no far end yet
	close(m.frozen)
	for name, use := range map[string]func(context.Context) error{
		"call":       func(ctx context.Context) error { _, err := calling.Call(ctx, remote.Request{}); return err },
		"first call": func(ctx context.Context) error { _, err := starting.Call(ctx, remote.Request{}); return err },
		"exec": func(ctx context.Context) error {
			_, err := executing.exec(ctx, "W10", host.Stdio{})
			return because(ctx, err)
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := use(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: error %v, want that the time is up", name, err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
}

// The kernel of a frozen server takes connections; nobody greets there.
func TestNoGreeting(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	target := newMachine(t).target()
	target.Greeting = 50 * time.Millisecond
	began := time.Now()
	if h, err := Dial(t.Context(), target); err != nil {
		t.Errorf("a server that speaks: %v", err)
	} else {
		h.Close()
	}
	target.Port = mute.Addr().(*net.TCPAddr).Port
	if _, err := Dial(t.Context(), target); err == nil || !strings.Contains(err.Error(), "no word of its SSH server within 50ms") {
		t.Errorf("a server that does not: %v", err)
	}
	if took := time.Since(began); took > dialTimeout/2 {
		t.Errorf("took %s", took)
	}
}

// The wait for the greeting ends with its context as well.
func TestNoGreetingInterrupted(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	target := newMachine(t).target()
	target.Greeting, target.Port = time.Minute, mute.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := Dial(ctx, target); err == nil {
		t.Error("no error from a server that does not speak")
	}
	if took := time.Since(began); took > dialTimeout/2 {
		t.Errorf("took %s", took)
	}
}

func TestLoginScriptThatPrints(t *testing.T) {
	m := newMachine(t)
	target := m.target()
	m.pushed[target.Binary.Digest] = true
	m.banner = "Welcome to web1!\n"
	h := dial(t, target)
	if _, err := h.Call(t.Context(), remote.Request{}); err == nil || !strings.Contains(err.Error(), "login script") {
		t.Errorf("error %v, want one that names the login script", err)
	}
}

func TestExec(t *testing.T) {
	m := newMachine(t)
	h := dial(t, m.target())
	nasty := "a 'quoted' \"$HOME\" `id`\n; rm -rf / #"
	for _, c := range []struct {
		name, in string
		argv     []string
		code     int
		out, err string
	}{
		{"argument and input", "input", []string{"sh", "-c", `printf %s "$1"; cat`, "sh", nasty}, 0, nasty + "input", ""},
		{"exit code", "", []string{"sh", "-c", "echo no >&2; exit 42"}, 42, "", "no\n"},
		{"no such program", "", []string{"scaleup-no-such-program"}, 127, "", "not found"},
	} {
		var stdout, stderr bytes.Buffer
		code, err := h.Exec(t.Context(), c.argv, host.Stdio{In: strings.NewReader(c.in), Out: &stdout, Err: &stderr})
		if err != nil || code != c.code || stdout.String() != c.out || !strings.Contains(stderr.String(), c.err) {
			t.Errorf("%s: code %d, error %v, output %q, %q", c.name, code, err, stdout.String(), stderr.String())
		}
	}
	if _, err := h.Exec(t.Context(), nil, host.Stdio{}); err == nil {
		t.Error("nothing was run, and that went well")
	}
}

func TestReadSigner(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(newEd25519(t), "", []byte("hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ssh.MarshalPrivateKey(newEd25519(t), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"plain", write("plain", string(pem.EncodeToMemory(plain))), ""},
		{"with passphrase", write("locked", string(pem.EncodeToMemory(block))), "it has a passphrase"},
		{"no key", write("text", "hello"), "no key found"},
		{"missing", filepath.Join(dir, "nowhere"), "ssh.key"},
	} {
		_, err := ReadSigner(c.path)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := KnownHosts(filepath.Join(dir, "nowhere")); err == nil || !strings.Contains(err.Error(), "ssh-keyscan") {
		t.Errorf("error %v, want how to make the file", err)
	}
}

func TestTail(t *testing.T) {
	far := &tail{}
	for range 1000 {
		if _, err := far.Write([]byte("0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	if got := far.String(); len(got) != tailSize || !strings.HasSuffix(got, "0123456789") {
		t.Errorf("%d bytes were kept, want the last %d", len(got), tailSize)
	}
}
