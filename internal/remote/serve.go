package remote

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"scaleup/internal/facts"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/priority"
	"scaleup/internal/resource"
)

// Server answers requests on one machine.
type Server struct {
	System resource.System
	Facts  func(context.Context) (facts.Facts, error)
}

// New is the Server of the machine this process runs on.
func New() *Server { return &Server{System: resource.Host(), Facts: facts.Read} }

// Serve answers requests from r on w until r ends. An error is one of the
// connection; a request's own failure is in its response.
func (s *Server) Serve(ctx context.Context, r io.Reader, w io.Writer) error {
	in, out := json.NewDecoder(bufio.NewReader(r)), json.NewEncoder(w)
	for {
		var q Request
		err := in.Decode(&q)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		if err := out.Encode(s.Answer(ctx, q)); err != nil {
			return fmt.Errorf("write response: %w", err)
		}
	}
}

// Answer answers one request.
func (s *Server) Answer(ctx context.Context, q Request) Response {
	var p Response
	for _, step := range []func(context.Context, Request, *Response) error{
		background, s.apply, s.confirm, s.rotate, s.handOver, s.standBy, s.park, s.steer, s.switchPrimary, s.rejoin, s.reboot, s.observe, s.units, s.facts, balancer, member, s.known, s.signIn, s.query, s.inspect, s.logsOf, s.preflight, s.fault,
	} {
		if err := step(ctx, q, &p); err != nil {
			return Response{Error: err.Error()}
		}
	}
	return p
}

func (s *Server) observe(ctx context.Context, q Request, p *Response) error {
	if len(q.Observe) == 0 {
		return nil
	}
	states := make([]resource.State, len(q.Observe))
	errs := make([]error, len(q.Observe))
	// Most of the time goes to waiting for systemctl and nft, which answer side
	// by side.
	var wait sync.WaitGroup
	slots := make(chan struct{}, 8)
	for i, r := range q.Observe {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			states[i], errs[i] = r.Spec.Observe(ctx, s.System)
		})
	}
	wait.Wait()
	p.States = make(map[string]resource.State, len(states))
	for i, r := range q.Observe {
		p.States[r.Spec.ID()] = states[i]
	}
	return errors.Join(errs...)
}

// apply refuses a server that is no longer what the plan saw, and proves that
// applying had the effect it should have.
func (s *Server) apply(ctx context.Context, q Request, p *Response) error {
	if q.Apply == nil {
		return nil
	}
	spec := q.Apply.Resource.Spec
	before, err := spec.Observe(ctx, s.System)
	if err != nil {
		return err
	}
	p.Applied = &Applied{Before: before, After: before}
	if before == spec.Want() {
		return nil
	}
	if before != q.Apply.From && !tolerates(spec, q.Apply.From, before) {
		p.Applied.Stale = true
		return nil
	}
	if err := spec.Apply(ctx, s.System); err != nil {
		return err
	}
	after, err := spec.Observe(ctx, s.System)
	if err != nil {
		return err
	}
	if after != spec.Want() {
		return fmt.Errorf("apply %s had no lasting effect: it should be %q and is %q", spec.ID(), spec.Want(), after)
	}
	p.Applied.After = after
	return nil
}

// tolerates reports whether a plan still fits a state it did not see. What was
// absent may have come with a package that the same plan has installed.
func tolerates(spec resource.Spec, planned, now resource.State) bool {
	if planned == resource.Absent {
		return true
	}
	t, ok := spec.(resource.Tolerant)
	return ok && t.Tolerates(planned, now)
}

func (s *Server) confirm(ctx context.Context, q Request, _ *Response) error {
	if !q.Confirm {
		return nil
	}
	return resource.ConfirmFirewall(ctx, s.System)
}

func (s *Server) rotate(ctx context.Context, q Request, p *Response) (err error) {
	if q.Rotate == nil {
		return nil
	}
	haproxy := haproxyctl.Client{Socket: haproxyctl.AdminSocket}
	if err := haproxy.SetState(ctx, q.Rotate.Backend, q.Rotate.Server, q.Rotate.State); err != nil || !q.Rotate.End {
		return err
	}
	p.Ended, err = haproxy.EndSessions(ctx, q.Rotate.Server)
	return err
}

func (s *Server) units(ctx context.Context, q Request, p *Response) error {
	if len(q.Units) == 0 {
		return nil
	}
	var err error
	p.Units, err = resource.UnitStates(ctx, s.System, q.Units)
	return err
}

func (s *Server) facts(ctx context.Context, q Request, p *Response) error {
	if !q.Facts {
		return nil
	}
	f, err := s.Facts(ctx)
	if err != nil {
		return err
	}
	if err := f.Candidates(ctx, q.Candidates); err != nil {
		return err
	}
	p.Facts = &f
	return nil
}

// backgroundNice leaves a fortieth of a processor to questions while the server's own
// programs have use for it all.
const backgroundNice = 15

func background(_ context.Context, q Request, _ *Response) error {
	if !q.Background {
		return nil
	}
	return priority.Set(backgroundNice)
}
