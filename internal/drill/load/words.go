package load

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"unique"
)

// word says in a word or two why a request has no complete answer. There are a few
// words only, so that a report can count them.
func word(reach Reach, err error) string {
	if _, bad := errors.AsType[*tls.CertificateVerificationError](err); bad {
		return "certificate"
	}
	why := cause(err)
	switch {
	case reach == Connecting && why == "timeout":
		return "connect timeout"
	case reach == Securing && why == "timeout":
		return "tls timeout"
	case reach == Securing && why == "reset":
		return "tls reset"
	case reach == Securing && why == "eof":
		return "tls eof"
	case reach == Securing:
		return "tls"
	}
	return why
}

// Texts of errors that net/http does not export. A test holds each against the real
// thing.
const (
	textGoAway      = "http2: Transport received Server's graceful shutdown GOAWAY" // below the last stream of a GOAWAY
	textFirstGoAway = "http2: Transport received GOAWAY from server"                // the same for the first request of a connection
	textGone        = "http2: server sent GOAWAY and closed the connection"         // it may have been processed
	textUnusable    = "http2: client conn not usable"                               // closed, or GOAWAY came, before the request went
	textUnused      = "http2: client conn could not be established"                 // the same for the first request of a connection
	textIdleClosed  = "http: server closed idle connection"
)

// streamError has the fields of net/http's own HTTP/2 stream error, which is not
// exported but fills any structure with these fields (errors.As).
type streamError struct {
	StreamID uint32
	Code     uint32 // RFC 9113, section 7
	Cause    error
}

func (e streamError) Error() string { return "HTTP/2 stream error " + strconv.Itoa(int(e.Code)) }

// refusedStream is HTTP/2's REFUSED_STREAM: nothing of the request was processed
// (RFC 9113, section 8.7).
const refusedStream = 0x7

// returned reports whether HTTP/2 handed the request back: it was provably not
// processed, and may be sent again over another connection.
func returned(err error) bool {
	if e, ok := errors.AsType[streamError](err); ok {
		return e.Code == refusedStream
	}
	return err.Error() == textGoAway || strings.HasPrefix(err.Error(), textFirstGoAway)
}

// unsent reports whether HTTP/2 wrote nothing of the request, as the connection had
// ended before.
func unsent(err error) bool { return err.Error() == textUnusable || err.Error() == textUnused }

// ours reports whether the error is about this computer, which ran out of
// something, and says nothing about the site.
func ours(err error) bool {
	switch errno(err) {
	case syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.EADDRINUSE, syscall.ENOBUFS, syscall.ENOMEM:
		return true
	}
	return false
}

// errno is the system's error at the bottom of err, or 0.
func errno(err error) syscall.Errno {
	e, _ := errors.AsType[syscall.Errno](err)
	return e
}

func cause(err error) string {
	if e, ok := errors.AsType[streamError](err); ok {
		if e.Code == refusedStream {
			return "refused stream"
		}
		return "stream reset"
	}
	switch errno(err) {
	case syscall.ECONNREFUSED:
		return "refused"
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE:
		return "reset"
	case syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN:
		return "unreachable"
	case syscall.EMFILE, syscall.ENFILE:
		return "no files"
	case syscall.EADDRNOTAVAIL, syscall.EADDRINUSE:
		return "no ports"
	}
	timeout, ok := errors.AsType[net.Error](err)
	text := err.Error()
	switch {
	case ok && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, net.ErrClosed), unsent(err):
		return "closed"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), text == textIdleClosed:
		return "eof"
	case returned(err), strings.HasPrefix(text, textGone):
		return "goaway"
	}
	return innermost(err)
}

// innermost is the text of the error at the bottom, without the addresses and ports
// above it, for what has no word of its own.
func innermost(err error) string {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	const enough = 40 // bytes: to recognise it; and a line of ops.jsonl stays short
	text := err.Error()
	// Interned: an outage of an hour has a million of them.
	return unique.Make(strings.ToValidUTF8(text[:min(len(text), enough)], "")).Value()
}

// statusWord is why an answer that arrived was no good, by its status.
func statusWord(r Reply) string {
	if r.Status == http.StatusServiceUnavailable {
		switch {
		case r.Unserved:
			return wordUnserved
		case r.Code == codeUnavailable:
			return wordUnavailable
		case r.Code == codeInDoubt:
			return wordInDoubt
		}
	}
	return unique.Make(strconv.Itoa(r.Status)).Value()
}
