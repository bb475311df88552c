package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
)

// dialer opens the connections of one HTTP version. The transport is there for
// NewClientConn only: its RoundTrip would send requests again on its own account.
type dialer struct {
	proto     uint8  // 1 or 2
	address   string // IP:port, whatever the URL says
	config    *tls.Config
	transport *http.Transport
}

// newDialer offers one HTTP version and takes no other.
func newDialer(address string, config *tls.Config, proto uint8) *dialer {
	config = config.Clone()
	d := &dialer{proto: proto, address: address, config: config, transport: &http.Transport{
		Protocols:          new(http.Protocols),
		DisableCompression: true, // a compressed body is neither what was asked for nor comparable
	}}
	if proto == 2 {
		config.NextProtos = []string{"h2"}
		d.transport.Protocols.SetHTTP2(true)
	} else {
		config.NextProtos = []string{"http/1.1"}
		d.transport.Protocols.SetHTTP1(true)
	}
	d.transport.DialTLSContext = d.dial
	return d
}

// reachedError is a connection that did not come about.
type reachedError struct {
	reach Reach // Connecting or Securing
	err   error
}

func (e *reachedError) Error() string { return e.err.Error() }
func (e *reachedError) Unwrap() error { return e.err }

// reached is how far a connection had come that could not be opened.
func reached(err error) Reach {
	if e, ok := errors.AsType[*reachedError](err); ok {
		return e.reach
	}
	return Ready // HTTP/2's preface was not sent
}

// link is a new connection.
type link struct {
	*http.ClientConn
	wire
}

// open opens a connection.
func (d *dialer) open(ctx context.Context) (link, error) {
	var l link
	conn, err := d.transport.NewClientConn(context.WithValue(ctx, wireKey{}, &l.wire), "https", d.address)
	l.ClientConn = conn
	return l, err
}

// wireKey is where open gets the wire of what dial connected: ClientConn does not
// show it.
type wireKey struct{}

func (d *dialer) dial(ctx context.Context, _, address string) (net.Conn, error) {
	tcp, secured, err := d.handshake(ctx, address)
	if err != nil {
		return nil, err
	}
	w := ctx.Value(wireKey{}).(*wire)
	if w.control, err = tcp.SyscallConn(); err != nil {
		tcp.Close()
		return nil, &reachedError{Securing, fmt.Errorf("watch a new connection: %w", err)}
	}
	if d.proto == 2 {
		if got := secured.ConnectionState().NegotiatedProtocol; got != "h2" {
			tcp.Close()
			return nil, &reachedError{Securing, fmt.Errorf("the server does not offer HTTP/2 but %q", got)}
		}
		return secured, nil
	}
	w.written = new(atomic.Int64)
	return &counted{secured, w.written}, nil
}

// handshake connects to one address, without another to fall back to: that would be
// a retry. Keep-alive probes are off, as a connection is watched by using it.
func (d *dialer) handshake(ctx context.Context, address string) (*net.TCPConn, *tls.Conn, error) {
	plain := net.Dialer{FallbackDelay: -1, KeepAlive: -1}
	conn, err := plain.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, nil, &reachedError{Connecting, err}
	}
	secured := tls.Client(conn, d.config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, nil, &reachedError{Securing, err}
	}
	return conn.(*net.TCPConn), secured, nil
}
