package guard

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// promise is a guard's word to confirm no other primary for a while.
type promise struct {
	To    string    // server name; "": somebody whom the guard does not remember
	Given time.Time // last
	Until time.Time
}

// renewed is the promise given to a server, if no other has it.
func (p promise) renewed(to string, now time.Time) (promise, bool) {
	if p.To != to && now.Before(p.Until) {
		return p, false
	}
	return promise{To: to, Given: now, Until: now.Add(promisedFor)}, true
}

// ballot holds the promise. The loop gives it to its own member, the HTTP server to
// others; both under the lock.
type ballot struct {
	mu      sync.Mutex
	promise promise
	changes chan struct{}                                             // closed when the loop publishes
	renewed func(p promise, to string, now time.Time) (promise, bool) // promise.renewed
	keep    func(to string) error                                     // writes down whom it is given to, before it is
}

// give promises to a server, if no other has the promise and the guard would remember it
// when it starts anew. Only who gets it next is written down, not each renewal.
func (b *ballot) give(to string, now time.Time) bool {
	next, given := b.renewed(b.promise, to, now)
	if !given || next.To != b.promise.To && b.keep(to) != nil {
		return false
	}
	b.promise = next
	return true
}

// release ends the promise to a server that does not take itself for the primary any
// more, and that does not count on what it was promised before.
func (b *ballot) release(from string) {
	if b.promise.To == from {
		b.promise.Until = b.promise.Given
	}
}

// heard releases the promise to a server whose guard says that it claims nothing. It must
// have been asked after it last got the promise: an older answer may have been overtaken.
func (b *ballot) heard(from string, a Answer, begun time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !a.Claims && begun.After(b.promise.Given) {
		b.release(from)
	}
}

// vote promises to another server that takes itself for the primary, where the own MySQL
// sees it as that.
func (b *ballot) vote(to string, s *Snapshot, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return s.answer(now).confirms(to) && b.give(to, now)
}

// stand is the loop's part, under the ballot's lock; see (*View).stand.
func (g *guard) stand(now time.Time) {
	g.view.stand(&g.ballot, g.policy, now)
	if claims := g.view.Claims; g.claims.Swap(claims) != claims && claims {
		g.wakeAll()
	}
	g.leased.Store(!g.view.Confirmed.IsZero())
}

// confirmWithin bounds how long a claimant waits for an answer to be yes.
const confirmWithin = 100 * time.Millisecond

// confirm is the answer to another server that claims to be the primary. It is not no
// before MySQL was asked anew, and whoever had the promise before: clients wait.
func (g *guard) confirm(ctx context.Context, server string) bool {
	ctx, cancel := context.WithTimeout(ctx, confirmWithin)
	defer cancel()
	changes := g.changes()
	if g.confirmNow(server, g.memory(), time.Now()) {
		return true
	}
	for {
		select {
		case <-changes:
		case <-ctx.Done():
			return false
		}
		changes = g.changes()
		if g.ballot.vote(server, g.memory(), time.Now()) {
			return true
		}
	}
}

// changes is closed when the next snapshot has been published.
func (g *guard) changes() <-chan struct{} {
	g.ballot.mu.Lock()
	defer g.ballot.mu.Unlock()
	return g.ballot.changes
}

// confirmNow is the answer by what is known. Where it is no, who may know better is asked.
func (g *guard) confirmNow(server string, s *Snapshot, now time.Time) bool {
	if g.ballot.vote(server, s, now) {
		return true
	}
	g.ballot.mu.Lock()
	holder := g.ballot.promise.To
	g.ballot.mu.Unlock()
	g.wake("")
	if _, voter := g.wakeups[holder]; voter {
		g.wake(holder)
	}
	return false
}

// promiseName is the file in the state directory that names whom the promise was given to
// last, behind the start of the machine in which that was. It is not fsynced: a crash of
// the machine outlasts every promise.
const promiseName = "promise"

// keepPromise writes down whom the promise is given to.
func (s *store) keepPromise(to string) error {
	return writeLine(s.dir, promiseName, bootID()+" "+to)
}

// recallPromise is what a guard that starts takes for promised: to whom it was given
// last, as if that were just now. Nothing lasts from before the machine was started, if
// that is long enough ago. A file that is missing or says nothing is of a former version,
// and could have been any.
func (s *store) recallPromise(now time.Time) (promise, error) {
	kept, err := readLine(s.dir, promiseName)
	if err != nil {
		return promise{}, err
	}
	return recalled(kept, bootID(), clock(unix.CLOCK_BOOTTIME), now), nil
}

func recalled(kept, boot string, up time.Duration, now time.Time) promise {
	line, whole := firstLine(kept)
	in, to, _ := strings.Cut(line, " ")
	switch {
	case !whole || boot == "":
		return promise{Given: now, Until: now.Add(promisedFor)}
	case in != boot:
		return promise{Given: now, Until: now.Add(promisedFor - up)}
	}
	return promise{To: to, Given: now, Until: now.Add(promisedFor)}
}

// bootID tells one start of the machine from another; "" where the kernel does not say.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
