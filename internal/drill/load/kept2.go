package load

import (
	"slices"
	"sync"
)

// shared is how many connections of HTTP/2 are kept. Browsers have one per site;
// a second halves what is lost with one.
const shared = 2

// link2 is a connection of HTTP/2, which carries many operations at a time.
type link2 struct {
	link
	users   int  // operations under way; guarded by the pool
	leaving bool // takes no more operations, and is closed after the last
}

// kept2 is a pool of connections of HTTP/2.
type kept2 struct {
	mu     sync.Mutex
	links  []*link2
	turn   int
	closed bool
}

// take returns a connection with a place reserved on it, or nil when a new one is
// needed: there is none, or all are busy and there may be another.
func (p *kept2) take() *link2 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) < shared && !slices.ContainsFunc(p.links, func(l *link2) bool { return l.users == 0 }) {
		return nil
	}
	for len(p.links) > 0 {
		p.turn = (p.turn + 1) % len(p.links)
		l := p.links[p.turn]
		if l.open() && l.Reserve() == nil {
			l.users++
			return l
		}
		// It is closed, or the server said goodbye, or it is full, which takes a
		// hundred requests that hang. Either way it gets no more.
		p.drop(l)
	}
	return nil
}

// add takes in a new connection and its first user. There may be enough already:
// then it is for this operation only.
func (p *kept2) add(fresh link) (*link2, error) {
	if err := fresh.Reserve(); err != nil {
		fresh.Close()
		return nil, err
	}
	l := &link2{link: fresh, users: 1}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.links) >= shared {
		l.leaving = true
	} else {
		p.links = append(p.links, l)
	}
	return l, nil
}

// release ends one use of a connection. One that gave no answer within a user's
// patience is suspect, and takes no more operations: whoever tries again then
// would not get through either.
func (p *kept2) release(l *link2, suspect bool) {
	p.mu.Lock()
	l.users--
	if suspect && !l.leaving {
		p.drop(l)
	}
	last := l.leaving && l.users == 0
	p.mu.Unlock()
	if last {
		l.Close()
	}
}

// drop takes a connection out of the pool. Without users it is closed; that is for
// the last user otherwise.
func (p *kept2) drop(l *link2) {
	l.leaving = true
	p.links = slices.DeleteFunc(p.links, func(other *link2) bool { return other == l })
	if l.users == 0 {
		go l.Close() // not under the lock: it writes to the network
	}
}

// close closes all of them, now or as they are released.
func (p *kept2) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for len(p.links) > 0 {
		p.drop(p.links[0])
	}
}
