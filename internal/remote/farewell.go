package remote

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"scaleup/internal/haproxyctl"
)

// Where the users come in: the ports of the public address, and HAProxy's names of
// the frontends on them.
var (
	publicPorts     = []uint16{80, 443}
	publicFrontends = []string{"public_http", "public_https"}
)

const (
	// arriveLimit is how long connections that were in their handshake may take, of
	// drainLimit: a round trip around the world.
	arriveLimit = 300 * time.Millisecond
	// lastWord is how long a client may take to use its connection once more: nearly
	// all of drainLimit, but for the time that a reload takes.
	lastWord = 600 * time.Millisecond
	// restoreLimit is how long HAProxy may take to reload: a hundred times what it does.
	restoreLimit = 10 * time.Second
)

// check makes sure that HAProxy would reload. If it would not, the addresses move
// all the same: that may be the first step of mending it.
func (h handover) check(ctx context.Context) error {
	return h.command(ctx, "haproxy", "-c", "-q", "-f", haproxyctl.DefaultPaths().Config)
}

// farewell ends the users' connections. HAProxy, told to shut its public frontends
// down, goes on answering the connections it has and makes every answer their last
// (Connection: close, GOAWAY), so that no client sends a request into a connection
// that is being closed. The reload that was ordered just before opens the frontends
// again in a new process, lastWord later; the old process then also ends the
// connections that have asked for nothing meanwhile. Not at once: a request that is on
// its way into a connection while that is closed is lost (seen in a planned reboot).
func (h handover) farewell(ctx context.Context, began time.Time) error {
	arrived := func(c connections) bool { return c.arriving == 0 }
	if err := h.await(ctx, began.Add(arriveLimit), arrived); err != nil {
		return err
	}
	// Ordered first and carried out by systemd: this process may die any time.
	err := h.command(ctx, "systemd-run", "--quiet", "--collect", "--on-active="+lastWord.String(), "--timer-property=AccuracySec=20ms",
		"systemctl", "reload", "haproxy.service")
	if err != nil {
		return err
	}
	for _, frontend := range publicFrontends {
		if err := h.haproxy().Tell(ctx, "shutdown frontend "+frontend); err != nil {
			return fmt.Errorf("shut HAProxy's frontend %s down: %w", frontend, err)
		}
	}
	ended := func(c connections) bool { return c.open == 0 }
	return h.await(ctx, began.Add(drainLimit), ended)
}

// await waits until the users' connections are as they should be, or the time is up.
func (h handover) await(ctx context.Context, limit time.Time, right func(connections) bool) error {
	for {
		c, err := h.connections()
		if err != nil || right(c) || !time.Now().Before(limit) {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func (h handover) connections() (connections, error) {
	table, err := os.ReadFile(filepath.Join(h.sys.Root, "/proc/net/tcp"))
	if err != nil {
		return connections{}, fmt.Errorf("read the open connections: %w", err)
	}
	return parseConnections(table, h.Public, publicPorts)
}

func (h handover) open() (int, error) {
	c, err := h.connections()
	return c.open, err
}

// restore waits until the public frontends are open again, or else restarts HAProxy:
// no load balancer may be left that seems fit and takes no users in.
func (h handover) restore(ctx context.Context) error {
	for limit := time.Now().Add(restoreLimit); time.Now().Before(limit); {
		stats, err := h.haproxy().Command(ctx, "show stat -1 1 -1") // 1: frontends only
		if err == nil && frontendsOpen(stats, publicFrontends) {
			return nil
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	if err := h.command(ctx, "systemctl", "restart", "haproxy.service"); err != nil {
		return fmt.Errorf("open HAProxy's public frontends again: %w", err)
	}
	return nil
}

// frontendsOpen reports whether all these frontends are open, by HAProxy's answer to
// "show stat", a table with a header.
func frontendsOpen(stats string, names []string) bool {
	lines := strings.Split(stats, "\n")
	status := slices.Index(strings.Split(lines[0], ","), "status")
	open := 0
	for _, line := range lines[1:] {
		cells := strings.Split(line, ",")
		if status > 0 && status < len(cells) && slices.Contains(names, cells[0]) && cells[status] == "OPEN" {
			open++
		}
	}
	return open == len(names)
}

func (h handover) haproxy() haproxyctl.Client {
	return haproxyctl.Client{Socket: filepath.Join(h.sys.Root, haproxyctl.AdminSocket)}
}
