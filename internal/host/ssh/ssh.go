// Package ssh reaches a server over SSH, with its host key verified, and runs
// scaleup's far end there. It brings the scaleup binary along when the server
// does not have this one yet. It never builds a shell line from data: the only
// commands it sends are constants, a digest in hex and arguments in base64url.
package ssh

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"scaleup/internal/host"
	"scaleup/internal/remote"
)

// dialTimeout bounds TCP and SSH handshake of one connection.
const dialTimeout = 5 * time.Second

// Target says how one server is reached.
type Target struct {
	Server   string // name, for errors
	Address  string // IP address or host name
	Port     int
	User     string
	Signer   ssh.Signer
	HostKeys ssh.HostKeyCallback
	Binary   Binary // the scaleup to run there
	// Greeting is how long the server may take until the first byte of its sign-in:
	// one that is off, cut off or frozen never sends it, a busy one soon does. 0 leaves
	// it the time of the whole sign-in.
	Greeting time.Duration
}

// Host implements host.Host over one SSH connection.
type Host struct {
	target Target

	mu      sync.Mutex
	client  *ssh.Client
	session *session // the running far end, nil before the first call
}

var _ host.Host = (*Host)(nil)

// Dial connects to a server.
func Dial(ctx context.Context, t Target) (*Host, error) {
	h := &Host{target: t}
	client, err := h.dial(ctx)
	if err != nil {
		return nil, err
	}
	h.client = client
	return h, nil
}

func (h *Host) dial(ctx context.Context) (*ssh.Client, error) {
	t := h.target
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	address := net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
	start := time.Now()
	dialed, err := (&net.Dialer{Timeout: t.Greeting}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("reach %s at %s: %w", t.Server, address, err)
	}
	// The handshake knows no context: closing the connection is how it ends early.
	stop := context.AfterFunc(ctx, func() { dialed.Close() })
	defer stop()
	conn, err := t.greeted(dialed, start)
	if err != nil {
		return nil, fmt.Errorf("reach %s at %s: no word of its SSH server within %v: %w", t.Server, address, t.Greeting, err)
	}
	c, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: t.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(t.Signer)}, HostKeyCallback: t.HostKeys,
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoRSASHA512},
	})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("sign in to %s at %s as %s: %w", t.Server, address, t.User, explain(err))
	}
	return ssh.NewClient(c, channels, requests), nil
}

// greeted waits for the first byte, which an SSH server sends unasked, and returns a
// connection that still has it. Without a Greeting it does not wait.
func (t Target) greeted(conn net.Conn, since time.Time) (net.Conn, error) {
	if t.Greeting == 0 {
		return conn, nil
	}
	conn.SetReadDeadline(since.Add(t.Greeting))
	r := bufio.NewReader(conn)
	if _, err := r.Peek(1); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetReadDeadline(time.Time{})
	return &peeked{conn, r}, nil
}

// peeked is a connection of which some bytes have been read ahead.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

// Read implements net.Conn.
func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// Reconnect implements host.Host.
func (h *Host) Reconnect(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh, err := h.dial(ctx)
	if err != nil {
		return err
	}
	h.drop()
	h.client = fresh
	return nil
}

// Close implements host.Host.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop()
	return nil
}

// drop forgets the connection; whatever closing it says concerns nobody.
func (h *Host) drop() {
	if h.session != nil {
		h.session.close()
		h.session = nil
	}
	if h.client != nil {
		h.client.Close()
		h.client = nil
	}
}

// Call implements host.Host.
func (h *Host) Call(ctx context.Context, q remote.Request) (remote.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.ensureSession(ctx); err != nil {
		return remote.Response{}, err
	}
	p, err := h.session.call(ctx, q)
	if err != nil {
		h.drop() // the stream is out of step now
		return p, fmt.Errorf("ask %s: %w", h.target.Server, err)
	}
	if p.Error != "" {
		return p, errors.New(p.Error)
	}
	return p, nil
}

func (h *Host) ensureSession(ctx context.Context) error {
	if h.session != nil {
		return nil
	}
	if h.client == nil {
		client, err := h.dial(ctx)
		if err != nil {
			return err
		}
		h.client = client
	}
	s, err := h.openSession(ctx)
	if errors.Is(err, errNoBinary) { // which it costs nothing to find out when it is there
		if err = h.push(ctx); err == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("%s: %w", h.target.Server, host.ErrSent)
		}
		if err == nil {
			s, err = h.openSession(ctx)
		}
	}
	if err != nil {
		h.drop() // so that the next call dials anew
		return fmt.Errorf("start scaleup on %s: %w", h.target.Server, because(ctx, err))
	}
	h.session = s
	return nil
}

// closeAfter ends what waits on a connection when ctx ends. Closing a session
// would not do: that only sends a message, which a frozen server never answers.
func closeAfter(ctx context.Context, client *ssh.Client) (stop func() bool) {
	return context.AfterFunc(ctx, func() { client.Close() })
}

// because is why an operation failed: once ctx has ended, that.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// openSession starts the far end; errNoBinary when it is not there.
func (h *Host) openSession(ctx context.Context) (*session, error) {
	stop := closeAfter(ctx, h.client)
	defer stop()
	return startSession(ctx, h.client, h.sudo()+h.target.Binary.RemotePath()+" remote")
}

func (h *Host) sudo() string { return h.target.sudo() }

func (t Target) sudo() string {
	if t.User == "root" {
		return ""
	}
	return "sudo -n "
}

// pushWithin bounds sending the binary: 17 MB at 150 kB/s.
const pushWithin = 2 * time.Minute

// push sends the binary with one constant script. The script checks the
// machine's architecture first: a binary of another one cannot say so itself.
// A deadline of ctx is one for the server's answer, and not for this: over a slow line,
// no answer would ever come.
func (h *Host) push(ctx context.Context) error {
	unhurried, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushWithin)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel()
		}
	})()
	defer closeAfter(unhurried, h.client)()
	s, err := h.client.NewSession()
	if err != nil {
		return fmt.Errorf("push scaleup: %w", err)
	}
	defer s.Close()
	file, err := os.Open(h.target.Binary.Path)
	if err != nil {
		return fmt.Errorf("push scaleup: %w", err)
	}
	defer file.Close()
	s.Stdin = file
	out, err := s.CombinedOutput(h.sudo() + "sh -c '" + pushScript + "' push " + h.target.Binary.Digest + " " + h.target.Binary.Machine() + " " + remoteDir)
	if err != nil {
		return fmt.Errorf("push scaleup: %s (%w)", firstLine(out), err)
	}
	return nil
}

// Exec implements host.Host. The arguments travel as base64url of JSON, so no
// shell on the way can read anything into them.
func (h *Host) Exec(ctx context.Context, argv []string, stdio host.Stdio) (int, error) {
	// The first call makes sure that the binary is there.
	if _, err := h.Call(ctx, remote.Request{}); err != nil {
		return 0, err
	}
	encoded, err := remote.EncodeArgv(argv)
	if err != nil {
		return 0, err
	}
	code, err := h.exec(ctx, encoded, stdio)
	if missing := (*ssh.ExitMissingError)(nil); errors.As(err, &missing) && ctx.Err() == nil {
		return 0, fmt.Errorf("the connection to %s ended before the program there did", h.target.Server)
	}
	if err != nil {
		return 0, fmt.Errorf("run %s on %s: %w", argv[0], h.target.Server, because(ctx, err))
	}
	return code, nil
}

func (h *Host) exec(ctx context.Context, encoded string, stdio host.Stdio) (int, error) {
	h.mu.Lock()
	client := h.client
	h.mu.Unlock()
	if client == nil {
		return 0, net.ErrClosed
	}
	stop := closeAfter(ctx, client)
	defer stop()
	s, err := client.NewSession()
	if err != nil {
		return 0, err
	}
	defer s.Close()
	s.Stdin, s.Stdout, s.Stderr = stdio.In, stdio.Out, stdio.Err
	err = s.Run(h.sudo() + h.target.Binary.RemotePath() + " remote --exec " + encoded)
	if exit := (*ssh.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitStatus(), nil
	}
	return 0, err
}

// session is one running far end: requests in, responses out.
type session struct {
	client *ssh.Client
	ssh    *ssh.Session
	in     io.WriteCloser
	enc    *json.Encoder
	dec    *json.Decoder
	err    *tail
}

var errNoBinary = errors.New("the server has no such scaleup yet")

func startSession(ctx context.Context, client *ssh.Client, command string) (*session, error) {
	s, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	in, err := s.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return nil, err
	}
	far := &session{client: client, ssh: s, in: in, enc: json.NewEncoder(in), dec: json.NewDecoder(out), err: &tail{}}
	s.Stderr = far.err
	if err := s.Start(command); err != nil {
		return nil, err
	}
	// An empty request tells a running far end from a shell that found nothing.
	if _, err := far.call(ctx, remote.Request{}); err != nil {
		return nil, err
	}
	return far, nil
}

func (s *session) call(ctx context.Context, q remote.Request) (remote.Response, error) {
	var p remote.Response
	stop := closeAfter(ctx, s.client)
	defer stop()
	if err := s.enc.Encode(q); err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
		return p, err
	}
	err := s.dec.Decode(&p)
	if err == nil {
		return p, nil
	}
	if ctx.Err() != nil {
		return p, context.Cause(ctx)
	}
	return p, s.ended(err)
}

// ended says why the far end is gone. 127 is a shell's word for a program that
// is not there; sudo says 1 and names the command.
func (s *session) ended(err error) error {
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		s.close() // it runs, and would be waited for in vain
		return fmt.Errorf("its answer cannot be read: %w; see that no login script on the server prints something", err)
	}
	wait := s.ssh.Wait()
	exit := (*ssh.ExitError)(nil)
	if !errors.As(wait, &exit) {
		return fmt.Errorf("the connection ended: %w", err)
	}
	if exit.ExitStatus() == 127 || s.err.contains("command not found") {
		return errNoBinary
	}
	return fmt.Errorf("it ended with exit code %d: %s", exit.ExitStatus(), s.err.String())
}

func (s *session) close() {
	s.in.Close()
	s.ssh.Close()
}
