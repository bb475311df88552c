package guard

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// maxSwitchQueue is how many transactions a target may have waiting when it is
// to become primary: it applies them first, while writes wait.
const maxSwitchQueue = 100

// request is something that HTTP asks the loop for.
type request struct {
	kind  requestKind
	to    string       // switch: to whom; announce: who joins; turn: whose
	turn  string       // turn: its identifier
	grant GrantRequest // grant
	reply chan error   // buffered
}

type requestKind string

const (
	wantSwitch requestKind = "switch"
	wantLeave  requestKind = "leave"
	wantJoin   requestKind = "join again"
	wantGrant  requestKind = "grant"
	wantNoted  requestKind = "announce"
	wantTurn   requestKind = "turn"
)

// answer tells whoever asked, and passes on what came of it.
func (q request) answer(err error) error {
	q.reply <- err
	return err
}

// ask hands a request to the loop and waits for its outcome.
func (g *guard) ask(ctx context.Context, q request) error {
	q.reply = make(chan error, 1)
	select {
	case g.requests <- q:
	case <-ctx.Done():
		return fmt.Errorf("the guard is stopping or busy: %w", ctx.Err())
	}
	select {
	case err := <-q.reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take begins a request in the loop. While a job is under way the answer is no:
// whoever asks tries again, and meanwhile nothing has been promised.
func (g *guard) take(ctx context.Context, q request, helpers *sync.WaitGroup) {
	switch q.kind {
	case wantJoin:
		g.view.Held = false
		q.reply <- nil
		return
	case wantNoted:
		q.reply <- g.note(q.to)
		return
	case wantTurn:
		g.noteTurn(q, helpers)
		return
	}
	if g.job != "" {
		q.reply <- fmt.Errorf("%s is busy: %s", g.policy.Server, g.job)
		return
	}
	switch q.kind {
	case wantGrant:
		g.takeGrant(ctx, q, helpers)
	case wantLeave:
		g.takeLeave(ctx, q, helpers)
	case wantSwitch:
		uuid, err := switchTarget(g.view.MySQL, q.to)
		if err != nil || uuid == "" {
			q.reply <- err
			return
		}
		work := func(ctx context.Context) error {
			// Group Replication says that it is done half a second after it is, and until the
			// next probe this member would be taken for the primary.
			g.switching.Store(true)
			defer g.switching.Store(false)
			g.wake("")
			return g.db.SetPrimary(ctx, uuid, switchGrace)
		}
		g.startJob(ctx, "switch", "", helpers, work, q.answer)
	}
}

// takeGrant probes anew, as the promise is about this very moment, and answers
// only after the promise is on disk.
func (g *guard) takeGrant(ctx context.Context, q request, helpers *sync.WaitGroup) {
	var my MySQL
	work := func(ctx context.Context) error { my = g.probe(ctx); return nil }
	g.startJob(ctx, "grant", "", helpers, work, func(error) error {
		promised, err := Promise(q.grant, g.store.record, my, g.policy)
		if err == nil {
			err = g.save(promised)
		}
		g.log.Info("grant", "epoch", q.grant.Epoch, "candidate", q.grant.Candidate, "refused", err)
		return q.answer(err)
	})
}

// switchTarget finds the member to hand the primary to; "" when it is the primary
// already.
func switchTarget(my MySQL, to string) (uuid string, err error) {
	if my.State != Online || !my.majority() {
		return "", errors.New("this member is not ONLINE in a majority; ask the guard of one that is")
	}
	for _, m := range my.Members {
		switch {
		case m.Server != to:
		case m.State != Online:
			return "", fmt.Errorf("%s is %s; only an ONLINE member can become primary", to, m.State)
		case m.Role == Primary:
			return "", nil
		case m.Queue > maxSwitchQueue:
			return "", fmt.Errorf("%s has %d transactions to apply first (limit %d); try again when it has caught up", to, m.Queue, maxSwitchQueue)
		default:
			return m.UUID, nil
		}
	}
	return "", fmt.Errorf("%q is not a member of the group: %v", to, my.servers())
}
