package remote

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Path is what became of packets to another server: ICMP echo requests that may not be
// taken apart on the way, one as large as the interface sends and a small one beside it.
type Path struct {
	To    netip.Addr `json:"to"`
	Small bool       `json:"small"` // one of them was answered; if not, nothing can be said of the path
	Whole bool       `json:"whole"` // the large one was answered
}

// An unanswered echo request is sent again: a packet filter may let few of them pass at
// a time, as scaleup's own does.
const (
	echoRounds = 4
	echoRound  = 150 * time.Millisecond
)

const (
	icmpEchoReply   = 0
	icmpEchoRequest = 8
	icmpHeader      = 8
	ipHeader        = 20
	smallEcho       = 56    // bytes of data, as ping sends
	largestIP       = 65535 // bytes of an IP packet, where the MTU is larger
)

// probePaths sends echo requests from one of this server's addresses.
func probePaths(ctx context.Context, from netip.Addr, mtu int, to []netip.Addr) ([]Path, error) {
	conn, err := net.ListenIP("ip4:icmp", &net.IPAddr{IP: from.AsSlice()})
	if err != nil {
		return nil, fmt.Errorf("send echo requests: %w", err)
	}
	defer conn.Close()
	if err := keepWhole(conn); err != nil {
		return nil, fmt.Errorf("send echo requests: %w", err)
	}
	e := &echoes{conn: conn, id: uint16(os.Getpid()), large: min(mtu, largestIP) - ipHeader - icmpHeader}
	for _, a := range to {
		e.paths = append(e.paths, Path{To: a})
	}
	for round := range echoRounds {
		if err := e.send(round > 0); err != nil {
			return nil, err
		}
		if err := e.receive(ctx); err != nil || e.done() {
			return e.paths, err
		}
	}
	return e.paths, nil
}

// keepWhole forbids routers and this kernel to take packets apart, and the kernel to
// make them smaller by what it has learned of a path.
func keepWhole(conn syscall.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
	})
	return errors.Join(err, failed)
}

// echoes are the requests of one probe; a request's number tells path and size.
type echoes struct {
	conn  *net.IPConn
	id    uint16
	large int // bytes of data
	paths []Path
}

// send asks again what has not been answered. The first time it sends large ones only:
// where those arrive, there is nothing more to ask.
func (e *echoes) send(both bool) error {
	for i, p := range e.paths {
		for large, settled := range []bool{p.Small || !both, p.Whole} {
			if settled {
				continue
			}
			size := smallEcho
			if large == 1 {
				size = e.large
			}
			_, err := e.conn.WriteToIP(echoRequest(e.id, uint16(2*i+large), size), &net.IPAddr{IP: p.To.AsSlice()})
			// A server that is gone, or a path that is known to be narrow, is an answer.
			if err != nil && !errors.Is(err, unix.EMSGSIZE) && !errors.Is(err, unix.EHOSTUNREACH) && !errors.Is(err, unix.ENETUNREACH) {
				return fmt.Errorf("send an echo request to %s: %w", p.To, err)
			}
		}
	}
	return nil
}

// receive takes answers until all are there, the round is over or ctx ends.
func (e *echoes) receive(ctx context.Context) error {
	until := time.Now().Add(echoRound)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	if err := e.conn.SetReadDeadline(until); err != nil {
		return err
	}
	buffer := make([]byte, largestIP)
	for !e.done() {
		n, from, err := e.conn.ReadFromIP(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("read answers to echo requests: %w", err)
		}
		address, _ := netip.AddrFromSlice(from.IP)
		e.take(address.Unmap(), buffer[:n])
	}
	return nil
}

// take notes an answer; others' packets count for nothing.
func (e *echoes) take(from netip.Addr, message []byte) {
	if len(message) < icmpHeader || message[0] != icmpEchoReply || binary.BigEndian.Uint16(message[4:]) != e.id {
		return
	}
	number := int(binary.BigEndian.Uint16(message[6:]))
	if number/2 >= len(e.paths) || e.paths[number/2].To != from {
		return
	}
	p := &e.paths[number/2]
	if number%2 == 0 {
		p.Small = true
	} else if len(message) == icmpHeader+e.large {
		p.Small, p.Whole = true, true
	}
}

func (e *echoes) done() bool {
	for _, p := range e.paths {
		if !p.Whole {
			return false
		}
	}
	return true
}

// echoRequest is an ICMP message with its checksum (RFC 792).
func echoRequest(id, number uint16, size int) []byte {
	m := make([]byte, icmpHeader+size)
	m[0] = icmpEchoRequest
	binary.BigEndian.PutUint16(m[4:], id)
	binary.BigEndian.PutUint16(m[6:], number)
	var sum uint32
	for i := 0; i < len(m); i += 2 {
		sum += uint32(m[i]) << 8
		if i+1 < len(m) {
			sum += uint32(m[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(m[2:], ^uint16(sum))
	return m
}
