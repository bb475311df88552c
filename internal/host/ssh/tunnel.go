package ssh

import (
	"context"
	"fmt"
	"net"

	"scaleup/internal/host"
)

var _ host.Tunnel = (*Host)(nil)

// Tunnel implements host.Tunnel. It connects to the server first where the
// connection is gone, and gives that up when a tunnel does not come about in time:
// a server without power never says that it has left.
func (h *Host) Tunnel(ctx context.Context, address string) (net.Conn, error) {
	h.mu.Lock()
	if h.client == nil {
		client, err := h.dial(ctx)
		if err != nil {
			h.mu.Unlock()
			return nil, err
		}
		h.client = client
	}
	client := h.client
	h.mu.Unlock()
	conn, err := client.DialContext(ctx, "tcp", address)
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		h.forget(client)
	}
	return nil, fmt.Errorf("reach %s through %s: %w", address, h.target.Server, err)
}

// forget drops a connection unless it has been replaced since.
func (h *Host) forget(client interface{ Close() error }) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.client != nil && h.client == client {
		h.drop()
	}
}
