// Package evidence is one look at a running site: what status asks of every server,
// and in the same call what each shows of itself (package inspect). check, explain,
// graph and doctor speak from it. It judges nothing and changes nothing.
package evidence

import (
	"context"
	"time"

	"scaleup/internal/inspect"
	"scaleup/internal/remote"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// Look is a site as it was at one moment.
type Look struct {
	Topology *topology.Topology
	At       time.Time // this computer's clock, when the look began
	Status   status.Report
	Answers  map[string]status.Answer // by server; one that did not answer says why
}

// Take looks at every server side by side, within status.Deadline. ca is the path of
// the site's own authority, for the report; see status.Assess. ask says what to read
// beyond what status needs.
func Take(ctx context.Context, t *topology.Topology, ca string, connect status.Connect, ask func(topology.Server) inspect.Ask) Look {
	at := time.Now()
	answers := status.Ask(ctx, t, connect, func(s topology.Server, q *remote.Request) {
		a := ask(s)
		q.Inspect = &a
	})
	return Look{Topology: t, At: at, Status: status.Assess(t, ca, answers), Answers: answers}
}

// Of is what a server showed of itself; nil when it did not answer.
func (l Look) Of(server string) *inspect.Report { return l.Answers[server].Response.Inspection }

// Missing are the servers that did not answer, in the order of the topology.
func (l Look) Missing() []string {
	var names []string
	for _, s := range l.Topology.Servers {
		if l.Of(s.Name) == nil {
			names = append(names, s.Name)
		}
	}
	return names
}

// Offset is how far a server's clock is ahead of this computer's, and by how much that
// may be wrong; see inspect.Report.Ahead.
func (l Look) Offset(server string) (ahead, doubt time.Duration, ok bool) {
	a, r := l.Answers[server], l.Of(server)
	if r == nil {
		return 0, 0, false
	}
	ahead, doubt = r.Ahead(a.Asked, a.Answered)
	return ahead, doubt, true
}
