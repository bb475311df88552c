package haproxy

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"scaleup/internal/haproxyctl"
)

// lasts answers with a transfer that goes on until the test is over, or until its
// connection has ended; and asked for it, with a WebSocket that does the same.
func (l *live) lasts(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		io.WriteString(w, "begun\n")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return
	}
	conn, both, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(both, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nbegun\n")
	both.Flush()
	io.Copy(io.Discard, both)
}

// lasting begins a request whose answer does not end, and returns what is read of it.
func (l *live) lasting(t *testing.T, request string) (rest *bufio.Reader) {
	t.Helper()
	conn, err := tls.Dial("tcp", l.at(10, 443), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) // the test's own certificate
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	rest = bufio.NewReader(conn)
	for line := ""; line != "begun\n"; {
		if line, err = rest.ReadString('\n'); err != nil {
			t.Fatalf("%q: %v", request, err)
		}
	}
	return rest
}

// awaitSessions waits until HAProxy counts as many sessions with the web servers.
func (l *live) awaitSessions(t *testing.T, web1, web2 int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		servers, err := l.client.Servers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		open := map[string]int{}
		for _, s := range servers {
			open[s.Name] += s.Sessions
		}
		if open["web1"] == web1 && open["web2"] == web2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("sessions: %v, want %d with web1 and %d with web2", open, web1, web2)
		}
	}
}

// The program itself: what a drained server still has ends at a word, in both backends
// of the web tier, whatever it is; what other servers have goes on.
func TestEndSessions(t *testing.T) {
	l := startLive(t)
	ctx := t.Context()
	rotate := func(server string, order haproxyctl.Order, state haproxyctl.State) {
		t.Helper()
		if err := l.client.SetState(ctx, haproxyctl.BackendWeb, server, order); err != nil {
			t.Fatal(err)
		}
		l.await(t, map[string]haproxyctl.State{"web/" + server: state, "web_once/" + server: state})
	}
	l.await(t, map[string]haproxyctl.State{"web/web1": "up", "web/web2": "up"})
	rotate("web2", haproxyctl.OrderDrain, haproxyctl.Drain)
	var ending []*bufio.Reader
	for _, request := range []string{
		"GET /lasts HTTP/1.1\nHost: www.foobar.com\n\n",
		"POST /lasts HTTP/1.1\nHost: www.foobar.com\nContent-Length: 0\n\n",
		"GET /lasts HTTP/1.1\nHost: www.foobar.com\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13\n\n", // RFC 6455, section 1.3
	} {
		ending = append(ending, l.lasting(t, request))
	}
	rotate("web2", haproxyctl.OrderReady, haproxyctl.Up)
	rotate("web1", haproxyctl.OrderDrain, haproxyctl.Drain)
	l.lasting(t, "GET /lasts HTTP/1.1\nHost: www.foobar.com\n\n")
	l.awaitSessions(t, 3, 1)

	if ended, err := l.client.EndSessions(ctx, "web1"); err != nil || ended != 3 {
		t.Errorf("ended %d, %v, want 3", ended, err)
	}
	for i, rest := range ending {
		if _, err := io.Copy(io.Discard, rest); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %d goes on: %v", i, err)
		}
	}
	l.awaitSessions(t, 0, 1)
	if ended, err := l.client.EndSessions(ctx, "web1"); err != nil || ended != 0 {
		t.Errorf("ended %d, %v of a server that has nothing", ended, err)
	}
}
