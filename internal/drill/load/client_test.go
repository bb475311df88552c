package load

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// A request that the server may have had is sent once, even a GET over a kept
// connection, which Go's usual client would send again.
func TestNothingIsSentTwice(t *testing.T) {
	for _, c := range []struct {
		name         string
		fail         http.HandlerFunc
		word1, word2 string // over HTTP/1.1 and HTTP/2
	}{
		{"reset", answerReset, "reset", "stream reset"},
		{"closed", answerEnd, "eof", "stream reset"},
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
			wantWord := c.word1
			if h.proto == 2 {
				wantWord = c.word2
			}
			for class, want := range map[record.Class]record.Outcome{record.Page: record.Failed, record.Write: record.Indeterminate} {
				hits.Store(0)
				client, send := s.client(t), h.get
				if class == record.Write {
					send = h.post
				}
				h.mustGet(t, client)
				r, op, _ := send(t, client)
				outcome, word := Classify(class, r)
				if outcome != want || word != wantWord || op.Again != 0 || hits.Load() != 2 {
					t.Errorf("%s, %s, %v: %v %q (%v), sent again %d times, %d requests arrived; want %v %q, 0, 2",
						c.name, name, class, outcome, word, r.Err, op.Again, hits.Load(), want, wantWord)
				}
			}
		}
	}
}

// answerReset resets the connection, or the stream of HTTP/2.
func answerReset(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 {
		answerEnd(w, r)
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	tcp := conn.(*tls.Conn).NetConn().(*net.TCPConn) // below TLS, which would say goodbye
	if err := tcp.SetLinger(0); err != nil {         // close with RST
		panic(err)
	}
	tcp.Close()
}

// answerEnd closes the connection, or resets the stream of HTTP/2.
func answerEnd(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

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

func TestHostWithPort(t *testing.T) {
	s := newSite(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host+" "+r.TLS.ServerName) }))
	c := s.client(t)
	withPort := NewClient(Target{Host: siteName + ":8443", Address: s.Listener.Addr().String(), Roots: c.http1.config.RootCAs})
	defer withPort.Close()
	if got := hows["fresh 1"].mustGet(t, withPort); got != "example.com:8443 example.com" {
		t.Errorf("the server sees %q", got)
	}
}
