package plan

import (
	"fmt"
	"slices"
	"strings"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// RefusedError says why no plan is made for what the site file says.
type RefusedError struct{ Reason, Fix string }

func (e *RefusedError) Error() string { return e.Reason }

// Hint implements the command line's way out.
func (e *RefusedError) Hint() string { return e.Fix }

// leastMembers survive the loss of one.
const leastMembers = 3

// Check refuses what must not be done to a running site, with a *RefusedError,
// before anything is touched: a database group that survived the loss of a server
// must not become one that does not, by an edit of the site file. A site that has
// had one database server all along goes on with it.
func Check(want Desired, got Observed) error {
	names := want.Topology.Names(spec.Database)
	if len(names) >= leastMembers || len(got.Members) < leastMembers {
		return nil
	}
	gone := slices.DeleteFunc(slices.Clone(got.Members), func(m string) bool { return slices.Contains(names, m) })
	return &RefusedError{
		Reason: fmt.Sprintf("the site file names %d database server (%s), and the running group has %d (%s): without %s it would not survive the loss of a server",
			len(names), strings.Join(names, ", "), len(got.Members), strings.Join(got.Members, ", "), strings.Join(gone, " and ")),
		Fix: "keep three; to replace a server, name the new one in the same edit that leaves the old one out; to go back to one server for good, back up and restore into a new site",
	}
}

// primaryLeaves reports whether the primary is a server that the site file does
// not name any more.
func (m *maker) primaryLeaves() bool {
	named := slices.ContainsFunc(m.want.Topology.Servers, func(s topology.Server) bool { return s.Name == m.got.Primary })
	return m.got.Primary != "" && !named
}

// switchAway hands the primary to a server that stays, before the firewalls of the
// others shut the primary's server out. The load balancers still know both then.
func (m *maker) switchAway() {
	tier := m.tier(spec.Database)
	stays := slices.IndexFunc(tier, func(s topology.Server) bool { return slices.Contains(m.got.Members, s.Name) })
	if stays < 0 || !m.primaryLeaves() {
		return
	}
	m.begin()
	m.add(m.movePrimary(tier[stays].Name, m.got.Primary, "the site file does not name "+m.got.Primary+" any more; writes go on elsewhere"))
}

// movePrimary is the step that moves the primary away from a server; on is the
// server the step is told for.
func (m *maker) movePrimary(on, from, reason string) Step {
	return Step{Server: on, Component: "mysql", Resource: Primary, Action: Move, From: State(m.got.Primary), To: NotOn(from), Reason: reason}
}

// notOn begins the state of what is anywhere but on a server.
const notOn = "not "

// NotOn is the state of the primary when it is anywhere but on that server.
func NotOn(server string) State { return State(notOn + server) }

// AwayFrom names the server that a NotOn state is about, "" for another state.
func AwayFrom(s State) string {
	server, ok := strings.CutPrefix(string(s), notOn)
	if !ok {
		return ""
	}
	return server
}
