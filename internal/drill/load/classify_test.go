package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"scaleup/internal/drill/record"
)

// opError wraps an error as the net package does.
func opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 77, 0, 10), Port: 443}, Err: os.NewSyscallError(op, err)}
}

var (
	errRefused = opError("connect", syscall.ECONNREFUSED)
	errReset   = opError("read", syscall.ECONNRESET)
)

func TestClassify(t *testing.T) {
	const (
		read    = "read"
		api     = "api"
		write   = "write"
		ok      = record.OK
		stale   = record.Stale
		failed  = record.Failed
		unknown = record.Indeterminate
		unsent  = record.Unsent
	)
	classes := map[string][]record.Class{read: {record.Static, record.Page, record.API}, api: {record.API}, write: {record.Write, record.SQL}, "page": {record.Static, record.Page}}
	late := context.DeadlineExceeded
	for _, c := range []struct {
		class string
		reply Reply
		want  record.Outcome
		word  string
	}{
		{read, Reply{Reach: Sent, Status: 200}, ok, ""},
		{read, Reply{Reach: Sent, Status: 200, Wrong: true}, failed, "wrong body"},
		{read, Reply{Reach: Sent, Status: 200, Err: io.ErrUnexpectedEOF}, failed, "eof"},
		{read, Reply{Reach: Sent, Status: 204}, failed, "204"},
		{read, Reply{Reach: Sent, Status: 308}, failed, "308"},
		{read, Reply{Reach: Sent, Status: 404}, failed, "404"},
		{read, Reply{Reach: Sent, Status: 502, Wrong: true}, failed, "502"},
		{read, Reply{Reach: Sent, Status: 503}, failed, "503"},
		{read, Reply{Reach: Sent, Status: 503, Unserved: true}, failed, "503 unserved"},
		{read, Reply{Reach: Connecting, Err: errRefused}, failed, "refused"},
		{read, Reply{Reach: Connecting, Err: late}, failed, "connect timeout"},
		{read, Reply{Reach: Securing, Err: late}, failed, "tls timeout"},
		{read, Reply{Reach: Sent, Err: late}, failed, "timeout"},
		{read, Reply{Reach: Sent, Err: errReset}, failed, "reset"},
		{read, Reply{Reach: Connecting, Err: opError("connect", syscall.EADDRNOTAVAIL)}, unsent, "no ports"},

		{"page", Reply{Reach: Sent, Status: 200, Cache: "HIT"}, ok, ""},
		{"page", Reply{Reach: Sent, Status: 200, Cache: "STALE"}, stale, ""},
		{"page", Reply{Reach: Sent, Status: 200, Cache: "STALE", Lately: true}, ok, ""},
		{"page", Reply{Reach: Sent, Status: 200, Cache: "UPDATING"}, stale, ""},
		{"page", Reply{Reach: Sent, Status: 200, Cache: "UPDATING", Lately: true}, ok, ""},
		{"page", Reply{Reach: Sent, Status: 200, Cache: "STALE", Wrong: true}, failed, "wrong body"},
		{"page", Reply{Reach: Sent, Status: 500, Cache: "STALE"}, failed, "500"},
		{api, Reply{Reach: Sent, Status: 200, Cache: "MISS"}, ok, ""},
		{api, Reply{Reach: Sent, Status: 200, Cache: "BYPASS"}, ok, ""},
		{api, Reply{Reach: Sent, Status: 200, Cache: "HIT"}, failed, "cached"},
		{api, Reply{Reach: Sent, Status: 200, Cache: "STALE"}, failed, "cached"},
		{api, Reply{Reach: Sent, Status: 200, Cache: "UPDATING", Lately: true}, failed, "cached"},

		{write, Reply{Reach: Sent, Status: 201}, ok, ""},
		{write, Reply{Reach: Sent, Status: 200}, ok, ""},
		{write, Reply{Reach: Sent, Status: 201, Wrong: true}, unknown, "wrong body"},
		{write, Reply{Reach: Sent, Status: 201, Err: errReset}, unknown, "reset"},
		{write, Reply{Reach: Sent, Status: 202}, unknown, "202"},
		{write, Reply{Reach: Sent, Status: 308}, unknown, "308"},
		{write, Reply{Reach: Sent, Status: 400, Wrong: true}, failed, "400"},
		{write, Reply{Reach: Sent, Status: 409, Wrong: true}, failed, "409"},
		{write, Reply{Reach: Sent, Status: 429, Wrong: true}, failed, "429"},
		{write, Reply{Reach: Sent, Status: 404, Err: io.ErrUnexpectedEOF}, failed, "eof"},
		{write, Reply{Reach: Sent, Status: 500, Code: "internal"}, unknown, "500"},
		{write, Reply{Reach: Sent, Status: 502}, unknown, "502"},
		{write, Reply{Reach: Sent, Status: 502, Unserved: true, Code: "unavailable"}, unknown, "502"},
		{write, Reply{Reach: Sent, Status: 503}, unknown, "503"},
		{write, Reply{Reach: Sent, Status: 503, Code: "busy"}, unknown, "503"},
		{write, Reply{Reach: Sent, Status: 503, Unserved: true}, failed, "503 unserved"},
		{write, Reply{Reach: Sent, Status: 503, Code: "unavailable"}, failed, "503 unavailable"},
		{write, Reply{Reach: Sent, Status: 503, Code: "in_doubt"}, unknown, "503 in doubt"},
		{write, Reply{Reach: Sent, Status: 504}, unknown, "504"},
		{write, Reply{Reach: Connecting, Err: errRefused}, failed, "refused"},
		{write, Reply{Reach: Connecting, Err: opError("connect", syscall.EHOSTUNREACH)}, failed, "unreachable"},
		{write, Reply{Reach: Connecting, Err: late}, failed, "connect timeout"},
		{write, Reply{Reach: Securing, Err: late}, failed, "tls timeout"},
		{write, Reply{Reach: Securing, Err: errReset}, failed, "tls reset"},
		{write, Reply{Reach: Ready, Err: errReset}, failed, "reset"},
		{write, Reply{Reach: Returned, Err: errors.New(textGoAway)}, failed, "goaway"},
		{write, Reply{Reach: Sent, Err: errors.New(textGone + "; LastStreamID=1")}, unknown, "goaway"},
		{write, Reply{Reach: Sent, Err: late}, unknown, "timeout"},
		{write, Reply{Reach: Sent, Err: errReset}, unknown, "reset"},
		{write, Reply{Reach: Sent, Err: io.EOF}, unknown, "eof"},
		{write, Reply{Reach: Sent, Err: errors.New("malformed HTTP response")}, unknown, "malformed HTTP response"},
		{write, Reply{Reach: Connecting, Err: opError("socket", syscall.EMFILE)}, unsent, "no files"},
	} {
		for _, class := range classes[c.class] {
			if got, word := Classify(class, c.reply); got != c.want || word != c.word {
				t.Errorf("%v %+v: %v %q, want %v %q", class, c.reply, got, word, c.want, c.word)
			}
		}
	}
}

func TestWord(t *testing.T) {
	long := errors.New("an error with a text that is far longer than a word or two, gräßlich")
	for _, c := range []struct {
		reach Reach
		err   error
		want  string
	}{
		{Connecting, opError("connect", syscall.ETIMEDOUT), "connect timeout"},
		{Connecting, opError("connect", syscall.ENETUNREACH), "unreachable"},
		{Connecting, opError("connect", syscall.ENOBUFS), "no buffer space available"},
		{Securing, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "certificate"},
		{Securing, opError("remote error", errors.New("tls: handshake failure")), "tls"},
		{Securing, io.EOF, "tls eof"},
		{Sent, opError("write", syscall.EPIPE), "reset"},
		{Sent, opError("read", os.ErrDeadlineExceeded), "timeout"},
		{Sent, fmt.Errorf("read the body: %w", context.Canceled), "canceled"},
		{Sent, fmt.Errorf("write: %w", net.ErrClosed), "closed"},
		{Sent, streamError{Code: 2}, "stream reset"},
		{Returned, streamError{Code: refusedStream}, "refused stream"},
		{Sent, errTooLarge, "body larger than 16 MiB"},
		{Sent, opError("read", long), "an error with a text that is far longer "},
	} {
		if got := word(c.reach, c.err); got != c.want {
			t.Errorf("%d %v: %q, want %q", c.reach, c.err, got, c.want)
		}
	}
}
