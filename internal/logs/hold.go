package logs

import (
	"slices"
	"time"
)

// hold brings the entries of streams that go on into order. It keeps an entry back
// until every live stream has spoken of its time or a later one, for at most delay of
// this computer's clock: a silent stream, or one whose server's clock is behind, must not
// keep the others back.
type hold struct {
	delay  time.Duration
	spoken map[string]time.Time // live streams: the latest time each has spoken of
	held   []heldEntry          // in the order of their time, then of their arrival
}

type heldEntry struct {
	Entry
	arrived time.Time
}

func newHold(delay time.Duration) *hold {
	return &hold{delay: delay, spoken: map[string]time.Time{}}
}

// spoke notes that a stream lives and has told all until at, by its server's clock.
func (h *hold) spoke(server string, at time.Time) {
	if known, ok := h.spoken[server]; !ok || at.After(known) {
		h.spoken[server] = at
	}
}

// lost forgets a stream: nobody waits for it any more.
func (h *hold) lost(server string) { delete(h.spoken, server) }

func (h *hold) add(e Entry, now time.Time) {
	h.spoke(e.Server, e.Time)
	at := len(h.held)
	for at > 0 && h.held[at-1].Time.After(e.Time) {
		at--
	}
	h.held = slices.Insert(h.held, at, heldEntry{e, now})
}

// ready takes out what need not be kept back any longer, in order.
func (h *hold) ready(now time.Time) []Entry {
	until, waiting := h.until()
	n := 0
	for i, e := range h.held {
		if !waiting || !until.Before(e.Time) || now.Sub(e.arrived) >= h.delay {
			n = i + 1
		}
	}
	out := make([]Entry, n)
	for i, e := range h.held[:n] {
		out[i] = e.Entry
	}
	h.held = slices.Delete(h.held, 0, n)
	return out
}

// until is the time of which every live stream has spoken, if there is any to wait for.
func (h *hold) until() (at time.Time, waiting bool) {
	for _, spoken := range h.spoken {
		if !waiting || spoken.Before(at) {
			at, waiting = spoken, true
		}
	}
	return at, waiting
}

// due is when the next entry must be shown though a stream is silent.
func (h *hold) due() (at time.Time, any bool) {
	for _, e := range h.held {
		if t := e.arrived.Add(h.delay); !any || t.Before(at) {
			at, any = t, true
		}
	}
	return at, any
}
