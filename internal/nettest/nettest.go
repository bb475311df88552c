// Package nettest has addresses for tests. Only tests import it.
package nettest

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// Refusing is an address of this computer that refuses connections while the test runs:
// the port is taken, and nobody listens. A port that was merely given back may be another
// test's by the time it is tried.
func Refusing(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	localhost := [4]byte{127, 0, 0, 1}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: localhost}); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(localhost), uint16(bound.(*unix.SockaddrInet4).Port))
}
