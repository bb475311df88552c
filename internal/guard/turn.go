package guard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A guard that takes its member out of use, though Group Replication holds it for healthy,
// takes a turn. Guards that are wrong must not take one member after the other, so there is
// one turn in actPause, and it is taken only once the guards of all healthy members have
// written it down. Those are a majority of the view, and so are those of any other guard:
// two guards whose disks fail at the same moment ask at least one in common, and what a
// guard forgets that is killed, or whose disk stands still, the others know.

// Turn is the last one that a guard has noted, its own or another's.
type Turn struct {
	ID     string    // of the attempt; the same while it is tried again
	Server string    // whose member is taken out of use
	At     time.Time // when it was noted here, by the clock here
}

// turnRequest is the document in which one guard asks another to note its turn.
type turnRequest struct {
	ID string `json:"id"`
}

// How a turn is taken.
const (
	turnTimeout  = time.Second            // for all members' guards together
	turnAgain    = time.Second            // after a refusal
	turnKeepTime = 200 * time.Millisecond // to write a line down: many times what that takes
)

// errNoTurn is that nothing was done, since a guard has not noted that it would be.
var errNoTurn = errors.New("not noted by all healthy members")

// refusesTurn says why an attempt does not get its turn by what is noted here, or "".
func (v View) refusesTurn(id string, now time.Time) string {
	at := v.Turn.At
	switch {
	case at.IsZero() || v.Turn.ID == id || now.Sub(at) >= actPause || v.Restored.After(at):
		return ""
	case at.After(now.Add(actPause)):
		return "" // a wrong clock put it far ahead
	}
	return fmt.Sprintf("%s was taken out of use at %s, or was about to be; again after %s, or once all have been healthy for %s",
		v.Turn.Server, at.UTC().Format(time.RFC3339), actPause, redundantFor)
}

// nextTurn is the identifier of this guard's attempt. A new one for each that succeeds:
// the others would let a former one through again.
func (g *guard) nextTurn() string {
	if g.view.OwnTurn == "" {
		g.view.OwnTurn = rand.Text()
	}
	return g.view.OwnTurn
}

// takeTurn has the guards note that this member is taken out of use. It asks one after the
// other in the order of names, as all guards do: of two that try at the same moment, the
// one that is noted first gets all.
func (g *guard) takeTurn(ctx context.Context, members []string, id string) error {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	for _, name := range members {
		var err error
		if name == g.policy.Server {
			err = g.ask(ctx, request{kind: wantTurn, to: name, turn: id})
		} else {
			err = g.peers.TakeTurn(ctx, name, id)
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", errNoTurn, name, err)
		}
	}
	return nil
}

// noteTurn notes the turn of whoever asks and replies once it is on disk. The loop does not
// wait for that: the disk may stand still. It counts here all the same.
func (g *guard) noteTurn(q request, helpers *sync.WaitGroup) {
	turn, err := g.view.noteTurn(q, g.policy, time.Now())
	if err != nil || turn.Server == g.policy.Server {
		// Its own disk may be what is wrong; what counts is what the others know.
		q.reply <- err
		return
	}
	helpers.Go(func() {
		kept := make(chan error, 1)
		go func() { kept <- g.store.keepTurn(turn) }()
		select {
		case err := <-kept:
			q.reply <- err
		case <-time.After(turnKeepTime):
			q.reply <- errors.New("its disk does not write that down in time")
		}
	})
}

func (v *View) noteTurn(q request, p Policy, now time.Time) (Turn, error) {
	switch {
	case !slices.Contains(p.Voters, q.to):
		return Turn{}, fmt.Errorf("%q is not a voter of this site", q.to)
	case len(strings.Fields(q.turn)) != 1:
		return Turn{}, fmt.Errorf("a turn with the identifier %q", q.turn)
	}
	if why := v.refusesTurn(q.turn, now); why != "" {
		return Turn{}, errors.New(why)
	}
	v.Turn = Turn{ID: q.turn, Server: q.to, At: now}
	return v.Turn, nil
}

// turnName is the file in the state directory that names the last turn of another guard.
// It is not fsynced: a crash of this machine forgets it, and is noticed by all.
const turnName = "turn"

func (s *store) keepTurn(t Turn) error {
	return writeLine(s.dir, turnName, strings.Join([]string{t.At.UTC().Format(time.RFC3339Nano), t.Server, t.ID}, " "))
}

// recallTurn is the turn that was noted before the guard was started again.
func (s *store) recallTurn() (Turn, error) {
	kept, err := readLine(s.dir, turnName)
	if err != nil {
		return Turn{}, err
	}
	line, whole := firstLine(kept)
	if !whole {
		return Turn{}, nil
	}
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return Turn{}, fmt.Errorf("%q is no turn", line)
	}
	at, err := time.Parse(time.RFC3339Nano, fields[0])
	if err != nil {
		return Turn{}, err
	}
	return Turn{ID: fields[2], Server: fields[1], At: at}, nil
}
