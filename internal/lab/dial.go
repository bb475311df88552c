package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// pollSSH returns when an SSH server at the address has sent its greeting.
func pollSSH(ctx context.Context, address netip.Addr) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if greeted(ctx, address) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for SSH at %s: %w", address, ctx.Err())
		case <-tick.C:
		}
	}
}

func greeted(ctx context.Context, address netip.Addr) bool {
	d := net.Dialer{Timeout: 250 * time.Millisecond}
	conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(address, 22).String())
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
	hello := make([]byte, 8)
	n, err := conn.Read(hello)
	return err == nil && strings.HasPrefix(string(hello[:n]), "SSH-")
}
