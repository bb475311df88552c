package inspect

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"scaleup/internal/nettest"
)

func TestOutcomeOf(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, "open"},
		{dial(syscall.ECONNREFUSED), "refused"},
		{dial(syscall.ETIMEDOUT), "silent"},
		{&net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}, "silent"},
		{&net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}, "silent"},
		{dial(syscall.EHOSTUNREACH), "no route to host"},
		{dial(syscall.ENETUNREACH), "network is unreachable"},
		{errors.New("something else"), "something else"},
	} {
		if got := outcomeOf(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

func TestProbe(t *testing.T) {
	at := func(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	closed := nettest.Refusing(t)
	got := probe(t.Context(), []Probe{{To: closed}, {To: at(open)}})
	want := []Outcome{{To: closed, What: "refused"}, {To: at(open), What: "open"}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%v, want %v", got, want)
	}
}
