package check

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"scaleup/internal/evidence"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

var connections = kind{
	id: "connections", drill: "database-primary-kill",
	why: "a database server that has no connection left refuses applications that are well, and after a failover all of them connect at once",
}

const maxConnections = "max_connections"

// connectionLimits compares what may connect to a database server with what it takes.
// What protects it are HAProxy's bounds; what an application wants, its pools, is known
// only where its environment says so.
func connectionLimits(l evidence.Look) []Finding {
	var found []Finding
	passed, balancer := throughHAProxy(l)
	for _, s := range l.Topology.With(spec.Database) {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		most, err := strconv.Atoi(r.MySQL[maxConnections])
		if err != nil {
			continue // unread, or not asked
		}
		if passed > most {
			found = append(found, connections.found(Warning, s.Name, "put both back: "+converge(l.Topology),
				"max_connections is %d, and HAProxy on %s lets up to %d through", most, balancer, passed))
		}
	}
	return append(found, pools(l, passed)...)
}

// throughHAProxy is how many connections one load balancer lets through to one database
// server at most, and which does. The primary's are those of writes, and while there is
// no replica, of reads. Only the holder of the virtual address has any: whoever loses it
// cuts them.
func throughHAProxy(l evidence.Look) (most int, balancer string) {
	for _, s := range l.Topology.With(spec.LoadBalancer) {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		h := readHAProxy(r.Configs[haproxyConfig])
		writes, ok := h.perServer("mysql_primary")
		replica, ok2 := h.perServer("mysql_replica")
		readable, ok3 := h.perServer("mysql_readable")
		if n := writes + max(replica, readable); ok && ok2 && ok3 && n > most {
			most, balancer = n, s.Name
		}
	}
	return most, balancer
}

// poolName is how programs commonly call the size of their pool of connections.
var poolName = regexp.MustCompile(`(^|_)(POOL|POOL_SIZE|MAX_OPEN_CONNS)$`)

// pools compares the pools that the application's environment declares with what the
// load balancers let through. During a deploy both slots of an app server run.
func pools(l evidence.Look, passed int) []Finding {
	site := l.Topology.Site
	var found []Finding
	for _, name := range slices.Sorted(maps.Keys(site.App.Env)) {
		size, err := strconv.Atoi(site.App.Env[name])
		if err != nil || !poolName.MatchString(name) || passed == 0 {
			continue
		}
		slots := len([]topology.Slot{topology.SlotA, topology.SlotB})
		servers := len(l.Topology.With(spec.App))
		if want := size * slots * servers; want > passed {
			found = append(found, connections.found(Warning, "", fmt.Sprintf("lower %s in app.env: of %s to %d or less, then: %s", name, site.File, passed/(slots*servers), converge(l.Topology)),
				"%s is %d: %s, two slots each while a release is deployed, want %d connections, and the load balancers let %d through",
				name, size, counted(servers, "app server"), want, passed))
		}
	}
	return found
}
