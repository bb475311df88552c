package fault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scaleup/internal/resource"
)

// Addresses of the network that the tests make: nobody else is on it.
const (
	ownAddress  = "192.0.2.1"
	peerAddress = "192.0.2.11"
)

// network is a network of two, in namespaces that end with the test: the server,
// which is the test's thread, and a peer, which is a process that only waits.
type network struct {
	t    *testing.T
	peer string // its process number
	icmp int
	sent uint16
}

// newNetwork puts the test's thread into a network namespace of its own. The thread
// is never given back, and ends with the test's goroutine.
func newNetwork(t *testing.T) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: a network namespace of its own")
	}
	for _, tool := range []string{"nft", "tc", "ip", "unshare", "nsenter"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs a network namespace of its own: %v", err)
	}
	n := &network{t: t}
	n.startPeer()
	n.run("ip", "link", "set", "lo", "up")
	n.run("ip", "link", "add", "srv0", "type", "veth", "peer", "name", "peer0", "netns", n.peer)
	n.run("ip", "address", "add", ownAddress+"/24", "dev", "srv0")
	n.run("ip", "link", "set", "srv0", "up")
	n.atPeer("ip", "address", "add", peerAddress+"/24", "dev", "peer0")
	n.atPeer("ip", "link", "set", "peer0", "up")
	var err error
	n.icmp, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	must(t, err)
	t.Cleanup(func() { unix.Close(n.icmp) })
	// Hundreds of answers come before the first is read.
	must(t, unix.SetsockoptInt(n.icmp, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20))
	for began := time.Now(); n.answers(1, 50*time.Millisecond) == 0; {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the two of the network do not reach each other")
		}
	}
	return n
}

// startPeer starts a process that waits for the end of its standard input.
func (n *network) startPeer() {
	n.t.Helper()
	cmd := exec.Command("unshare", "--net", "cat")
	in, err := cmd.StdinPipe()
	must(n.t, err)
	out, err := cmd.StdoutPipe()
	must(n.t, err)
	must(n.t, cmd.Start())
	n.t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			n.t.Errorf("the peer: %v", err)
		}
	})
	// It is in its namespace when it echoes.
	_, err = in.Write([]byte("x"))
	must(n.t, err)
	_, err = out.Read(make([]byte, 1))
	must(n.t, err)
	n.peer = strconv.Itoa(cmd.Process.Pid)
}

func (n *network) run(argv ...string) string {
	n.t.Helper()
	out, err := resource.Host().Run(n.t.Context(), resource.Command{Argv: argv})
	must(n.t, err)
	return string(out)
}

func (n *network) atPeer(argv ...string) string {
	n.t.Helper()
	return n.run(append([]string{"nsenter", "--target", n.peer, "--net"}, argv...)...)
}

// place is the server with its real kernel; its files are the test's.
func (n *network) place(lease time.Duration) Place {
	return Place{System: resource.System{Root: n.t.TempDir(), Run: resource.Host().Run}, ID: "one", Lease: lease}
}

// answers sends echo requests to the peer and counts the answers that come until
// there is silence for a while.
func (n *network) answers(requests int, silence time.Duration) int {
	n.t.Helper()
	limit := unix.NsecToTimeval(silence.Nanoseconds())
	must(n.t, unix.SetsockoptTimeval(n.icmp, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit))
	first := n.sent
	for range requests {
		n.request()
	}
	count := 0
	for packet := make([]byte, 128); count < requests; {
		size, _, err := unix.Recvfrom(n.icmp, packet, 0)
		if errors.Is(err, unix.EAGAIN) {
			return count
		}
		if errors.Is(err, unix.EINTR) {
			continue
		}
		must(n.t, err)
		// Behind the IP header: type 0 is an answer; then the sequence number.
		if size >= 28 && packet[20] == 0 && binary.BigEndian.Uint16(packet[26:])-first < uint16(requests) {
			count++
		}
	}
	return count
}

// request sends one echo request (RFC 792). A rule that drops it makes sendto fail
// with EPERM, which is the effect wanted.
func (n *network) request() {
	n.t.Helper()
	message := make([]byte, 8)
	message[0] = 8
	binary.BigEndian.PutUint16(message[6:], n.sent)
	sum := uint32(8)<<8 + uint32(n.sent)
	binary.BigEndian.PutUint16(message[2:], ^uint16(sum+sum>>16))
	n.sent++
	to := &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 11}}
	if err := unix.Sendto(n.icmp, message, 0, to); err != nil && !errors.Is(err, unix.EPERM) {
		n.t.Fatal(fmt.Errorf("send an echo request: %w", err))
	}
}
