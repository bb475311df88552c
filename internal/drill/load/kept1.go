package load

import (
	"slices"
	"sync"
	"time"
)

const (
	// idleMost is how many idle connections are kept: more than 50 operations per
	// second need in an outage of a second.
	idleMost = 64
	// idleLimit is how long one is kept: less than the 15 s after which HAProxy
	// closes its side (timeout http-keep-alive), as a request that crosses the close
	// would fail through no fault of the site.
	idleLimit = 10 * time.Second
)

// link1 is a connection of HTTP/1.1, used by one operation at a time.
type link1 struct {
	link
	idle time.Time // since when
}

// alive reports whether the connection can carry a request, as far as this side
// knows.
func (l *link1) alive() bool {
	return l.Err() == nil && l.Available() > 0 && l.silent()
}

// kept1 is a pool of idle connections of HTTP/1.1. The one used last is used next,
// so that there are no more than needed.
type kept1 struct {
	mu     sync.Mutex
	idle   []*link1 // by the time they were last used
	closed bool
}

// take returns an idle connection that is alive, or nil.
func (p *kept1) take() *link1 {
	for {
		l := p.pop()
		if l == nil || time.Since(l.idle) < idleLimit && l.alive() {
			return l
		}
		l.Close()
	}
}

func (p *kept1) pop() *link1 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	last := len(p.idle) - 1
	l := p.idle[last]
	p.idle = p.idle[:last]
	return l
}

// put keeps a connection whose last answer has been read, in the place of the one
// that has been idle longest if there are many.
func (p *kept1) put(l *link1) {
	l.idle = time.Now()
	p.mu.Lock()
	surplus := l
	if !p.closed {
		p.idle = append(p.idle, l)
		surplus = nil
		if len(p.idle) > idleMost {
			surplus = p.idle[0]
			p.idle = slices.Delete(p.idle, 0, 1)
		}
	}
	p.mu.Unlock()
	if surplus != nil {
		surplus.Close()
	}
}

// close closes all of them, now or as they come back.
func (p *kept1) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, l := range idle {
		l.Close()
	}
}
