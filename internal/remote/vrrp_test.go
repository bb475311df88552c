package remote

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// Two that send hear each other, and neither waits for the limit then.
func TestVRRPExchange(t *testing.T) {
	began := time.Now()
	var wait sync.WaitGroup
	var heard [2][]netip.Addr
	var errs [2]error
	own := []netip.Addr{loopback2, loopback3}
	for i := range own {
		wait.Go(func() {
			heard[i], errs[i] = (&VRRPAsk{Hear: []netip.Addr{own[1-i]}, Send: true}).exchange(t.Context(), own[i])
		})
	}
	wait.Wait()
	for i := range own {
		needRaw(t, errs[i])
		if !slices.Equal(heard[i], []netip.Addr{own[1-i]}) {
			t.Errorf("%s heard %v", own[i], heard[i])
		}
	}
	if took := time.Since(began); took >= vrrpLimit {
		t.Errorf("both waited for the limit: %v", took)
	}
}

// keepalived's own packets count, and one who only listens sends nothing.
func TestVRRPListensToAdverts(t *testing.T) {
	master, err := net.ListenIP(fmt.Sprintf("ip4:%d", protocolVRRP), &net.IPAddr{IP: loopback3.AsSlice()})
	needRaw(t, err)
	defer master.Close()
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				// Version 3, type 1, router 51, priority 100; nobody listens on loopback.
				_, _ = master.WriteToIP([]byte{0x31, 51, 100, 1, 0, 10, 0, 0, 10, 77, 0, 10}, &net.IPAddr{IP: loopback2.AsSlice()})
			}
		}
	})
	heard, err := (&VRRPAsk{Hear: []netip.Addr{loopback3}}).exchange(t.Context(), loopback2)
	close(stop)
	wait.Wait()
	if err != nil || !slices.Equal(heard, []netip.Addr{loopback3}) {
		t.Errorf("heard %v (%v)", heard, err)
	}
	if err := master.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, from, err := master.ReadFromIP(make([]byte, 64)); err == nil {
		t.Errorf("the listener sent %d bytes from %s", n, from)
	}
}

func TestVRRPHearsNobody(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*vrrpEvery)
	defer cancel()
	heard, err := (&VRRPAsk{Hear: []netip.Addr{loopback3}, Send: true}).exchange(ctx, loopback2)
	needRaw(t, err)
	if len(heard) > 0 {
		t.Errorf("heard %v, where nobody is", heard)
	}
}

// No keepalived may take a probe for an advert: its version and router are ones that
// cannot be.
func TestProbeIsNoAdvert(t *testing.T) {
	x := &vrrpExchange{ask: &VRRPAsk{}, heard: map[netip.Addr]bool{}, knows: map[netip.Addr]bool{}}
	x.take(loopback2, []byte{0x31, 51, 100, 1, 1, 10, 0, 0})
	if !x.heard[loopback2] || x.knows[loopback2] {
		t.Error("an advert is heard, and says nothing of what its sender hears")
	}
	if version := probeVersion >> 4; version == 2 || version == 3 {
		t.Errorf("a probe has VRRP's version %d", version)
	}
}
