// Package record is what a drill leaves behind: every operation of its load, what
// the servers did meanwhile, when the fault was injected, bit and healed, what the
// ledger says, and the verdict. It is data and its forms on disk, nothing else:
// nothing here sends, measures or judges.
//
// Times inside a trial are durations since its first moment, by the monotonic
// clock of the operator's computer.
package record

import (
	"fmt"
	"time"
)

// Class is a kind of request. Classes are judged apart: a cache must not hide a
// dead tier behind it.
type Class uint8

// The classes of requests.
const (
	Static   Class = iota // a file of the web servers, under a query no cache has seen
	Page                  // a page that may come from a cache
	API                   // an answer of the application that may not
	Write                 // an order, or a row of the drill's own table through the internal VIP
	SQL                   // a row of that table beside the orders: a witness, no user
	Register              // a register of the drill's own, read or written: another witness
)

// Classes lists every class, in the order of reports.
var Classes = []Class{Static, Page, API, Write, SQL, Register}

var classNames = [...]string{"static", "page", "api-read", "write", "sql", "register"}

func (c Class) String() string { return classNames[c] }

// Read reports whether the class reads only.
func (c Class) Read() bool { return c <= API }

// User reports whether the class is what the site's users do, and so what outages
// and failures are counted of.
func (c Class) User() bool { return c <= Write }

// Outcome is what became of an operation.
type Outcome uint8

// The outcomes. When unsure, a write is Indeterminate.
const (
	OK            Outcome = iota // the right answer, in time
	Slow                         // the right answer, later than SLO after it was due
	Stale                        // an old answer of a cache, by the cache's own word
	Failed                       // a read without a right answer; a write that was provably not carried out
	Indeterminate                // a write that may or may not have been carried out
	Unsent                       // the generator did not send it: too many under way
)

// Outcomes lists every outcome, from good to bad.
var Outcomes = []Outcome{OK, Slow, Stale, Failed, Indeterminate, Unsent}

var outcomeNames = [...]string{"ok", "slow", "stale", "failed", "indeterminate", "unsent"}

func (o Outcome) String() string { return outcomeNames[o] }

// SLO is how late after it was due an answer still counts as ok, and Patience how
// long a user waits before giving up, both from the brief's load (drills.md).
const (
	SLO      = time.Second
	Patience = 5 * time.Second
)

// Op is one operation of the load.
type Op struct {
	Seq     int // number within the trial, in the order of due times
	Class   Class
	Fresh   bool  // over a connection of its own; otherwise over a kept one
	Proto   uint8 // HTTP version: 1 or 2; 0 for SQL
	Outcome Outcome
	Status  int           // HTTP status, or MySQL's error number; 0: none
	Due     time.Duration // when it should begin; latency is Done - Due
	Start   time.Duration // when it did; Start - Due is the generator's own lag
	Done    time.Duration
	Error   string // in a word or two, such as "refused", "reset", "timeout"; empty when all went well
	Again   int    // how often the client sent it again by itself; 0 for all but what HTTP/2 hands back unprocessed
}

// Latency is what the user waited, from when the operation was due.
func (o Op) Latency() time.Duration { return o.Done - o.Due }

// Lag is how late the generator itself was.
func (o Op) Lag() time.Duration { return o.Start - o.Due }

// Good reports whether the user was served, late or not.
func (o Op) Good() bool { return o.Outcome == OK || o.Outcome == Slow }

// Event is a change of state that a server told of itself.
type Event struct {
	At     time.Duration `json:"at_ns"`
	Server string        `json:"server"` // who said so
	Kind   EventKind     `json:"kind"`
	Name   string        `json:"name"`  // VIP (public), backend server (web/web1) or member (db1)
	State  string        `json:"state"` // held, free; up, down, drain, maint; ONLINE PRIMARY; silent
}

// EventKind says what an event is about.
type EventKind string

// The kinds of events.
const (
	EventVIP     EventKind = "vip"     // a load balancer took or lost a virtual address
	EventBackend EventKind = "backend" // a load balancer changed its mind on a backend server
	EventMember  EventKind = "member"  // a database member as its guard sees it
	EventWatch   EventKind = "watch"   // the server stopped or began to answer the drill's watcher
)

// Marks are the moments of a trial. Zero: it did not come to that.
type Marks struct {
	Inject    time.Duration `json:"inject_ns"`    // the order to break went out
	Bite      time.Duration `json:"bite_ns"`      // the fault was proven
	Heal      time.Duration `json:"heal_ns"`      // the order to heal went out
	Healed    time.Duration `json:"healed_ns"`    // the absence of the fault was proven
	Recovered time.Duration `json:"recovered_ns"` // full redundancy: every server, address and member as before
	End       time.Duration `json:"end_ns"`       // the last operation was due before
}

// Proof is what showed that a fault bit, or that it was gone.
type Proof struct {
	OK   bool   `json:"ok"`
	Text string `json:"text"` // "nginx.service on web1: process 412 is gone"
}

// Ledger is what became of the writes, by what every member holds afterwards.
type Ledger struct {
	Acked      int      `json:"acked"`
	Lost       int      `json:"lost"`       // acknowledged and on some member missing
	Duplicated int      `json:"duplicated"` // more than once on some member
	Recovered  int      `json:"recovered"`  // indeterminate and there
	Phantom    int      `json:"phantom"`    // reported failed and there
	Corrupt    int      `json:"corrupt"`    // there with another content than was sent
	Unexpected int      `json:"unexpected"` // there, of this trial, and never sent
	Members    []string `json:"members"`    // who was read
	Differ     bool     `json:"differ"`     // the members do not hold the same
	Invariants []string `json:"invariants"` // broken ones, in words; empty is good
	Registers  string   `json:"registers"`  // "linearizable", "violated", "unknown" (ran out of time), "" (none kept)
	Notes      []string `json:"notes"`      // examples of what is wrong, a few
	Error      string   `json:"error"`      // why it could not be read; then the rest says nothing
}

// Tool is the quality of the measurement itself.
type Tool struct {
	LagP99 time.Duration `json:"lag_p99_ns"` // of Start - Due
	LagMax time.Duration `json:"lag_max_ns"`
	Unsent int           `json:"unsent"`
	Again  int           `json:"again"` // operations the client sent again by itself
}

// Trial is one trial as it was recorded, without a judgement.
type Trial struct {
	Number int       `json:"number"` // from 1
	Began  time.Time `json:"began"`  // wall clock at offset 0
	Target []string  `json:"target"` // servers the fault was on
	Fault  string    `json:"fault"`  // in words
	Marks  Marks     `json:"marks"`
	Bite   Proof     `json:"bite"`
	Heal   Proof     `json:"heal"`
	Events []Event   `json:"events"`
	Ledger Ledger    `json:"ledger"`
	Tool   Tool      `json:"tool"`
	// HealApart: what happens at the moment of healing is judged by a promise of its
	// own. SelfHealing: the site gets over the fault without anybody healing it.
	// Planned: not a fault but a change that scaleup makes itself.
	HealApart   bool `json:"heal_apart"`
	SelfHealing bool `json:"self_healing"`
	Planned     bool `json:"planned"`
	// Void is why the trial says nothing about the site, "" when it does.
	Void string `json:"void"`
	// Aborted is why it ended early, "" when it did not.
	Aborted string `json:"aborted"`
	Ops     []Op   `json:"-"` // in ops.jsonl
}

// Key names the write of an operation, the same on the wire and in the database:
// run is unique per trial and in letters, digits and hyphens.
func Key(run string, seq int) string { return fmt.Sprintf("drill-%s-%07d", run, seq) }

// Quantity is what an operation orders, or the value its row holds: it differs from
// one to the next, so that a mixed-up write is seen.
func Quantity(seq int) int { return 1 + seq%5 }
