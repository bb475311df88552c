package host

import (
	"context"
	"net"
)

// Tunnel is implemented by hosts through which other addresses can be reached, as
// the server reaches them: its firewall rules are the ones that count.
type Tunnel interface {
	// Tunnel connects to an IP:port from the server.
	Tunnel(ctx context.Context, address string) (net.Conn, error)
}
