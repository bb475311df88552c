package load

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"scaleup/internal/drill/record"
)

// What the server sees is what was meant: name, version, user agent, body, and the
// TLS session of an earlier connection.
func TestRequestAsSent(t *testing.T) {
	s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s %s %q %q %q %v | %s %v", r.Method, r.Host, r.TLS.ServerName, r.URL, r.Proto,
			r.UserAgent(), r.Header.Get("Content-Type"), r.Header.Get("Accept-Encoding"), r.TLS.DidResume, body, err)
	}))
	for name, h := range hows {
		c := s.client(t)
		for i := range 2 {
			resumed := i > 0 && h.fresh
			_, _, got := h.send(t, c, Request{Method: http.MethodGet, URL: url.URL{Path: "/a b", RawQuery: "c=d"}}, ample)
			want := fmt.Sprintf(`GET example.com example.com /a%%20b?c=d HTTP/%d.%d "scaleup-drill" "" "" %v |  <nil>`, h.proto, 2-h.proto, resumed)
			if got != want {
				t.Errorf("%s:\n got %s\nwant %s", name, got, want)
			}
		}
		_, _, got := h.post(t, c)
		want := fmt.Sprintf(`POST example.com example.com / HTTP/%d.%d "scaleup-drill" "application/json" "" %v | {"a":1} <nil>`, h.proto, 2-h.proto, h.fresh)
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	if len(readHeader) != 1 || len(writeHeader) != 2 {
		t.Errorf("requests have changed the headers that all share: %v, %v", readHeader, writeHeader)
	}
}

func TestReplyAsReceived(t *testing.T) {
	s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Cache", "STALE")
		w.Header().Set("X-Scaleup-Unserved", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "busy")
	}))
	for name, h := range hows {
		r, _, body := h.get(t, s.client(t))
		if diff := cmp.Diff(Reply{Reach: Sent, Status: 503, Cache: "STALE", Unserved: true}, r); diff != "" || body != "busy" {
			t.Errorf("%s: body %q, reply (-want +got):\n%s", name, body, diff)
		}
	}
}

func TestConnections(t *testing.T) {
	s := newSite(t, shop())
	for _, c := range []struct {
		how         string
		opened, end int // connections after three requests, and open then
	}{{"fresh 1", 3, 0}, {"fresh 2", 3, 0}, {"kept 1", 1, 1}, {"kept 2", 1, 1}} {
		client, before := s.client(t), s.connections()
		for range 3 {
			hows[c.how].mustGet(t, client)
		}
		if got := s.connections() - before; got != c.opened {
			t.Errorf("%s: %d connections for three requests, want %d", c.how, got, c.opened)
		}
		s.awaitOpen(c.end)
		client.Close()
		s.awaitOpen(0)
	}
}

// Requests at the same time have a connection each over HTTP/1.1, and share two over
// HTTP/2, once there are two.
func TestConnectionsAtOnce(t *testing.T) {
	const requests = 6
	for name, want := range map[string]int{"kept 1": requests, "kept 2": shared} {
		var under sync.WaitGroup // requests that have arrived
		let := make(chan struct{})
		s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			under.Done()
			<-let
			io.WriteString(w, "ok")
		}))
		c := s.client(t)
		for round := range 2 { // the second round finds all connections idle
			var done sync.WaitGroup
			for range requests {
				under.Add(1)
				done.Go(func() {
					if r, _, _ := hows[name].get(t, c); r.Err != nil {
						t.Errorf("%s: %v", name, r.Err)
					}
				})
				under.Wait()
			}
			close(let)
			done.Wait()
			if got := s.connections(); got != want {
				t.Errorf("%s, round %d: %d connections for %d requests at once, want %d", name, round, got, requests, want)
			}
			let = make(chan struct{})
		}
	}
}

// A kept connection that the server has closed is never used, even when this side
// has not read its end yet.
func TestKeptConnectionClosedByServer(t *testing.T) {
	for _, name := range []string{"kept 1", "kept 2"} {
		var hits atomic.Int32
		s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			hits.Add(1)
			io.WriteString(w, "ok")
		}))
		c := s.client(t)
		const rounds = 50
		for range rounds {
			hows[name].mustGet(t, c)
			s.CloseClientConnections()
		}
		if hits.Load() != rounds || s.connections() != rounds {
			t.Errorf("%s: %d requests over %d connections, want %d", name, hits.Load(), s.connections(), rounds)
		}
	}
}

// A server that says "Connection: close" is taken at its word.
func TestConnectionClose(t *testing.T) {
	s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		io.WriteString(w, "ok")
	}))
	c := s.client(t)
	for range 3 {
		hows["kept 1"].mustGet(t, c)
	}
	if s.connections() != 3 {
		t.Errorf("%d connections, want 3", s.connections())
	}
}

// A request that the server may have had is sent once, even a GET over a kept
// connection, which Go's usual client would send again.
func TestNothingIsSentTwice(t *testing.T) {
	reset := func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			panic(http.ErrAbortHandler) // RST_STREAM
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		tcp := conn.(*tls.Conn).NetConn().(*net.TCPConn) // below TLS, which would say goodbye
		if err := tcp.SetLinger(0); err != nil {         // close with RST
			t.Error(err)
		}
		tcp.Close()
	}
	eof := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		name         string
		fail         http.HandlerFunc
		word1, word2 string
	}{
		{"reset", reset, "reset", "stream reset"},
		{"closed", eof, "eof", "stream reset"},
	} {
		var hits atomic.Int32
		s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if hits.Add(1)%2 == 1 {
				io.WriteString(w, "ok")
				return
			}
			c.fail(w, r)
		}))
		for name, h := range hows {
			for _, class := range []record.Class{record.Page, record.Write} {
				hits.Store(0)
				client, send := s.client(t), h.get
				if class == record.Write {
					send = h.post
				}
				h.mustGet(t, client)
				r, op, _ := send(t, client)
				outcome, word := Classify(class, r)
				want, wantWord := record.Failed, c.word1
				if class == record.Write {
					want = record.Indeterminate
				}
				if h.proto == 2 {
					wantWord = c.word2
				}
				if outcome != want || word != wantWord || op.Again != 0 || hits.Load() != 2 {
					t.Errorf("%s, %s, %v: %v %q (%v), sent again %d times, %d requests arrived; want %v %q, 0, 2",
						c.name, name, class, outcome, word, r.Err, op.Again, hits.Load(), want, wantWord)
				}
			}
		}
	}
}

func TestBodyCutOff(t *testing.T) {
	s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "cut")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	for name, h := range hows {
		r, _, body := h.get(t, s.client(t))
		if r.Err == nil || r.Status != http.StatusOK || r.Reach != Sent || body != "cut" {
			t.Errorf("%s: %+v, body %q, want status 200 with an error", name, r, body)
		}
	}
}

func TestBodyTooLarge(t *testing.T) {
	s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.CopyN(w, zeros{}, most+1)
	}))
	for name, h := range hows {
		r, _, _ := h.send(t, s.client(t), Request{Method: http.MethodGet, URL: url.URL{Path: "/"}}, ample)
		if r.Err != errTooLarge {
			t.Errorf("%s: error %v, want %v", name, r.Err, errTooLarge)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A connection that kept its user waiting for too long is not for the next one.
func TestPatienceRunsOut(t *testing.T) {
	for name, h := range hows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var hang atomic.Bool
			s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if hang.Load() {
					<-r.Context().Done()
				}
				io.WriteString(w, "ok")
			}))
			c := s.client(t)
			h.mustGet(t, c)
			before := s.connections()
			hang.Store(true)
			r, op, _ := h.send(t, c, Request{Method: http.MethodGet, URL: url.URL{Path: "/"}}, time.Second)
			hang.Store(false)
			if r.Err == nil || word(r.Reach, r.Err) != "timeout" || r.Reach != Sent || op.Again != 0 {
				t.Errorf("%+v, again %d, want a timeout after sending", r, op.Again)
			}
			h.mustGet(t, c)
			want := 1
			if h.fresh {
				want = 2
			}
			if got := s.connections() - before; got != want {
				t.Errorf("%d more connections for the slow request and the next, want %d", got, want)
			}
		})
	}
}

// Nothing can be written to a kept connection: that is found out before anything is
// sent, and another one serves.
func TestKeptConnectionBreaksWhenUsed(t *testing.T) {
	c := newRaw1(t)
	h := hows["kept 1"]
	h.mustGet(t, c)
	l := c.kept1.idle[0]
	if err := l.control.Control(func(fd uintptr) {
		if err := unix.Shutdown(int(fd), unix.SHUT_WR); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if !l.alive() {
		t.Fatal("the connection is known to be broken; this test is about one that is not")
	}
	r, op, body := h.post(t, c)
	if r.Err != nil || body != "connection 2" || op.Again != 0 {
		t.Errorf("error %v, body %q, again %d, want the answer over another connection", r.Err, body, op.Again)
	}
}

func TestHostWithPort(t *testing.T) {
	s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host+" "+r.TLS.ServerName) }))
	c := s.client(t)
	withPort := NewClient(Target{Host: siteName + ":8443", Address: s.Listener.Addr().String(), Roots: c.http1.config.RootCAs})
	defer withPort.Close()
	if got := hows["fresh 1"].mustGet(t, withPort); got != "example.com:8443 example.com" {
		t.Errorf("the server sees %q", got)
	}
}
