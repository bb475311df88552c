package remote

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	loopback1 = netip.MustParseAddr("127.0.0.1")
	loopback2 = netip.MustParseAddr("127.0.0.2")
	loopback3 = netip.MustParseAddr("127.0.0.3")
)

// needRaw skips where raw sockets are for root and this is not.
func needRaw(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, os.ErrPermission) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestProbePathsOverLoopback(t *testing.T) {
	mtu, err := mtuOf(loopback1)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := probePaths(t.Context(), loopback1, mtu, []netip.Addr{loopback2, loopback3})
	needRaw(t, err)
	want := []Path{{To: loopback2, Small: true, Whole: true}, {To: loopback3, Small: true, Whole: true}}
	if diff := cmp.Diff(want, paths, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

// A packet that does not fit through an interface is not answered, and is no error. The
// interface is one of a network of the test's own, where it can be made small.
func TestProbePathsTooLarge(t *testing.T) {
	const mtu = 1500
	if os.Getenv("ECHO_CHILD") == "" {
		small := exec.Command("unshare", "--net", "sh", "-c", fmt.Sprintf(`ip link set lo mtu %d up && exec "$0" -test.v -test.run "^$1$"`, mtu), os.Args[0], t.Name())
		small.Env = append(os.Environ(), "ECHO_CHILD=1")
		out, err := small.CombinedOutput()
		if strings.Contains(string(out), "Operation not permitted") {
			t.Skipf("a network of its own is not allowed here: %s", out)
		}
		if err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	for size, want := range map[int]Path{
		mtu:     {To: loopback2, Small: true, Whole: true},
		mtu + 1: {To: loopback2, Small: true},
	} {
		paths, err := probePaths(t.Context(), loopback1, size, []netip.Addr{loopback2})
		needRaw(t, err)
		if paths[0] != want {
			t.Errorf("%d bytes: %+v", size, paths[0])
		}
	}
}

func TestEchoTake(t *testing.T) {
	reply := func(id, number uint16, size int) []byte {
		m := echoRequest(id, number, size)
		m[0] = icmpEchoReply
		return m
	}
	request := echoRequest(7, 0, smallEcho)
	for _, c := range []struct {
		name         string
		from         netip.Addr
		message      []byte
		small, whole bool
	}{
		{"the small one", loopback2, reply(7, 0, smallEcho), true, false},
		{"the large one", loopback2, reply(7, 1, 1472), true, true},
		{"the large one cut short", loopback2, reply(7, 1, 1000), false, false},
		{"of another program", loopback2, reply(8, 0, smallEcho), false, false},
		{"of another server", loopback3, reply(7, 0, smallEcho), false, false},
		{"a number that was not sent", loopback2, reply(7, 2, smallEcho), false, false},
		{"a request", loopback2, request, false, false},
		{"too short", loopback2, []byte{0, 0}, false, false},
	} {
		e := &echoes{id: 7, large: 1472, paths: []Path{{To: loopback2}}}
		e.take(c.from, c.message)
		if p := e.paths[0]; p.Small != c.small || p.Whole != c.whole {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}

// The sum over a message with its checksum is all ones (RFC 1071).
func TestEchoChecksum(t *testing.T) {
	for _, size := range []int{56, 1471, 1472} {
		m := append(echoRequest(0xabcd, 3, size), 0)
		var sum uint32
		for i := 0; i+1 < len(m); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(m[i:]))
		}
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		if sum != 0xffff {
			t.Errorf("%d bytes: %#x", size, sum)
		}
	}
}
