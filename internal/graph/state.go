package graph

// State of a node, in the word that every format shows.
type State string

// The states of servers. Those of a database server that is not in the group are
// MySQL's own words in lower case: recovering, offline, error, unknown.
const (
	Serving     State = "serving"
	Waiting     State = "standby"     // load balancer that could hold the addresses
	Primary     State = "primary"     // takes writes
	Replica     State = "replica"     // takes reads
	Draining    State = "draining"    // finishes what it has
	Unfit       State = "unfit"       // load balancer that may not hold the addresses
	Failing     State = "failing"     // a program does not run, or its health checks fail
	Down        State = "down"        // powered off
	Unreachable State = "unreachable" // does not answer
	Unknown     State = "unknown"     // nobody can tell
	Planned     State = "planned"
)

// The states of virtual addresses, and of the users.
const (
	Held      State = "held"
	Unheld    State = "held by nobody"
	Contested State = "held twice"
	Outside   State = "outside"
)

// Works reports whether a server does, or could at once take over, the work of its tier.
func (s State) Works() bool {
	switch s {
	case Serving, Waiting, Primary, Replica, Planned:
		return true
	}
	return false
}

// tone groups the states by how bad they are, for colours. What a colour says, a word
// and a shape say, too.
type tone string

const (
	good tone = "good"
	idle tone = "idle"
	warn tone = "warn"
	bad  tone = "bad"
)

func (s State) tone() tone {
	switch s {
	case Serving, Primary, Replica, Held:
		return good
	case Waiting, Planned, Outside:
		return idle
	case Draining, Unfit, "recovering":
		return warn
	}
	return bad
}

// Symbol is the state's shape as a character.
func (s State) Symbol() string {
	switch s {
	case Serving, Held:
		return "●"
	case Waiting:
		return "○"
	case Primary:
		return "◆"
	case Replica:
		return "◇"
	case Planned, Outside:
		return "◌"
	}
	if s.tone() == warn {
		return "◐"
	}
	return "✕"
}
