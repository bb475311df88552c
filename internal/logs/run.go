package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"scaleup/internal/remote"
)

// holdFor is how long a new entry waits for earlier ones of other servers.
const holdFor = 300 * time.Millisecond

// ErrNobody is returned when no server told anything.
var ErrNobody = errors.New("no server tells its log")

// Reading is which logs are read and where they go.
type Reading struct {
	Sources []Source
	Lines   int  // the newest of all servers together
	Follow  bool // go on with what is written from now on
	Show    func(Entry) error
	Warn    func(server, message string) // a server is lost, or back
}

// Run shows what is stored in the exact order of its time and then, with Follow, what
// comes until ctx ends. cut reports whether there was more than Lines.
func (r Reading) Run(ctx context.Context) (cut bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan event)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	began := time.Now()
	for _, source := range r.Sources {
		s := &stream{Source: source, events: events, began: began, recent: map[remote.LogEntry]bool{}}
		// One more than is shown tells whether there is more.
		s.Ask.Follow, s.Ask.Lines = r.Follow, min(r.Lines+1, remote.MaxLogLines)
		wait.Go(func() { s.run(ctx) })
	}
	m := merger{reading: r, events: events, state: map[string]string{}, hold: newHold(holdFor)}
	stored, err := m.stored(ctx)
	if r.Follow && ctx.Err() != nil {
		return false, nil // told to stop
	}
	if err != nil {
		return false, err
	}
	cut = len(stored) > r.Lines
	for _, e := range stored[max(0, len(stored)-r.Lines):] {
		if err := r.Show(e); err != nil {
			return cut, err
		}
	}
	if r.Follow {
		return cut, m.follow(ctx)
	}
	return cut, nil
}

// merger is what Run knows of its streams.
type merger struct {
	reading Reading
	events  <-chan event
	state   map[string]string // told or lost, by server; absent before it is either
	hold    *hold
}

// The states of a stream.
const (
	told = "told"
	lost = "lost"
)

// stored collects what every server has stored. What comes meanwhile from those that
// have told all is held for later.
func (m *merger) stored(ctx context.Context) ([]Entry, error) {
	streams := make([][]Entry, len(m.reading.Sources))
	for len(m.state) < len(streams) {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case e := <-m.events:
			i := slices.IndexFunc(m.reading.Sources, func(s Source) bool { return s.Server == e.server })
			if e.entry != nil && m.state[e.server] == "" {
				streams[i] = append(streams[i], *e.entry)
				continue
			}
			m.take(e)
		}
	}
	for _, state := range m.state {
		if state == told || m.reading.Follow {
			return Merge(streams...), nil
		}
	}
	return nil, ErrNobody
}

// take notes what a stream tells.
func (m *merger) take(e event) {
	was := m.state[e.server]
	if e.lost != nil {
		m.hold.lost(e.server)
		m.state[e.server] = lost
		if was != lost {
			again := ""
			if m.reading.Follow {
				again = "; it is tried again"
			}
			m.reading.Warn(e.server, fmt.Sprintf("%v%s", e.lost, again))
		}
		return
	}
	if was == lost {
		m.reading.Warn(e.server, "it answers again")
	}
	if was == lost || e.told {
		m.state[e.server] = told
	}
	if e.entry != nil {
		m.hold.add(*e.entry, time.Now())
	} else {
		m.hold.spoke(e.server, e.spoke)
	}
}

// follow shows what comes until ctx ends, which is no error.
func (m *merger) follow(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-m.events:
			m.take(e)
		case <-timer.C:
		}
		for _, e := range m.hold.ready(time.Now()) {
			if err := m.reading.Show(e); err != nil {
				return err
			}
		}
		if at, any := m.hold.due(); any {
			timer.Reset(time.Until(at))
		}
	}
}
