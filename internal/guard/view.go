package guard

import (
	"slices"
	"time"
)

// Member states and roles, in MySQL's own words.
const (
	Online      = "ONLINE"
	Recovering  = "RECOVERING"
	Offline     = "OFFLINE"
	Failed      = "ERROR"
	Unreachable = "UNREACHABLE"

	Primary   = "PRIMARY"
	Secondary = "SECONDARY"
)

// MySQL is one mysqld as its own guard sees it.
type MySQL struct {
	Reachable bool   `json:"reachable"`       // answered a probe within a second
	Error     string `json:"error,omitempty"` // why not
	Hangs     bool   `json:"hangs,omitempty"` // not refused: mysqld took the question and did not answer in time
	Down      bool   `json:"down,omitempty"`  // nobody takes questions at its socket: mysqld is not running

	UUID          string   `json:"uuid"`
	Version       string   `json:"version"`
	Uptime        int64    `json:"uptime"` // seconds; falls when mysqld was restarted
	Group         string   `json:"group"`  // group_replication_group_name as it is configured
	State         string   `json:"state"`
	Role          string   `json:"role"`
	ViewID        string   `json:"view_id"`
	Members       []Member `json:"members"` // of its view, itself included
	SuperReadOnly bool     `json:"super_read_only"`
	OfflineMode   bool     `json:"offline_mode"`
	Bootstrapping bool     `json:"bootstrapping"` // group_replication_bootstrap_group is ON: a START may be under way
	CloneState    string   `json:"clone_state"`   // of the last clone, "" when there was none

	Executed string `json:"executed"` // gtid_executed
	Received string `json:"received"` // certified and queued by the group's applier channel, applied or not
	Purged   string `json:"purged"`   // gtid_purged

	Queue    int64   `json:"queue"`    // transactions waiting for certification or the applier
	Applying float64 `json:"applying"` // age in seconds of the oldest transaction being applied; 0 when idle
	Written  int64   `json:"written"`  // bytes that InnoDB has written since mysqld started
	// ApplierWaits is the lock that a worker of the applier waits for, in MySQL's words,
	// or why that could not be read; "" when none waits, and while nothing is queued.
	ApplierWaits string `json:"applier_waits,omitempty"`
}

// Member is a row of the group as one mysqld sees it.
type Member struct {
	Server string `json:"server"` // server name; the host when no voter has it
	UUID   string `json:"uuid"`
	State  string `json:"state"`
	Role   string `json:"role"`
	Queue  int64  `json:"queue"` // transactions waiting on that member, as it last announced
}

// majority reports whether this mysqld is ONLINE or RECOVERING together with
// more than half of its view.
func (m MySQL) majority() bool {
	alive := 0
	for _, member := range m.Members {
		if member.State == Online || member.State == Recovering {
			alive++
		}
	}
	return (m.State == Online || m.State == Recovering) && 2*alive > len(m.Members)
}

// stuck reports whether transactions wait and none is being applied. The counters
// alone are not trusted: with everything received executed there is no lag.
func (m MySQL) stuck() bool {
	if m.Queue == 0 || m.Applying > 0 {
		return false
	}
	c, err := readCandidate(Answer{MySQL: m})
	return err != nil || !c.todo.Empty()
}

// active reports whether this mysqld takes part in a group, with or without a majority.
func (m MySQL) active() bool { return m.State == Online || m.State == Recovering }

// primary is the name of the primary in this mysqld's view, or "".
func (m MySQL) primary() string {
	for _, member := range m.Members {
		if member.Role == Primary && member.State == Online {
			return member.Server
		}
	}
	return ""
}

// lists reports whether this mysqld's view has the server as a member.
func (m MySQL) lists(server string) bool {
	return slices.ContainsFunc(m.Members, func(x Member) bool { return x.Server == server })
}

// servers are the names in this mysqld's view, sorted.
func (m MySQL) servers() []string {
	names := make([]string, len(m.Members))
	for i, member := range m.Members {
		names[i] = member.Server
	}
	slices.Sort(names)
	return names
}

// Answer is what one guard tells another.
type Answer struct {
	Server string `json:"server"`
	Record Record `json:"record"`
	MySQL  MySQL  `json:"mysql"`
	Held   bool   `json:"held"` // told to stay out of the group for planned work
	// Claims says that its member takes itself for the primary, by the last probe. While it
	// does not, its guard counts on no promise that it was given before.
	Claims   bool `json:"claims"`
	Promised bool `json:"promised,omitempty"` // to who asked, as the primary: nobody else is confirmed for promisedFor
}

// Peer is another voter's guard: its last answer and when that was asked for.
type Peer struct {
	Asked  time.Time // zero: never answered
	Error  string    // of the last attempt, "" when it succeeded
	Answer Answer
}

// Attempt remembers failed actions, so that they are tried again ever less often.
type Attempt struct {
	Failures int
	Next     time.Time // not before
	Error    string
}

// View is everything Decide looks at.
type View struct {
	MySQL   MySQL
	Record  Record
	Held    bool
	Peers   map[string]Peer // every other voter, by name
	Attempt Attempt
	// GroupSeen is since when some peer has been a member of a living group without
	// a break, zero when none is.
	GroupSeen time.Time
	// What confirms a primary; see confirm.go.
	ViewSeen    string        // the last view that MySQL has shown…
	MembersSeen int           // …and how many it had
	Claims      bool          // this member takes itself for the primary
	Claim       MySQL         // what MySQL showed when it last did
	Claimed     time.Time     // when that probe was begun
	ClaimsSince time.Time     // since when it does in the view of Claim
	Unclaimed   time.Time     // when the guard last told that it does not
	Confirmed   time.Time     // what its lease is counted from; zero: it has none
	Slept       time.Duration // for how long the machine had slept at the last probe
	Woke        time.Time     // when that was last found to have grown
	// BacklogRefused says that MySQL would not apply the received backlog outside
	// the group; Group Replication then does so while it forms.
	BacklogRefused bool

	// What Group Replication does not see; see hang.go.
	Pulse          Pulse
	Unanswered     time.Time // since when mysqld takes questions and answers none; zero: it answers or is down
	Halted         time.Time // since when a secondary has transactions to apply and neither applies nor writes anything
	Redundant      time.Time // since when all voters are healthy members without a break
	Restored       time.Time // when they last had been for long enough after somebody was taken out
	Turn           Turn      // the last one that was noted; see turn.go
	OwnTurn        string    // identifier of this guard's attempt to take one; "": it makes none
	TurnRefused    time.Time // when that was last refused…
	RefusedBy      string    // …by whom and why
	HandOverFailed time.Time // when a hand-over was tried in vain
}

// Policy is what apply decided about the group.
type Policy struct {
	Server  string   // this one
	Group   string   // group name
	Initial string   // may form the group for the first time
	Voters  []string // all, sorted
	// Recovered says which voters may form the group for the first time after a
	// former one was given up; nil when none was.
	Recovered *Recovered
}

// peerFresh is how old a peer's answer may be: the guard asks four times a second
// while it is not ONLINE.
const peerFresh = time.Second

// Kind is what the guard can do.
type Kind string

// The actions. All but Wait are performed by the loop, one at a time.
const (
	Wait         Kind = "wait"          // nothing to do, or nothing that may be done
	Stop         Kind = "stop"          // STOP GROUP_REPLICATION after an error
	Fence        Kind = "fence"         // super_read_only on a former member that takes no part in the group
	EndBootstrap Kind = "end-bootstrap" // switch off group_replication_bootstrap_group that a killed guard left on
	Join         Kind = "join"          // START GROUP_REPLICATION
	Clone        Kind = "clone"         // replace the data by a donor's, then mysqld restarts
	ApplyBacklog Kind = "apply-backlog" // apply received transactions before forming the group
	Bootstrap    Kind = "bootstrap"     // collect grants, then form the group
	HandOver     Kind = "hand-over"     // make a healthy member the primary
	FenceSelf    Kind = "fence-self"    // SIGKILL to the own mysqld, which Group Replication then sees
	StepOut      Kind = "step-out"      // leave the group, and where that hangs, FenceSelf
	SetAside     Kind = "set-aside"     // copy data that the group does not have, before a clone replaces it
)

// Action is one decision.
type Action struct {
	Kind   Kind
	Reason string   // one line for people: status, log and health checks show it
	Donor  string   // Clone: the server to copy
	Group  []string // Join: the members of the group
	To     string   // HandOver: server_uuid of the next primary
	Noting []string // HandOver, FenceSelf, StepOut: members whose guards have to note it first, this one included; nil: they have
	Extra  string   // SetAside: the transactions that the group lacks
	Epoch  uint64   // Bootstrap: the epoch to be granted
	Voters []string // Bootstrap: whose grants are needed, this server included
	Newest Record   // Bootstrap: the newest record known, which the voters hold against their own
}

func wait(reason string) Action { return Action{Kind: Wait, Reason: reason} }
