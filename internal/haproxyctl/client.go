// Package haproxyctl talks to a running HAProxy over its admin socket: what
// state its servers are in, draining, and the state that is kept over a reload.
// It runs on the load balancer itself and decides nothing about rotation.
package haproxyctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

// AdminSocket is where HAProxy listens for commands on a load balancer.
const AdminSocket = "/run/haproxy/admin.sock"

// commandTimeout bounds a command whose context has no deadline of its own.
const commandTimeout = 5 * time.Second

// Client sends commands to one HAProxy.
type Client struct {
	Socket string // path of the admin socket
}

// Command sends one command and returns HAProxy's answer without the empty
// lines around it. HAProxy reports a failed command in the answer's text, too;
// what that looks like depends on the command.
func (c Client) Command(ctx context.Context, command string) (string, error) {
	if strings.ContainsAny(command, "\n\r;") {
		return "", fmt.Errorf("ask HAProxy: %q is more than one command", command)
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", c.Socket)
	if err != nil {
		return "", fmt.Errorf("reach HAProxy: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })()
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return "", fmt.Errorf("ask HAProxy: %w", errors.Join(ctx.Err(), err))
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return "", fmt.Errorf("read HAProxy's answer to %q: %w", command, errors.Join(ctx.Err(), err))
	}
	return strings.Trim(string(answer), "\n"), nil
}

// Servers returns every server of every backend, in HAProxy's order.
func (c Client) Servers(ctx context.Context) ([]Server, error) {
	state, err := c.Command(ctx, "show servers state")
	if err != nil {
		return nil, err
	}
	stats, err := c.Command(ctx, "show stat -1 4 -1") // 4: servers only
	if err != nil {
		return nil, err
	}
	return ParseServers(state, stats)
}

// Order is what an administrator can ask of a server.
type Order string

// The orders HAProxy knows.
const (
	OrderReady Order = "ready" // takes traffic when its checks say so
	OrderDrain Order = "drain" // finishes what it has, gets nothing new
	OrderMaint Order = "maint" // out of use, not even checked
)

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)

// SetState gives a server an order. Giving it twice is no error.
func (c Client) SetState(ctx context.Context, backend, server string, order Order) error {
	return c.tellServer(ctx, "set server", backend, server, "state "+string(order))
}

// ShutdownSessions ends what a server still has in one backend, after a drain has run
// out of time.
func (c Client) ShutdownSessions(ctx context.Context, backend, server string) error {
	return c.tellServer(ctx, "shutdown sessions server", backend, server, "")
}

// EndSessions ends what a web or app server still has, in every backend that has it,
// and returns how many sessions that was.
//
// It does not reach a process that a reload has replaced, as no order does. What that
// one still has ends with the server itself, and after hard-stop-after at the latest.
func (c Client) EndSessions(ctx context.Context, server string) (ended int, err error) {
	servers, err := c.Servers(ctx)
	if err != nil {
		return 0, err
	}
	for _, s := range servers {
		if s.Name != server || s.Sessions == 0 || !slices.Contains(requestBackends(), s.Backend) {
			continue
		}
		if err := c.ShutdownSessions(ctx, s.Backend, s.Name); err != nil {
			return ended, err
		}
		ended += s.Sessions
	}
	return ended, nil
}

// tellServer sends a command about one server: a verb, the server, and what to do to it.
func (c Client) tellServer(ctx context.Context, verb, backend, server, what string) error {
	if !nameForm.MatchString(backend) || !nameForm.MatchString(server) {
		return fmt.Errorf("tell HAProxy about server %q/%q: not a name of HAProxy's", backend, server)
	}
	return c.Tell(ctx, strings.TrimSpace(verb+" "+backend+"/"+server+" "+what))
}

// Tell sends a command that HAProxy answers with nothing when it has done it.
func (c Client) Tell(ctx context.Context, command string) error {
	answer, err := c.Command(ctx, command)
	if err != nil {
		return err
	}
	if answer != "" {
		return fmt.Errorf("tell HAProxy %q: it answers: %s", command, answer)
	}
	return nil
}

// States returns every server of every backend with its state, in HAProxy's order,
// without the counters of Servers: one question instead of two, for whoever asks
// often.
func (c Client) States(ctx context.Context) ([]Server, error) {
	state, err := c.Command(ctx, "show servers state")
	if err != nil {
		return nil, err
	}
	rows, err := parseState(state)
	if err != nil {
		return nil, err
	}
	servers := make([]Server, len(rows))
	for i, r := range rows {
		if servers[i], err = r.server(); err != nil {
			return nil, err
		}
	}
	return servers, nil
}
