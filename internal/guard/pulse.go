package guard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Rhythm of the pulse: the primary's guard writes a row every second, over
// connections of its own. The row is replicated, because only that proves the
// whole way of a commit: the storage engine, the binary log and the group.
const (
	beatEvery = time.Second
	// beatLimit is when a beat that hangs is given up. Until then there is no second
	// one, so that a server that hangs does not collect connections.
	beatLimit = 30 * time.Second
	// beatLook bounds the question what a beat waits for.
	beatLook = 500 * time.Millisecond
)

// Pulse is what the beats of this member say while it is the primary and writable;
// zero otherwise.
type Pulse struct {
	Last    time.Time // when a beat last ended well
	Failing time.Time // when the first of those began that have failed since; zero: none has
	Own     time.Time // since when they fail for a reason that lies in this server; zero: they do not
	Error   string    // how the last one failed, or what it waits for
}

// beat is what is known of one beat at one moment.
type beat struct {
	begun, seen time.Time
	ended       bool
	err         error  // of one that has ended
	state       string // what it waits for, in MySQL's words
	unread      error  // why that is not known
}

// next is the pulse after something was seen of a beat. Beats that are kept waiting
// by somebody's lock and such do not count against the server, however long; what
// does, counts from where it began.
func (p Pulse) next(b beat) Pulse {
	if b.ended && b.err == nil {
		return Pulse{Last: b.seen}
	}
	text, own := b.cause()
	switch {
	case !own:
		p.Own = time.Time{}
	case p.Failing.IsZero():
		p.Own = b.begun
	case p.Own.IsZero():
		p.Own = b.seen
	}
	if p.Failing.IsZero() {
		p.Failing = b.begun
	}
	p.Error = text
	return p
}

// cause tells why a beat has failed or hangs, and whether the reason lies in this
// server, so that the primary is better off elsewhere. What is not known, does not.
func (b beat) cause() (text string, own bool) {
	switch {
	case b.ended && !errors.Is(b.err, context.DeadlineExceeded):
		return b.err.Error(), cannotWrite(b.err)
	case b.unread != nil:
		return fmt.Sprintf("a write hangs, and it cannot be read for what: %v", b.unread), false
	case waitsForLock(b.state):
		return "a write hangs for a lock that somebody holds: " + b.state, false
	}
	return fmt.Sprintf("a write hangs in the state %q", b.state), true
}

// waitsForLock reports whether a thread's state is the wait for one of the locks
// that statements take: "Waiting for global read lock", "Waiting for table metadata
// lock", "Waiting for commit lock", "Waiting for backup lock".
func waitsForLock(state string) bool {
	return strings.HasPrefix(state, "Waiting for ") && strings.HasSuffix(state, " lock")
}

// MySQL's errors that say that the server cannot write. All others (no room for a
// connection, missing rights, read-only, a lock of somebody's) say nothing about
// its disk.
var writeErrors = map[uint16]bool{
	3:    true, // EE_WRITE
	1021: true, // ER_DISK_FULL
	1026: true, // ER_ERROR_ON_WRITE
	1030: true, // ER_GET_ERRNO
	1114: true, // ER_RECORD_FILE_FULL: InnoDB's "The table is full"
	1180: true, // ER_ERROR_DURING_COMMIT
	1598: true, // ER_BINLOG_LOGGING_IMPOSSIBLE
}

func cannotWrite(err error) bool {
	number, ok := errors.AsType[*mysql.MySQLError](err)
	return ok && writeErrors[number.Number]
}

// pulseForever writes beats while the loop wants them.
func (g *guard) pulseForever(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if g.beating.Load() {
			g.beat(ctx, tick.C)
		}
	}
}

// beat writes one beat, and looks at every tick what it waits for.
func (g *guard) beat(ctx context.Context, tick <-chan time.Time) {
	beatCtx, cancel := context.WithTimeout(ctx, beatLimit)
	defer cancel()
	b := beat{begun: time.Now(), unread: errors.New("not looked yet")}
	ended := make(chan error, 1)
	go func() { ended <- g.db.Beat(beatCtx, g.policy.Server) }()
	for !b.ended {
		select {
		case b.err = <-ended:
			b.ended = true
		case <-tick:
			if !g.beating.Load() {
				cancel()
				<-ended
				return
			}
			look, done := context.WithTimeout(ctx, beatLook)
			b.state, b.unread = g.db.BeatState(look)
			done()
		}
		b.seen = time.Now()
		select {
		case g.beats <- b:
		case <-ctx.Done():
			cancel()
			if !b.ended {
				<-ended
			}
			return
		}
	}
}

// takeBeat keeps what a beat says, unless the member has ceased to be a writable
// primary meanwhile.
func (g *guard) takeBeat(b beat) {
	if g.beating.Load() {
		g.view.Pulse = g.view.Pulse.next(b)
	}
}
