package load

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scaleup/internal/drill/record"
	"scaleup/internal/nettest"
)

// newRaw1 is the client of a server that never closes a connection of HTTP/1.1 by
// itself, whatever the client does, and says which one it is.
func newRaw1(t *testing.T) *Client {
	t.Helper()
	done := make(chan struct{})
	c := rawSite(t, "http/1.1", func(n int, conn *tls.Conn) {
		requests := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(requests)
			if err != nil {
				<-done
				return
			}
			io.Copy(io.Discard, r.Body)
			body := fmt.Sprintf("connection %d", n)
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
	})
	t.Cleanup(func() { close(done) }) // before the server's own
	return c
}

// refusing is an address at which nothing listens.
func refusing(t *testing.T) net.Addr {
	t.Helper()
	return net.TCPAddrFromAddrPort(nettest.Refusing(t))
}

// silent is an address at which attempts to connect have no answer: a listener
// whose queue is full.
func silent(t *testing.T) net.Addr {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*unix.SockaddrInet4).Port}
	for range 10 {
		conn, err := net.DialTimeout("tcp", address.String(), 50*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("ten connections did not fill a queue of none")
	return nil
}

func TestNoConnection(t *testing.T) {
	mute := rawListener(t, func(_ int, conn net.Conn) { io.Copy(io.Discard, conn) })
	rude := rawListener(t, func(_ int, conn net.Conn) { conn.Read(make([]byte, 1<<14)) })
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	secure := newSite(t, http.NotFoundHandler())
	for _, c := range []struct {
		name     string
		address  net.Addr
		patience time.Duration
		reach    Reach
		word     string
	}{
		{"nothing listens", refusing(t), ample, Connecting, "refused"},
		{"no answer", silent(t), time.Second, Connecting, "connect timeout"},
		{"a server that says nothing", mute, time.Second, Securing, "tls timeout"},
		{"a server that hangs up", rude, ample, Securing, "tls eof"},
		{"a server without TLS", plain.Listener.Addr(), ample, Securing, "tls"},
		{"an unknown certificate", secure.Listener.Addr(), ample, Securing, "certificate"},
	} {
		client := newClient(t, c.address, nil)
		for name, h := range hows {
			t.Run(c.name+", "+name, func(t *testing.T) {
				t.Parallel()
				r, op, _ := h.send(t, client, Request{Method: http.MethodPost, JSON: []byte("{}")}, c.patience)
				for _, class := range []record.Class{record.Page, record.Write} {
					if outcome, word := Classify(class, r); outcome != record.Failed || word != c.word {
						t.Errorf("%v: %v %q (%v), want failed %q", class, outcome, word, r.Err, c.word)
					}
				}
				if r.Reach != c.reach || op.Again != 0 {
					t.Errorf("reach %d, again %d, want %d and 0", r.Reach, op.Again, c.reach)
				}
			})
		}
	}
}

// A server without HTTP/2 is none for requests over HTTP/2.
func TestNoHTTP2(t *testing.T) {
	for _, offered := range []string{"http/1.1", ""} {
		c := rawSite(t, offered, func(int, *tls.Conn) {})
		for _, name := range []string{"fresh 2", "kept 2"} {
			if r, _, _ := hows[name].get(t, c); r.Reach != Securing || word(r.Reach, r.Err) != "tls" {
				t.Errorf("%s from a server with %q: reach %d, error %v, want a failure of TLS", name, offered, r.Reach, r.Err)
			}
		}
	}
}
