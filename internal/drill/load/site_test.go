package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"scaleup/internal/drill/record"
)

// site is a web server of a test's own, on loopback, with TLS and both versions of
// HTTP.
type site struct {
	*httptest.Server
	mu      sync.Mutex
	changed sync.Cond
	opened  int // connections so far
	open    int // connections now
}

func newSite(tb testing.TB, h http.Handler) *site {
	tb.Helper()
	s := &site{}
	s.changed.L = &s.mu
	s.Server = httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // broken connections are what these tests are about
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch state {
		case http.StateNew:
			s.opened++
			s.open++
		case http.StateClosed, http.StateHijacked:
			s.open--
		}
		s.changed.Broadcast()
	}
	s.StartTLS()
	tb.Cleanup(s.Close)
	return s
}

// connections is how many were opened so far.
func (s *site) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// awaitOpen waits until n connections are open.
func (s *site) awaitOpen(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.open != n {
		s.changed.Wait()
	}
}

// siteName is in the certificate of httptest's servers.
const siteName = "example.com"

func (s *site) client(tb testing.TB) *Client {
	tb.Helper()
	return newClient(tb, s.Listener.Addr(), s.Certificate())
}

func newClient(tb testing.TB, address net.Addr, authority *x509.Certificate) *Client {
	tb.Helper()
	roots := x509.NewCertPool()
	if authority != nil {
		roots.AddCert(authority)
	}
	c := NewClient(Target{Host: siteName, Address: address.String(), Roots: roots})
	tb.Cleanup(c.Close)
	return c
}

// rawSite is a server that does TLS and leaves HTTP to the test. serve has the
// connection's number, from 1; the connection is closed when it returns.
func rawSite(tb testing.TB, protocol string, serve func(n int, conn *tls.Conn)) *Client {
	tb.Helper()
	identity := httptest.NewUnstartedServer(nil)
	identity.StartTLS()
	identity.Close()
	config := &tls.Config{Certificates: identity.TLS.Certificates}
	if protocol != "" {
		config.NextProtos = []string{protocol}
	}
	address := rawListener(tb, func(n int, conn net.Conn) {
		secured := tls.Server(conn, config)
		if secured.Handshake() == nil {
			serve(n, secured)
		}
	})
	return newClient(tb, address, identity.Certificate())
}

// rawListener is a server of TCP. When the test ends, so do its connections.
func rawListener(tb testing.TB, serve func(n int, conn net.Conn)) net.Addr {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for n := 1; ; n++ {
			conn, err := listener.Accept()
			if err != nil {
				return // the test has ended
			}
			serving.Go(func() {
				defer context.AfterFunc(ctx, func() { conn.Close() })()
				defer conn.Close()
				serve(n, conn)
			})
		}
	})
	tb.Cleanup(func() {
		end()
		listener.Close()
		serving.Wait()
	})
	return listener.Addr()
}

// how is a way to send a request.
type how struct {
	fresh bool
	proto uint8
}

var hows = map[string]how{"fresh 1": {true, 1}, "kept 1": {false, 1}, "fresh 2": {true, 2}, "kept 2": {false, 2}}

// ample is the patience of tests in which nothing takes long.
const ample = 30 * time.Second

// get sends one request for "/".
func (h how) get(tb testing.TB, c *Client) (Reply, record.Op, string) {
	tb.Helper()
	return h.send(tb, c, Request{Method: http.MethodGet, URL: url.URL{Path: "/"}}, ample)
}

func (h how) post(tb testing.TB, c *Client) (Reply, record.Op, string) {
	tb.Helper()
	return h.send(tb, c, Request{Method: http.MethodPost, URL: url.URL{Path: "/"}, JSON: []byte(`{"a":1}`)}, ample)
}

func (h how) send(tb testing.TB, c *Client, q Request, patience time.Duration) (Reply, record.Op, string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	op := record.Op{Fresh: h.fresh, Proto: h.proto}
	var body bytes.Buffer
	r := c.Do(ctx, &op, q, &body)
	return r, op, body.String()
}

// mustGet demands an answer.
func (h how) mustGet(tb testing.TB, c *Client) string {
	tb.Helper()
	r, _, body := h.get(tb, c)
	if r.Err != nil || r.Status != http.StatusOK {
		tb.Fatalf("%+v: status %d, error %v", h, r.Status, r.Err)
	}
	return body
}
