package guard

import (
	"maps"
	"time"
)

// account is what the guard does and has done since it was started: its own actions, and
// what others asked for (switch, leave, grant). It is never changed, only replaced.
type account struct {
	doing *Doing
	done  []Done // oldest first, at most maxDone
	tally map[string]tally
}

// Doing is what is under way.
type Doing struct {
	Kind   string    `json:"kind"`
	Reason string    `json:"reason"` // "" where somebody asked for it
	Since  time.Time `json:"since"`  // by this server's clock
}

// Done is what has ended, well or not.
type Done struct {
	At     time.Time `json:"at"` // when it was begun, by this server's clock
	Kind   string    `json:"kind"`
	Reason string    `json:"reason"` // "" where somebody asked for it
	Took   float64   `json:"took_seconds"`
	Error  string    `json:"error,omitempty"` // "" when it went well
}

// tally counts what has ended of one kind.
type tally struct{ all, failed int }

// maxDone is how many of those that have ended are kept.
const maxDone = 20

func (a account) begin(kind, reason string, now time.Time) account {
	a.doing = &Doing{Kind: kind, Reason: reason, Since: now.UTC()}
	return a
}

// end is the account after what was under way has ended.
func (a account) end(err error, took time.Duration) account {
	d := Done{At: a.doing.Since, Kind: a.doing.Kind, Reason: a.doing.Reason, Took: took.Seconds()}
	t := a.tally[d.Kind]
	t.all++
	if err != nil {
		d.Error = err.Error()
		t.failed++
	}
	counted := maps.Clone(a.tally)
	if counted == nil {
		counted = map[string]tally{}
	}
	counted[d.Kind] = t
	return account{done: appended(a.done, d, maxDone), tally: counted}
}
