package guard

import (
	"fmt"
	"maps"
	"time"
)

// maxReplicaLag is how far a replica may be behind and still serve reads.
const maxReplicaLag = 5 * time.Second

// Snapshot is the guard's memory that all HTTP answers come from. It is never
// changed after it was published.
type Snapshot struct {
	Server    string
	Probed    time.Time // when the probe was begun; what it says was true after that
	MySQL     MySQL
	Record    Record
	Held      bool
	Message   string          // what the guard is waiting for or doing
	Stalled   time.Time       // since when transactions wait and none is applied; zero: they do not
	Peers     map[string]Peer // the other voters' last answers; never changed
	Slept     time.Duration   // for how long the machine had slept at the probe
	Claims    bool            // this member takes itself for the primary
	Claim     MySQL           // what MySQL showed when it last did
	Claimed   time.Time       // when that probe was begun
	Confirmed time.Time       // what its lease is counted from, while it does; zero: it has none
	Voters    []string        // every database server of the site, as this guard is configured
	Answered  time.Time       // when the last probe was begun that MySQL answered; zero: none was yet
	Pulse     Pulse
	Failures  int // actions that failed in a row; see Attempt
	Account   account
	History   History
}

// publish replaces the snapshot. Claim, promise and lease change together.
func (g *guard) publish() {
	g.ballot.mu.Lock()
	defer g.ballot.mu.Unlock()
	g.stand(time.Now())
	if before := g.ballot.changes; before != nil {
		defer close(before)
	}
	g.ballot.changes = make(chan struct{})
	s := g.current()
	s.Peers = maps.Clone(s.Peers)
	g.snapshot.Store(&s)
}

// current is what the loop knows; its Peers change with the loop's.
func (g *guard) current() Snapshot {
	v, message := &g.view, g.message
	if g.job != "" {
		message = g.job + ": " + message
	}
	return Snapshot{
		Server: g.policy.Server, Probed: g.probedAt, Slept: v.Slept, MySQL: v.MySQL, Record: v.Record,
		Claims: v.Claims, Claim: v.Claim, Claimed: v.Claimed, Confirmed: v.Confirmed,
		Held: v.Held, Message: message, Stalled: g.stalled, Peers: v.Peers, Voters: g.policy.Voters,
		Answered: g.answered, Pulse: v.Pulse, Failures: v.Attempt.Failures, Account: g.account, History: g.history,
	}
}

// memory is the snapshot, without what was true before the machine slept.
func (g *guard) memory() *Snapshot {
	s := g.snapshot.Load()
	if asleep()-s.Slept <= sleepSeen {
		return s
	}
	stale := *s
	stale.Probed = time.Time{}
	return &stale
}

// answering says why nothing can be told from memory, or "".
func (s *Snapshot) answering(now time.Time) string {
	switch age := now.Sub(s.Probed); {
	case s.Probed.IsZero():
		return "MySQL was not asked yet"
	case age > fresh:
		return fmt.Sprintf("the last probe of MySQL is %.1f s old", age.Seconds())
	case !s.MySQL.Reachable:
		return "MySQL does not answer: " + s.MySQL.Error
	}
	return ""
}

// readable says why this member must not serve reads, or "". It must be in a living
// group, or have outlived it: one that is cut off would serve ever older data. How far
// it is behind is bounded by replica, not here.
func (s *Snapshot) readable(now time.Time) string {
	why := s.living(now)
	if why == "" || s.answering(now) != "" {
		return why
	}
	if alone := s.outlived(now); alone != "" {
		return why + "; and " + alone
	}
	return ""
}

// living says why this member is not ONLINE, in any role, together with a majority, or "".
func (s *Snapshot) living(now time.Time) string {
	switch why := s.answering(now); {
	case why != "":
		return why
	case s.MySQL.State != Online:
		return fmt.Sprintf("member is %s: %s", s.MySQL.State, s.Message)
	case !s.MySQL.majority():
		return "most members of the group are out of reach"
	case s.MySQL.OfflineMode:
		return "MySQL is in offline mode"
	}
	return ""
}

// patient is the snapshot with the last word of a primary that has been slow to answer
// since, but not for longer than slowFor.
func (s *Snapshot) patient(now time.Time) *Snapshot {
	if !s.Claims || s.Probed.IsZero() || now.Sub(s.Claimed) > slowFor {
		return s
	}
	p := *s
	p.MySQL, p.Probed = s.Claim, now
	return &p
}

// primary says why this member must not take writes, or "".
func (s *Snapshot) primary(now time.Time) string {
	s = s.patient(now)
	switch why := s.living(now); {
	case why != "":
		return why
	case s.MySQL.Role != Primary:
		return fmt.Sprintf("member is %s; the primary is %s", s.MySQL.Role, s.MySQL.primary())
	case s.MySQL.SuperReadOnly:
		return "the primary is read-only: it applies its backlog first"
	}
	return s.confirmed(now)
}

// replica says why this member is not a replica that is up to date, or "".
func (s *Snapshot) replica(now time.Time) string {
	why := s.living(now)
	if why != "" {
		return why
	}
	if s.MySQL.Role != Secondary {
		return "member is " + s.MySQL.Role
	}
	if lag := s.lag(now); lag > maxReplicaLag {
		return fmt.Sprintf("%.1f s and %d transactions behind; the limit is %.0f s", lag.Seconds(), s.MySQL.Queue, maxReplicaLag.Seconds())
	}
	return ""
}

// lag is how far the member is behind: the age of the oldest transaction being
// applied, or, when transactions wait and none is being applied, for how long that
// has been so. An idle member is not behind, however old its last transaction.
func (s *Snapshot) lag(now time.Time) time.Duration {
	lag := time.Duration(s.MySQL.Applying * float64(time.Second))
	if !s.Stalled.IsZero() {
		lag = max(lag, now.Sub(s.Stalled))
	}
	return lag
}

// answer is what other guards are told.
func (s *Snapshot) answer(now time.Time) Answer {
	a := Answer{Server: s.Server, Record: s.Record, MySQL: s.MySQL, Held: s.Held, Claims: s.Claims}
	if why := s.answering(now); why != "" {
		a.MySQL = MySQL{Error: why, Down: s.MySQL.Down && now.Sub(s.Probed) <= fresh}
	}
	return a
}

// Status is the document of GET /status.
type Status struct {
	Server          string         `json:"server"`
	State           string         `json:"state"`   // MySQL's member state; UNREACHABLE when mysqld does not answer
	Role            string         `json:"role"`    // PRIMARY, SECONDARY or ""
	Primary         string         `json:"primary"` // server name, or ""
	Members         []StatusMember `json:"members"` // as this member sees them
	LagTransactions int64          `json:"lag_transactions"`
	LagSeconds      float64        `json:"lag_seconds"`
	View            string         `json:"view"`
	Epoch           uint64         `json:"epoch"`
	Held            bool           `json:"held"`
	MySQLVersion    string         `json:"mysql_version"`
	Message         string         `json:"message"` // what the guard waits for; "" when all is well
	Voters          []string       `json:"voters"`  // every database server of the site, as the guard is configured
	Doing           *Doing         `json:"doing"`   // what is under way; null when nothing is
	Actions         []Done         `json:"actions"` // the last that ended, oldest first; gone when the guard restarts
	History         []Change       `json:"history"` // oldest first
	Aside           []Copy         `json:"aside"`   // copies of data that the group did not have, oldest first
}

// StatusMember is a member in Status.
type StatusMember struct {
	Server string `json:"server"`
	State  string `json:"state"`
	Role   string `json:"role"`
}

func (s *Snapshot) status(now time.Time) Status {
	st := Status{Server: s.Server, State: Unreachable, Members: []StatusMember{}, Epoch: s.Record.Epoch, Held: s.Held, Message: s.Message, Voters: s.Voters,
		Doing: s.Account.doing, Actions: list(s.Account.done), History: list(s.History.Changes), Aside: list(s.History.Aside)}
	if why := s.answering(now); why != "" {
		st.Message = why
		return st
	}
	st.State, st.MySQLVersion = s.MySQL.State, s.MySQL.Version
	if !s.MySQL.active() {
		return st
	}
	st.Role, st.Primary, st.View = s.MySQL.Role, s.MySQL.primary(), s.MySQL.ViewID
	st.LagTransactions, st.LagSeconds = s.MySQL.Queue, s.lag(now).Seconds()
	for _, m := range s.MySQL.Members {
		st.Members = append(st.Members, StatusMember{Server: m.Server, State: m.State, Role: m.Role})
	}
	return st
}

// list makes an empty list of none, for readers that tell null from [].
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
