package ssh

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"scaleup/internal/facts"
	"scaleup/internal/host/hosttest"
	"scaleup/internal/remote"
)

// machine is an SSH server on the loopback address that knows what sshd, sudo,
// the shell and scaleup do with the commands this package sends.
type machine struct {
	t        *testing.T
	listener net.Listener
	key      ssh.Signer // host key
	user     ssh.Signer // who may sign in
	far      *remote.Server

	mu       sync.Mutex
	commands []string
	pushed   map[string]bool // digests
	banner   string          // what a login script prints
	line     time.Duration   // that sending anything takes
	frozen   chan struct{}   // closed: nothing that arrives is read any more
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := hosttest.New(t, facts.Facts{})
	m := &machine{
		t: t, listener: listener, key: newKey(t), user: newKey(t), pushed: map[string]bool{}, frozen: make(chan struct{}),
		far: &remote.Server{System: h.System(), Facts: func(context.Context) (facts.Facts, error) {
			return facts.ReferenceFor("web1", "127.0.0.1"), nil
		}},
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			serving.Go(func() { m.serve(&freezable{Conn: conn, frozen: m.frozen, thaw: t.Context().Done()}) })
		}
	})
	t.Cleanup(func() { listener.Close() })
	return m
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// freezable is a connection of a machine that can freeze.
type freezable struct {
	net.Conn
	frozen chan struct{}
	thaw   <-chan struct{}
}

func (f *freezable) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	select {
	case <-f.frozen:
		<-f.thaw
	default:
	}
	return n, err
}

func (m *machine) serve(conn net.Conn) {
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(m.user.PublicKey().Marshal()) {
			return nil, fmt.Errorf("unknown key")
		}
		return nil, nil
	}}
	config.AddHostKey(m.key)
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go func() {
			defer channel.Close()
			for r := range requests {
				if r.Type != "exec" {
					continue
				}
				var payload struct{ Command string }
				if err := ssh.Unmarshal(r.Payload, &payload); err != nil {
					m.t.Error(err)
				}
				if err := r.Reply(true, nil); err != nil {
					return
				}
				status := struct{ Code uint32 }{uint32(m.run(payload.Command, channel))}
				if _, err := channel.SendRequest("exit-status", false, ssh.Marshal(status)); err != nil {
					return
				}
				return
			}
		}()
	}
}

// run is the login shell.
func (m *machine) run(command string, channel ssh.Channel) int {
	m.mu.Lock()
	m.commands = append(m.commands, command)
	banner := m.banner
	m.mu.Unlock()
	fmt.Fprint(channel, banner)
	command, sudo := strings.CutPrefix(command, "sudo -n ")
	if strings.HasPrefix(command, "sh -c ") {
		return m.push(command, channel)
	}
	words := strings.Fields(command)
	digest := filepath.Base(filepath.Dir(words[0]))
	if !m.has(digest) {
		if sudo {
			fmt.Fprintf(channel.Stderr(), "sudo: %s: command not found\n", words[0])
			return 1
		}
		fmt.Fprintf(channel.Stderr(), "sh: 1: %s: not found\n", words[0])
		return 127
	}
	switch {
	case slices.Equal(words[1:], []string{"remote"}):
		if err := m.far.Serve(m.t.Context(), channel, channel); err != nil {
			fmt.Fprintln(channel.Stderr(), err)
			return 1
		}
		return 0
	case len(words) == 4 && words[1] == "remote" && words[2] == "--exec":
		code, err := remote.Exec(m.t.Context(), words[3], channel, channel, channel.Stderr())
		if err != nil {
			fmt.Fprintln(channel.Stderr(), err)
			return 1
		}
		return code
	}
	fmt.Fprintf(channel.Stderr(), "unexpected command %q\n", command)
	return 2
}

// push does what pushScript does; TestPushScript runs the real one.
func (m *machine) push(command string, stdin io.Reader) int {
	content, err := io.ReadAll(stdin)
	if err != nil {
		return 1
	}
	select {
	case <-time.After(m.line): // the line itself
	case <-m.t.Context().Done():
		return 1
	}
	sum := sha256.Sum256(content)
	words := strings.Fields(strings.TrimPrefix(command, "sh -c '"+pushScript+"' push "))
	if len(words) != 3 || words[0] != hex.EncodeToString(sum[:]) {
		return 4
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pushed[words[0]] = true
	return 0
}

func (m *machine) has(digest string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pushed[digest]
}

// ran lists the commands since it was last called.
func (m *machine) ran() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	ran := m.commands
	m.commands = nil
	return ran
}

// target is how the machine is reached, with its key known.
func (m *machine) target() Target {
	m.t.Helper()
	address := m.listener.Addr().(*net.TCPAddr)
	return Target{
		Server: "web1", Address: address.IP.String(), Port: address.Port, User: "root", Signer: m.user,
		HostKeys: m.known(m.key.PublicKey()), Binary: newBinary(m.t, "binary"),
	}
}

// known verifies against a known_hosts file that has these keys of the machine.
func (m *machine) known(keys ...ssh.PublicKey) ssh.HostKeyCallback {
	m.t.Helper()
	lines := "# known hosts\n"
	for _, k := range keys {
		lines += knownhosts.Line([]string{knownhosts.Normalize(m.listener.Addr().String())}, k) + "\n"
	}
	path := filepath.Join(m.t.TempDir(), "known_hosts")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		m.t.Fatal(err)
	}
	callback, err := KnownHosts(path)
	if err != nil {
		m.t.Fatal(err)
	}
	return callback
}

func newBinary(t *testing.T, content string) Binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scaleup")
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := BinaryAt(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
