package lbagent

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// prober asks HAProxy. Every probe is a new TLS connection, since that is what
// can fail (accepting, threads, certificate) and since a kept one would stay with
// the old process after a reload; sessions are resumed, which saves nine tenths
// of the work. The connection of the last probe is held open: when HAProxy dies,
// the kernel closes it, and the agent knows within a millisecond.
type prober struct {
	config   Config
	timeout  time.Duration
	pressure string // see pressureFile
	tls      *tls.Config
	held     net.Conn
}

func newProber(config Config, timeout time.Duration) *prober {
	return &prober{config: config, timeout: timeout, pressure: pressureFile, tls: &tls.Config{
		ServerName: config.ServerName,
		// The question is whether this HAProxy serves, asked over the loopback. A
		// certificate that has run out is the same on every load balancer: moving
		// the addresses would cure nothing.
		InsecureSkipVerify: true,
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
		NextProtos:         []string{"http/1.1"},
	}}
}

// probe asks once. The channel it returns is closed when the connection, held
// until the next probe, ends before that; it is nil when there is none to hold.
func (p *prober) probe(ctx context.Context) (Outcome, <-chan struct{}, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	began := time.Now()
	before, unknown := waited(p.pressure)
	conn, reader, err := p.ask(ctx)
	p.close() // the one before: only now, so that there always is one
	if err != nil {
		after, stillUnknown := waited(p.pressure)
		known := unknown == nil && stillUnknown == nil // else this kernel does not tell
		return outcomeOf(err, known && starved(after-before, time.Since(began))), nil, err
	}
	p.held = conn
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		reader.ReadByte() // ends with the connection; there is nothing else to read
	}()
	return Served, ended, nil
}

// close ends the held connection.
func (p *prober) close() {
	if p.held != nil {
		p.held.Close()
		p.held = nil
	}
}

// ask opens a connection and asks over it. The reader is where the connection's
// end will be seen.
func (p *prober) ask(ctx context.Context) (net.Conn, *bufio.Reader, error) {
	dialer := tls.Dialer{Config: p.tls}
	conn, err := dialer.DialContext(ctx, "tcp", p.config.Address)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to HAProxy: %w", err)
	}
	reader := bufio.NewReader(conn)
	if err := p.converse(ctx, conn, reader); err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, reader, nil
}

func (p *prober) converse(ctx context.Context, conn net.Conn, reader *bufio.Reader) error {
	deadline, _ := ctx.Deadline()
	request, err := http.NewRequest(http.MethodGet, "https://"+p.config.ServerName+p.config.Path, nil)
	if err := errors.Join(err, conn.SetDeadline(deadline)); err != nil {
		return fmt.Errorf("ask HAProxy: %w", err)
	}
	if err := request.Write(conn); err != nil {
		return fmt.Errorf("ask HAProxy: %w", err)
	}
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return fmt.Errorf("read HAProxy's answer: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)); err != nil {
		return fmt.Errorf("read HAProxy's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HAProxy answers %s", response.Status)
	}
	return conn.SetDeadline(time.Time{}) // held without one
}

// outcomeOf says what an error of ask means on a computer that was, or was not, starved
// of processors meanwhile.
func outcomeOf(err error, starved bool) Outcome {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		if starved {
			return Busy
		}
		return Slow
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Broken
	default:
		return Slow
	}
}
