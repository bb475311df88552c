package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"

	"scaleup/internal/drill/record"
)

// Target is where requests go.
type Target struct {
	Host    string         // the site's name: in the Host header, for TLS, and in the certificate
	Address string         // IP:port that is dialled, whatever Host resolves to
	Roots   *x509.CertPool // who may have signed the certificate
}

// Client sends requests over connections it owns, each of them once: Go's usual
// client sends some again when a kept connection breaks, which would hide the very
// failures that a drill looks for.
type Client struct {
	host  string
	http1 *dialer
	http2 *dialer
	kept1 kept1
	kept2 kept2
}

// userAgent is how the drill's requests are known in the servers' logs.
const userAgent = "scaleup-drill"

// NewClient makes a client. Nothing is dialled before the first request.
func NewClient(t Target) *Client {
	name := t.Host
	if host, _, err := net.SplitHostPort(t.Host); err == nil {
		name = host
	}
	config := &tls.Config{
		ServerName: name,
		RootCAs:    t.Roots,
		MinVersion: tls.VersionTLS12, // as the load balancers
		// As browsers do: a fresh connection takes up the session of an earlier one.
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
		// Unlike browsers: no post-quantum key exchange beside the usual one. It says
		// nothing about failures, and takes the processor a third more time
		// (BenchmarkGenerator), which in a lab is the site's, too.
		CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
	}
	return &Client{host: t.Host, http1: newDialer(t.Address, config, 1), http2: newDialer(t.Address, config, 2)}
}

// Close closes the kept connections: the idle ones now, the others as they become
// so.
func (c *Client) Close() {
	c.kept1.close()
	c.kept2.close()
}

// Request is what is sent.
type Request struct {
	Method string
	URL    url.URL // path and query
	JSON   []byte  // the body; nil: none
}

// most is the largest body that is read.
const most = 16 << 20

var errTooLarge = errors.New("body larger than 16 MiB")

// Do sends one request as op.Fresh and op.Proto (1 or 2) say, reads the body of the
// answer into body, and fills in all of Reply that HTTP knows. It may send a request of
// HTTP/2 once more, over another connection, when the server provably did not
// process it, and counts that in op.Again.
func (c *Client) Do(ctx context.Context, op *record.Op, q Request, body *bytes.Buffer) Reply {
	if op.Proto == 1 {
		return c.do1(ctx, op.Fresh, q, body)
	}
	r := c.do2(ctx, op.Fresh, q, body)
	if r.Reach == Returned && ctx.Err() == nil {
		op.Again++
		r = c.do2(ctx, op.Fresh, q, body)
	}
	return r
}

// do1 sends a request over HTTP/1.1. When nothing of it could be written to a kept
// connection, that had died in the last instant, and the next one is taken: this is
// the first sending still.
func (c *Client) do1(ctx context.Context, fresh bool, q Request, body *bytes.Buffer) Reply {
	for !fresh {
		l := c.kept1.take()
		if l == nil {
			break
		}
		r := c.use1(ctx, l, q, body)
		if r.Reach != Ready || ctx.Err() != nil {
			return r
		}
	}
	conn, err := c.http1.open(ctx)
	if err != nil {
		return Reply{Reach: reached(err), Err: err}
	}
	if fresh {
		defer conn.Close()
		return c.exchange1(ctx, conn, q, body)
	}
	return c.use1(ctx, &link1{link: conn}, q, body)
}

// use1 sends a request over a connection, and keeps that if it can.
func (c *Client) use1(ctx context.Context, l *link1, q Request, body *bytes.Buffer) Reply {
	r := c.exchange1(ctx, l.link, q, body)
	if r.Err != nil || l.Available() == 0 {
		l.Close()
	} else {
		c.kept1.put(l)
	}
	return r
}

// exchange1 is exchange where it is known whether anything was written: net/http
// reports a failure only when its writer has ended.
func (c *Client) exchange1(ctx context.Context, l link, q Request, body *bytes.Buffer) Reply {
	before := l.written.Load()
	r := c.exchange(ctx, l.ClientConn, q, body)
	if r.Status == 0 && l.written.Load() == before {
		r.Reach = Ready
	}
	return r
}

// do2 sends a request over HTTP/2, likewise.
func (c *Client) do2(ctx context.Context, fresh bool, q Request, body *bytes.Buffer) Reply {
	for !fresh {
		l := c.kept2.take()
		if l == nil {
			break
		}
		r := c.use2(ctx, l, q, body)
		if r.Reach != Ready || ctx.Err() != nil {
			return r
		}
	}
	conn, err := c.http2.open(ctx)
	if err != nil {
		return Reply{Reach: reached(err), Err: err}
	}
	if fresh {
		defer conn.Close()
		return c.exchange(ctx, conn.ClientConn, q, body)
	}
	l, err := c.kept2.add(conn)
	if err != nil {
		return Reply{Reach: Ready, Err: err}
	}
	return c.use2(ctx, l, q, body)
}

func (c *Client) use2(ctx context.Context, l *link2, q Request, body *bytes.Buffer) Reply {
	r := c.exchange(ctx, l.ClientConn, q, body)
	c.kept2.release(l, ctx.Err() != nil)
	return r
}

// exchange sends a request over one connection. ClientConn.RoundTrip never sends
// anything twice, for either version.
func (c *Client) exchange(ctx context.Context, conn *http.ClientConn, q Request, body *bytes.Buffer) Reply {
	answer, err := conn.RoundTrip(c.request(ctx, q))
	if err != nil {
		r := Reply{Reach: Sent, Err: err}
		switch {
		case unsent(err):
			r.Reach = Ready
		case returned(err):
			r.Reach = Returned
		}
		return r
	}
	defer answer.Body.Close() // has been read, or the connection is given up
	r := Reply{
		Reach: Sent, Status: answer.StatusCode,
		Cache: answer.Header.Get(headerCache), Unserved: answer.Header.Get(headerUnserved) == "1",
	}
	body.Reset()
	n, err := body.ReadFrom(io.LimitReader(answer.Body, most+1))
	switch {
	case err != nil:
		r.Err = err
	case n > most:
		r.Err = errTooLarge
	default:
		// Giving up makes some servers answer something yet, before the connection
		// is closed. Nobody waits for that any more.
		r.Err = ctx.Err()
	}
	return r
}

// Headers are shared by all requests: a round trip changes none.
var (
	readHeader  = http.Header{"User-Agent": {userAgent}}
	writeHeader = http.Header{"User-Agent": {userAgent}, "Content-Type": {"application/json"}}
)

func (c *Client) request(ctx context.Context, q Request) *http.Request {
	q.URL.Scheme, q.URL.Host = "https", c.host
	r := &http.Request{Method: q.Method, URL: &q.URL, Host: c.host, Header: readHeader}
	if q.JSON != nil {
		// Without GetBody, nothing below could send it a second time even if it would.
		r.Header, r.Body, r.ContentLength = writeHeader, io.NopCloser(bytes.NewReader(q.JSON)), int64(len(q.JSON))
	}
	return r.WithContext(ctx)
}
