package load

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"scaleup/internal/drill/record"
)

// The frames of HTTP/2 that a misbehaving server needs (RFC 9113, section 6).
const (
	frameData      = 0x0
	frameHeaders   = 0x1
	frameRSTStream = 0x3
	frameSettings  = 0x4
	frameGoAway    = 0x7

	endStream = 0x1 // flag of the last frame of a request or an answer
)

// peer is a server's side of a connection of HTTP/2.
type peer struct {
	*tls.Conn
	t *testing.T
}

func (p peer) frame(kind, flags byte, stream uint32, payload ...byte) {
	header := []byte{0, byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	header = binary.BigEndian.AppendUint32(header, stream)
	if _, err := p.Write(append(header, payload...)); err != nil {
		p.t.Errorf("write a frame of type %d: %v", kind, err)
	}
}

func numbers(n ...uint32) []byte {
	var b []byte
	for _, v := range n {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func (p peer) answer(stream uint32) {
	const endHeaders, status200 = 0x4, 0x88
	p.frame(frameHeaders, endHeaders, stream, status200)
	p.frame(frameData, endStream, stream, []byte("ok")...)
}

func (p peer) goAway(last, code uint32) { p.frame(frameGoAway, 0, 0, numbers(last, code)...) }
func (p peer) reset(stream, code uint32) {
	p.frame(frameRSTStream, 0, stream, numbers(code)...)
}

// end closes the connection, without the RST that unread frames would cause.
func (p peer) end() {
	if p.CloseWrite() == nil {
		io.Copy(io.Discard, p)
	}
}

// serve calls request for each request until it returns false or the client has
// gone.
func (p peer) serve(request func(stream uint32) bool) {
	p.frame(frameSettings, 0, 0)
	if _, err := io.CopyN(io.Discard, p, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	defer p.end()
	for {
		header := make([]byte, 9)
		if _, err := io.ReadFull(p, header); err != nil {
			return
		}
		length := int64(header[0])<<16 | int64(header[1])<<8 | int64(header[2])
		if _, err := io.CopyN(io.Discard, p, length); err != nil {
			return
		}
		whole := header[4]&endStream != 0 && (header[3] == frameHeaders || header[3] == frameData)
		if whole && !request(binary.BigEndian.Uint32(header[5:])) {
			break
		}
	}
}

// Only what the server provably did not process is sent once more.
func TestHandedBack(t *testing.T) {
	const noError, internalError, calm = 0x0, 0x2, 0xb
	for _, c := range []struct {
		name     string
		bad      int // how many requests meet the failure
		fail     func(p peer, stream uint32) bool
		first    bool // of its connection
		outcome  record.Outcome
		word     string
		again    int
		requests int32 // that the server saw
	}{
		{"GOAWAY", 1, func(p peer, s uint32) bool { p.goAway(s-1, noError); return true }, false, record.OK, "", 1, 2},
		{"GOAWAY to the first", 1, func(p peer, s uint32) bool { p.goAway(0, noError); return true }, true, record.OK, "", 1, 2},
		{"GOAWAY in anger to the first", 1, func(p peer, s uint32) bool { p.goAway(0, calm); return true }, true, record.OK, "", 1, 2},
		{"GOAWAY, twice", 2, func(p peer, s uint32) bool { p.goAway(s-1, noError); return true }, false, record.Failed, "goaway", 1, 2},
		{"refused", 1, func(p peer, s uint32) bool { p.reset(s, refusedStream); return true }, false, record.OK, "", 1, 2},
		{"refused, twice", 2, func(p peer, s uint32) bool { p.reset(s, refusedStream); return true }, false, record.Failed, "refused stream", 1, 2},
		{"GOAWAY that includes it, and the end", 1, func(p peer, s uint32) bool { p.goAway(s, noError); return false }, false, record.Indeterminate, "goaway", 0, 1},
		{"reset", 1, func(p peer, s uint32) bool { p.reset(s, internalError); return true }, false, record.Indeterminate, "stream reset", 0, 1},
		{"the end", 1, func(peer, uint32) bool { return false }, false, record.Indeterminate, "eof", 0, 1},
	} {
		for _, name := range []string{"kept 2", "fresh 2"} {
			var failing, seen atomic.Int32
			client := rawSite(t, "h2", func(_ int, conn *tls.Conn) {
				p := peer{conn, t}
				p.serve(func(stream uint32) bool {
					seen.Add(1)
					if failing.Add(-1) >= 0 {
						return c.fail(p, stream)
					}
					p.answer(stream)
					return true
				})
			})
			if !c.first {
				hows[name].mustGet(t, client)
			}
			failing.Store(int32(c.bad))
			seen.Store(0)
			r, op, _ := hows[name].post(t, client)
			outcome, word := Classify(record.Write, r)
			if outcome != c.outcome || word != c.word || op.Again != c.again || seen.Load() != c.requests {
				t.Errorf("%s, %s: %v %q (%v), again %d, %d requests seen; want %v %q, %d, %d",
					c.name, name, outcome, word, r.Err, op.Again, seen.Load(), c.outcome, c.word, c.again, c.requests)
			}
		}
	}
}

// A connection may end when a place on it is taken already: nothing is sent then.
func TestConnectionEndsBeforeRequest(t *testing.T) {
	for _, c := range []struct {
		name string
		used bool
		end  func(p peer)
		text string
	}{
		{"GOAWAY", true, func(p peer) { p.goAway(1, 0) }, textUnusable},
		{"the end", true, func(p peer) { p.NetConn().Close() }, textUnusable},
		{"the end of a new one", false, func(p peer) { p.NetConn().Close() }, textUnused},
	} {
		leave := make(chan struct{})
		client := rawSite(t, "h2", func(_ int, conn *tls.Conn) {
			p := peer{conn, t}
			go func() {
				<-leave
				c.end(p)
			}()
			p.serve(func(stream uint32) bool { p.answer(stream); return true })
		})
		conn, err := client.http2.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		get := Request{Method: http.MethodGet}
		var body bytes.Buffer
		if c.used {
			if r := client.exchange(t.Context(), conn.ClientConn, get, &body); r.Err != nil {
				t.Fatal(r.Err)
			}
			if err := conn.Reserve(); err != nil {
				t.Fatal(err)
			}
		}
		close(leave)
		// GOAWAY calls no hook: it has to be asked for.
		for deadline := time.Now().Add(ample); conn.Err() == nil && conn.Available() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: the connection did not end", c.name)
			}
		}
		r := client.exchange(t.Context(), conn.ClientConn, get, &body)
		if r.Reach != Ready || r.Err == nil || r.Err.Error() != c.text || word(r.Reach, r.Err) != "closed" {
			t.Errorf("%s: %+v, want %q before anything was sent", c.name, r, c.text)
		}
	}
}
