package explain

import (
	"fmt"

	"scaleup/internal/inspect"
	"scaleup/internal/spec"
)

func traffic() []Question {
	return []Question{
		{Name: "distribution", Question: "What distribution algorithm is the load balancer configured with, and how does it work?", Group: groupTraffic, answer: distribution},
		{Name: "active-active", Question: "Is it Active-Active or Active-Passive, and what is the difference?", Group: groupTraffic, answer: activeActive},
	}
}

// algorithms that HAProxy knows, and how each works.
var algorithms = map[string]string{
	"leastconn":  "leastconn gives a request to the server that has the fewest open at this moment, and takes turns among those that have equally many. A server that has become slow holds its requests longer, so it gets fewer new ones without anybody noticing a failure; with equal servers the shares come out nearly equal.",
	"roundrobin": "roundrobin takes turns: each server gets a request in order, weighted if they differ. It is fair by number, not by work: a slow server gets as many as a fast one.",
	"static-rr":  "static-rr takes turns in a fixed order that does not change while it runs.",
	"source":     "source computes the server from the client's address, so a client stays with its server.",
	"uri":        "uri computes the server from the request's path, so a path stays with its server.",
	"random":     "random draws two servers and takes the one with fewer open requests.",
	"first":      "first fills a server before it begins with the next.",
	"hash":       "hash computes the server from a value of the request.",
}

// spread are the backends that share work, and what their servers are given.
var spread = []struct{ backend, of, unit string }{
	{"web", "requests of the users", "requests"},
	{"web_once", "requests that must not be sent twice, such as orders", "requests"},
	{"app", "requests of the web servers", "requests"},
	{"mysql_replica", "connections that read", "connections"},
	{"mysql_readable", "connections that read, when there is no replica", "connections"},
}

func distribution(v view, a *Answer) {
	a.say("The load balancer decides for each request (not each connection or user) which server gets it. For the web and application tiers of this site that is configured as leastconn; the evidence is what the running HAProxy says that it does.")
	a.say("%s", algorithms["leastconn"])
	a.say("A server that has just come back is given its full share only over some seconds (slowstart), one that is down or being emptied gets none, and each has an upper limit, beyond which requests wait for a moment where another server can still take them. In the application tier each server is listed twice, with its slots a and b, of which one is in use.")
	if v.count(spec.Web) == 1 && v.count(spec.App) == 1 {
		a.say("This site has one web server and one application server, so there is nothing to distribute: each gets all requests of its tier.")
	}
	b := v.balancer(a, "algorithm")
	if b == nil {
		return
	}
	from := v.lb + ", HAProxy show stat"
	for _, s := range spread {
		total, servers := shares(b, s.backend)
		algorithm := algorithmOf(b, s.backend)
		if algorithm == "" && len(servers) == 0 {
			continue // an optional backend that this HAProxy does not have
		}
		what := fmt.Sprintf("backend %s (%s)", s.backend, s.of)
		if algorithm == "" {
			a.miss(what, "HAProxy does not name its algorithm", from)
		} else {
			a.show(what, "balance "+algorithm, from)
			if how := algorithms[algorithm]; how != "" && algorithm != "leastconn" {
				a.say("Backend %s is configured otherwise. %s", s.backend, how)
			}
		}
		var parts []string
		for _, c := range servers {
			parts = append(parts, fmt.Sprintf("%s %d (%s)", c.Server, c.Total, percent(c.Total, total)))
		}
		a.show("share of "+s.backend+" since this HAProxy began", fmt.Sprintf("of %d %s: %s", total, s.unit, listed(parts)), from)
	}
	a.show("this HAProxy has run for", fmt.Sprintf("%d s", b.Uptime), v.lb+", HAProxy show info")
	v.setting(a, "as configured", v.lb, haproxyConfig, "backend web ", "balance ")
}

// shares are what the servers of a backend were given, and the sum.
func shares(b *inspect.Balancer, backend string) (total int64, servers []inspect.Counter) {
	for _, c := range b.Counters {
		if c.Backend == backend {
			total += c.Total
			servers = append(servers, c)
		}
	}
	return total, servers
}

func algorithmOf(b *inspect.Balancer, backend string) string {
	for _, p := range b.Proxies {
		if p.Name == backend && p.Kind == "backend" {
			return p.Algorithm
		}
	}
	return ""
}

func activeActive(v view, a *Answer) {
	a.say("Active-active: all servers of a kind work at the same time, and the loss of one is a loss of capacity. Nothing is wasted, but each must be able to work beside the others, and together they must not be loaded beyond what is left after a loss. Active-passive: one works and another is ready to take its place. The passive one idles, taking over needs a decision and a moment, and what works is always what one server can carry.")
	if v.count(spec.LoadBalancer) > 1 {
		a.say("The load balancers are active-passive: both run, but only the one that holds the virtual addresses gets connections. That is a choice: HAProxy is seldom the bottleneck, and two active ones would need two public addresses and a DNS that gives out both.")
	} else {
		a.say("The load balancer is alone: neither active-active nor active-passive.")
	}
	a.say("The web tier is %s. The application tier is %s; on each of its servers, one slot works and the other waits for the next release.", activity(v.count(spec.Web)), activity(v.count(spec.App)))
	if v.count(spec.Database) > 1 {
		a.say("The database is active-passive for writes: one member, the primary, takes them, and another is elected when it fails. For reads it is active-active: the replicas answer them side by side.")
	} else {
		a.say("The database is one server: neither.")
	}
	v.holders(a)
	for _, s := range v.t.With(spec.LoadBalancer) {
		what, from := "open connections on "+s.Name, s.Name+", HAProxy show info"
		if r := v.of(s.Name); r != nil && r.Balancer != nil {
			a.show(what, fmt.Sprint(r.Balancer.Sessions), from)
		} else {
			a.miss(what, v.reason(s.Name, "balancer"), from)
		}
	}
	v.backends(a, "web tier", "web")
	v.backends(a, "app tier", "app")
	primary := v.database.Primary
	if primary == "" {
		primary = "none"
	}
	a.show("database, takes writes", primary, v.names(spec.Database)+", the guards' /status")
	a.show("database, replicas that answer reads", listed(v.replicas()), v.names(spec.Database)+", the guards' /status")
}

func activity(servers int) string {
	if servers > 1 {
		return "active-active: HAProxy gives requests to all of its " + counted(servers, "server")
	}
	return "one server, which is neither"
}
