package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// VRRPAsk lets a load balancer listen for packets of VRRP (IP protocol 112) for 2 s at
// most. With Send it sends some, too, so that two which are asked at the same time find
// out whether they hear each other before keepalived runs.
type VRRPAsk struct {
	Hear []netip.Addr `json:"hear"`
	Send bool         `json:"send,omitempty"` // to each of Hear
}

const (
	protocolVRRP = 112
	vrrpLimit    = 2 * time.Second
	vrrpEvery    = 50 * time.Millisecond // between two packets to one server
	// vrrpFarewell is how many more packets tell the others that they were heard.
	vrrpFarewell = 2
)

// A probe is as long as VRRP's shortest packet, and no keepalived takes it for one: its
// version is 15 and the number of its virtual router 0, which none can have (RFC 5798
// 5.2: version 3, numbers from 1).
const (
	probeVersion = 15 << 4
	probeLength  = 8
	probeHeard   = 4 // place of the byte that is 1 once the sender has heard the receiver
)

// exchange returns those that were heard, in the order of Hear.
func (a *VRRPAsk) exchange(ctx context.Context, own netip.Addr) ([]netip.Addr, error) {
	conn, err := net.ListenIP(fmt.Sprintf("ip4:%d", protocolVRRP), &net.IPAddr{IP: own.AsSlice()})
	if err != nil {
		return nil, fmt.Errorf("listen for VRRP: %w", err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, vrrpLimit)
	defer cancel()
	x := &vrrpExchange{ask: a, conn: conn, heard: map[netip.Addr]bool{}, knows: map[netip.Addr]bool{}}
	for ctx.Err() == nil && !x.done() {
		if err := x.turn(); err != nil {
			return nil, err
		}
	}
	for range vrrpFarewell {
		if err := x.send(); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(a.Hear), func(p netip.Addr) bool { return !x.heard[p] }), nil
}

// vrrpExchange is one load balancer's side.
type vrrpExchange struct {
	ask   *VRRPAsk
	conn  *net.IPConn
	heard map[netip.Addr]bool // whose packets arrived
	knows map[netip.Addr]bool // who said that ours did
}

// turn sends once and listens until it is time to send again.
func (x *vrrpExchange) turn() error {
	if err := x.send(); err != nil {
		return err
	}
	if err := x.conn.SetReadDeadline(time.Now().Add(vrrpEvery)); err != nil {
		return err
	}
	packet := make([]byte, 512)
	for !x.done() {
		n, from, err := x.conn.ReadFromIP(packet)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listen for VRRP: %w", err)
		}
		address, _ := netip.AddrFromSlice(from.IP)
		x.take(address.Unmap(), packet[:n])
	}
	return nil
}

// take notes a packet: keepalived's own count as well as probes.
func (x *vrrpExchange) take(from netip.Addr, packet []byte) {
	x.heard[from] = true
	if len(packet) == probeLength && packet[0] == probeVersion && packet[probeHeard] == 1 {
		x.knows[from] = true
	}
}

func (x *vrrpExchange) send() error {
	if !x.ask.Send {
		return nil
	}
	for _, p := range x.ask.Hear {
		probe := [probeLength]byte{probeVersion}
		if x.heard[p] {
			probe[probeHeard] = 1
		}
		_, err := x.conn.WriteToIP(probe[:], &net.IPAddr{IP: p.AsSlice()})
		// One that cannot be reached is not heard either, which is the answer.
		if err != nil && !errors.Is(err, unix.EHOSTUNREACH) && !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("send VRRP to %s: %w", p, err)
		}
	}
	return nil
}

// done: all were heard, and know it of us.
func (x *vrrpExchange) done() bool {
	return !slices.ContainsFunc(x.ask.Hear, func(p netip.Addr) bool { return !x.heard[p] || x.ask.Send && !x.knows[p] })
}
