package explain

import (
	"fmt"
	"slices"
	"strings"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func data() []Question {
	return []Question{
		{Name: "replication", Question: "How does a Primary-Replica (formerly Master-Slave) database cluster work?", Group: groupData, answer: replication},
		{Name: "primary-and-replica", Question: "What is the difference between the primary and a replica in regard to the application?", Group: groupData, answer: primaryAndReplica},
	}
}

func replication(v view, a *Answer) {
	a.say("The primary takes all writes. Each transaction gets a number (a GTID) and goes to all members of the group as a message; when a majority has received it, and it conflicts with no other, the primary commits it and says so to the application. The others, the replicas, write it to disk, apply it, and so hold the same data a moment later. Which transactions a member has is its GTID set; how many it has received and not applied yet is its queue, the lag.")
	a.say("When the primary falls silent for five seconds, the others expel it and elect one of themselves; it applies what is in its queue and takes writes. Since a majority had every acknowledged transaction, none is lost. A member that returns fetches what it missed, or copies everything if too much is missing.")
	if v.count(spec.Database) == 1 {
		a.say("In this site there is one database server, so there is no replica: the primary is a group of one, its majority is itself, and nobody takes over when it fails. What is described above begins with three.")
	} else {
		a.say("A majority of %d is %d. The site goes on writing while that many are in touch; with fewer it only reads, because the rest could have gone on without them.", v.count(spec.Database), v.count(spec.Database)/2+1)
	}
	v.members(a)
	if v.database.Quorum.Online > 0 {
		a.show("quorum", v.database.Quorum.String(), v.names(spec.Database)+", the guards' /status")
	}
	v.variable(a, "one primary, by configuration", "group_replication_single_primary_mode")
	v.variable(a, "transactions that a member has", "gtid_executed")
	v.drill(a, "database-primary-kill", "database-replica-lag", "planned-switch")
}

// members shows each database server's state, role and lag.
func (v view) members(a *Answer) {
	for _, s := range v.database.Servers {
		from := s.Server + ", the guard's /status"
		if s.Epoch == 0 && s.Role == "" && s.Version == "" {
			a.miss("member "+s.Server, strings.TrimSpace(s.State+": "+s.Waits), from)
			continue
		}
		role := strings.ToLower(s.Role)
		if role == "" {
			role = "no role"
		}
		a.show("member "+s.Server, fmt.Sprintf("%s, %s, queue %d transactions, %.1f s behind, MySQL %s", s.State, role, s.LagTransactions, s.LagSeconds, s.Version), from)
	}
}

// variable shows a setting of MySQL on all database servers.
func (v view) variable(a *Answer, what, name string) {
	values := map[string]string{}
	for _, s := range v.t.With(spec.Database) {
		from := s.Name + ", MySQL @@" + name
		r := v.of(s.Name)
		if r == nil {
			a.miss(what, v.silence(s.Name), from)
			continue
		}
		value, ok := r.MySQL[name]
		if !ok {
			a.miss(what, v.reason(s.Name, "mysql"), from)
			continue
		}
		values[s.Name] = value
	}
	// Members that agree share a row.
	var told []string
	for _, s := range v.t.With(spec.Database) {
		value, ok := values[s.Name]
		if !ok || slices.Contains(told, value) {
			continue
		}
		told = append(told, value)
		var same []string
		for _, o := range v.t.With(spec.Database) {
			if other, ok := values[o.Name]; ok && other == value {
				same = append(same, o.Name)
			}
		}
		if value == "" {
			value = "(empty)"
		}
		a.show(what, value, listed(same)+", MySQL @@"+name)
	}
}

func primaryAndReplica(v view, a *Answer) {
	a.say("The application has two addresses for its database, and chooses by what it is about to do. Port %d of %s leads to the primary, for everything that writes and for what must be read as it is at this very moment. Port %d leads to the replicas, for reads that may be a moment old (at most five seconds; a replica that is further behind gets none).", topology.PortMySQL, v.t.Internal, topology.PortMySQLRead)
	a.say("The primary takes reads and writes. A replica answers reads and refuses every write, whoever asks: MySQL is read-only there (error 1290). That is not politeness but protection: a write that only one replica had would make its data another than the group's.")
	a.say("When the primary changes, the application keeps its addresses. HAProxy cuts the connections to the old primary, new ones lead to the new one, and the application has to do what it must do with any database: connect again and repeat the transaction.")
	replicas := v.replicas()
	switch {
	case v.count(spec.Database) == 1:
		a.say("In this site there is no replica: the one server takes reads and writes on both ports, no write can be shown being refused, and reads grow no further than that server.")
	case len(replicas) == 0:
		a.say("Right now no member says that it is a replica, so no write can be shown being refused.")
	}
	for _, backend := range []struct{ what, name string }{
		{fmt.Sprintf("behind port %d (writes)", topology.PortMySQL), "mysql_primary"},
		{fmt.Sprintf("behind port %d (reads)", topology.PortMySQLRead), "mysql_replica"},
		{fmt.Sprintf("behind port %d while no replica answers", topology.PortMySQLRead), "mysql_readable"},
	} {
		v.backends(a, backend.what, backend.name)
	}
	for _, name := range replicas {
		v.refusedWrite(a, name)
	}
	v.variable(a, "refuses writes", "super_read_only")
	v.drill(a, "planned-switch", "database-primary-kill", "database-replica-lag")
}

// refusedWrite shows what a replica answered to a write.
func (v view) refusedWrite(a *Answer, server string) {
	what, from := "a write to the replica "+server, server+", MySQL"
	r := v.of(server)
	switch {
	case r == nil:
		a.miss(what, v.silence(server), from)
	case r.Write == nil:
		a.miss(what, v.reason(server, "write"), from)
	case r.Write.Refused:
		a.show(what, fmt.Sprintf("%s: refused: %s", r.Write.Statement, r.Write.Error), from)
	default:
		a.show(what, r.Write.Statement+": NOT refused, "+server+" takes writes beside the primary", from)
	}
}
