package load

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

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
