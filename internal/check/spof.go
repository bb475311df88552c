package check

import (
	"fmt"
	"slices"
	"strings"

	"scaleup/internal/dbstatus"
	"scaleup/internal/evidence"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

var singlePoint = kind{id: "spof", why: "every request passes all tiers, so while the only server of one is down, or reboots, the site is down"}

// onlyOne says what a server is the only one of. Load balancers are the way in, and
// candidates for the virtual addresses through which the tiers reach each other.
var onlyOne = map[spec.Role]string{
	spec.LoadBalancer: "the only load balancer: the only way in, and nobody else can hold the virtual addresses",
	spec.Web:          "the only web server",
	spec.App:          "the only app server",
	spec.Database:     "the only database server, with the only copy of the data",
}

// singleByShape finds the servers whose tier cannot lose them, whatever is running. Two
// database servers are no better than one: either is half, and half is no majority.
func singleByShape(t *topology.Topology) []Finding {
	var found []Finding
	for _, role := range spec.Roles {
		tier := t.With(role)
		message := onlyOne[role]
		if role == spec.Database && len(tier) == 2 {
			message = "one of two database servers: the other alone is no majority"
		} else if len(tier) != 1 {
			continue
		}
		for _, s := range tier {
			k := singlePoint
			k.drill = awayDrill(t, role)
			found = append(found, k.found(Warning, s.Name, fmt.Sprintf("add %s to servers: in %s, then: %s", twinLines(t, role), t.Site.File, converge(t)), "%s", message))
		}
	}
	return found
}

var deadTier = kind{id: "tier", why: "every request passes all tiers: without this one the site is down, or serves old pages at best"}

// lastOfTier finds tiers that were built to lose a server and have lost all others, and
// tiers that are gone.
func lastOfTier(l evidence.Look) []Finding {
	var found []Finding
	for _, role := range spec.Roles {
		tier := l.Topology.With(role)
		var working, ill []string
		for _, s := range tier {
			if why := ailing(l, s); why != "" {
				ill = append(ill, s.Name+" "+why)
			} else {
				working = append(working, s.Name)
			}
		}
		fix := "mend what ails it, told in full by: " + call(l.Topology, "status")
		switch {
		case len(working) == 0:
			k := deadTier
			k.drill = awayDrill(l.Topology, role)
			found = append(found, k.found(Critical, "", fix, "no %s works: %s", serverWord[role], strings.Join(ill, "; ")))
		case len(working) == 1 && len(tier) > 1:
			k := singlePoint
			k.drill = awayDrill(l.Topology, role)
			found = append(found, k.found(Critical, working[0], fix, "the last %s that works: %s", serverWord[role], strings.Join(ill, "; ")))
		}
	}
	return found
}

// ailing is why a server could not take over the work of its tier; "" when it could.
// The firewall is no part of that.
func ailing(l evidence.Look, s topology.Server) string {
	i := slices.IndexFunc(l.Status.Servers, func(o status.Server) bool { return o.Name == s.Name })
	if i < 0 {
		return "is not in the report"
	}
	server := l.Status.Servers[i]
	if server.State != "up" {
		return "is " + server.State
	}
	for _, c := range server.Components {
		if c.State != "running" && c.Name != "firewall" {
			return fmt.Sprintf("has its %s %s", c.Name, c.State)
		}
	}
	switch s.Role {
	case spec.LoadBalancer:
		return unfit(l, s)
	case spec.Database:
		return notOnline(l, s)
	}
	return outOfRotation(l, s)
}

// unfit is why a load balancer could not hold the virtual addresses.
func unfit(l evidence.Look, s topology.Server) string {
	switch b := l.Answers[s.Name].Response.Balancer; {
	case b == nil || !b.Fit:
		return "is not fit to hold the virtual addresses"
	case b.Yielding:
		return "was told to keep away from the virtual addresses"
	}
	return ""
}

func notOnline(l evidence.Look, s topology.Server) string {
	for _, m := range l.Status.Database.Members {
		if m.Server == s.Name && m.State != "ONLINE" {
			return "is " + m.State
		}
	}
	return ""
}

// outOfRotation is what the load balancers think of a web or app server. An app server
// has two slots, of which one is to be up.
func outOfRotation(l evidence.Look, s topology.Server) string {
	worst := ""
	for _, tier := range l.Status.Tiers {
		for _, b := range tier.Backends {
			web := tier.Name == "web" && b.Server == s.Name
			app := tier.Name == "app" && (b.Server == s.Name+"-a" || b.Server == s.Name+"-b")
			switch {
			case (web || app) && b.State == "up":
				return ""
			case (web || app) && b.State != "idle":
				worst = fmt.Sprintf("is %s for the load balancers", b.State)
			}
		}
	}
	return worst
}

var quorum = kind{id: "quorum", why: "writes need a majority of the members: when no more can fail, the next failure stops all writes", drill: "database-majority-kill"}

// groupQuorum counts what the group of three members or more still stands. That one
// member stands nothing, its shape says already.
func groupQuorum(l evidence.Look) []Finding {
	t := l.Topology
	d := dbstatus.Assess(t, l.Answers, 0)
	fix := "see which member is missing and what its guard waits for: " + call(t, "db status")
	switch {
	case d.Quorum.Online == 0:
		return nil // the tier is gone, and told
	case d.Primary == "":
		return []Finding{quorum.found(Critical, "", fix, "the database has no primary: nothing can be written")}
	case d.Quorum.Members > 1 && d.Quorum.Online < d.Quorum.Members:
		return []Finding{quorum.found(Warning, "", fix, "the database has %s", d.Quorum)}
	}
	return nil
}
