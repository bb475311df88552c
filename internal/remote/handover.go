package remote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"scaleup/internal/resource"
)

// HandOver asks a load balancer to give the virtual addresses away without failing a
// request. lb-agent and keepalived move them, as after a failure; before that, the
// users' connections come to a good end. A load balancer that does not hold them only
// promises to keep away.
type HandOver struct {
	Public   netip.Addr `json:"public"`   // what the users reach
	Internal netip.Addr `json:"internal"` // what the tiers reach each other through
}

// HandedOver tells how it went.
type HandedOver struct {
	Open   int           `json:"open"`             // users' connections that were still open when the addresses moved
	Paused time.Duration `json:"paused_ns"`        // how long new connections were held off
	Abrupt string        `json:"abrupt,omitempty"` // why users' connections were cut instead of ended; "" when they were not
}

const (
	// drainLimit is how long the addresses stay once new connections are held off. A
	// client repeats its SYN after 1 s: lb-agent and keepalived need a few hundredths
	// of a second, so the other load balancer is there to answer it.
	drainLimit = 900 * time.Millisecond
	// moveLimit is how long keepalived may take, a hundred times what it does.
	moveLimit = 3 * time.Second
	// holdTime is when the kernel lets new connections in again by itself, whatever
	// became of this process: after both limits.
	holdTime = 5 * time.Second

	handoverTick = 5 * time.Millisecond
)

// handOver answers a HandOver.
func (s *Server) handOver(ctx context.Context, q Request, p *Response) error {
	if q.HandOver == nil {
		return nil
	}
	done, err := handover{HandOver: *q.HandOver, sys: s.System, held: heldAddresses}.run(ctx)
	if err != nil {
		return fmt.Errorf("give the virtual addresses away: %w", err)
	}
	p.HandedOver = &done
	return nil
}

// standBy lets keepalived take the addresses again when they are free.
func (s *Server) standBy(_ context.Context, q Request, _ *Response) error {
	if !q.StandBy {
		return nil
	}
	if err := os.Remove(filepath.Join(s.System.Root, YieldFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("stand by for the virtual addresses again: %w", err)
	}
	return nil
}

// handover is one HandOver under way.
type handover struct {
	HandOver
	sys  resource.System
	held func() ([]netip.Addr, error) // this server's addresses
}

// run hands over. The order keeps requests whole:
//
//  1. New connections of users are held off, those of the tiers are not: requests
//     under way still need them.
//  2. The users' connections end, each when it has its answer (see farewell). When
//     the last one has gone, nothing is under way in any tier.
//  3. The tiers are held off, too, and what is left of connections is cut. Whoever
//     holds one (a pool of database connections, a web server) sees it end now, and
//     does not find it dead at the next request.
//  4. The addresses move, and with them what was held off, as clients repeat their SYN.
//
// When it fails, the addresses are where they were.
func (h handover) run(ctx context.Context) (done HandedOver, err error) {
	if !h.Public.Is4() || !h.Internal.Is4() {
		return done, fmt.Errorf("%s and %s are not IPv4 addresses", h.Public, h.Internal)
	}
	here, err := h.holds()
	if err != nil {
		return done, err
	}
	if !here {
		return done, h.keepAway()
	}
	abrupt := h.check(ctx)
	began := time.Now()
	if err := h.holdOff(ctx, h.Public); err != nil {
		return done, err
	}
	// However it ends and whoever has gone by then.
	defer func() { err = errors.Join(err, h.letIn(context.WithoutCancel(ctx))) }()
	if abrupt == nil {
		defer func() { err = errors.Join(err, h.restore(context.WithoutCancel(ctx))) }()
		abrupt = h.farewell(ctx, began)
	}
	if ctx.Err() != nil {
		return done, context.Cause(ctx)
	}
	if abrupt != nil {
		done.Abrupt = abrupt.Error()
	}
	if done.Open, err = h.open(); err != nil {
		return done, err
	}
	if err := h.holdOff(ctx, h.Public, h.Internal); err != nil {
		return done, err
	}
	h.cut(ctx)
	err = h.move(ctx)
	done.Paused = time.Since(began)
	return done, err
}

// holds reports whether one of the addresses is here.
func (h handover) holds() (bool, error) {
	held, err := h.held()
	if err != nil {
		return false, fmt.Errorf("read this server's addresses: %w", err)
	}
	return slices.Contains(held, h.Public) || slices.Contains(held, h.Internal), nil
}

// keepAway tells lb-agent to report this load balancer unfit.
func (h handover) keepAway() error {
	return os.WriteFile(filepath.Join(h.sys.Root, YieldFile), nil, 0o644)
}

// cut ends every connection to the addresses with a RST. A kernel without this
// ability leaves them to end at their next packet: no reason to stay.
func (h handover) cut(ctx context.Context) {
	_ = h.command(ctx, "ss", "--kill", "--tcp", "--numeric", "--no-header", "src", h.Public.String(), "or", "src", h.Internal.String())
}

// move gives the addresses away and waits until they are gone. If they stay, this
// load balancer goes on serving.
func (h handover) move(ctx context.Context) error {
	if err := h.keepAway(); err != nil {
		return err
	}
	limit := time.Now().Add(moveLimit)
	for {
		here, err := h.holds()
		if err == nil && !here {
			return nil
		}
		if err == nil && !time.Now().Before(limit) {
			err = fmt.Errorf("keepalived still holds them %s after it was told; see systemctl status keepalived scaleup-lb-agent on the server", moveLimit)
		}
		if err == nil {
			err = pause(ctx)
		}
		if err != nil {
			return errors.Join(err, os.Remove(filepath.Join(h.sys.Root, YieldFile)))
		}
	}
}

func (h handover) command(ctx context.Context, argv ...string) error {
	_, err := h.sys.Run(ctx, resource.Command{Argv: argv})
	return err
}

// pause is the time between two looks.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(handoverTick):
		return nil
	}
}

// heldAddresses are the IPv4 addresses of this machine.
func heldAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var held []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			held = append(held, p.Addr())
		}
	}
	return held, nil
}
