package explain

import (
	"fmt"

	"scaleup/internal/spec"
)

func elements() []Question {
	return []Question{
		{Name: "load-balancers", Question: "Why load balancers, and why two that are configured as a cluster?", Group: groupElements, answer: loadBalancers},
		{Name: "virtual-addresses", Question: "Why virtual addresses and VRRP?", Group: groupElements, answer: virtualAddresses},
		{Name: "second-web-server", Question: "Why a second web server?", Group: groupElements, answer: secondWebServer},
		{Name: "app-servers", Question: "Why application servers apart from the web servers, and why a second one?", Group: groupElements, answer: appServers},
		{Name: "slots", Question: "Why two slots on each application server?", Group: groupElements, answer: slots},
		{Name: "database-servers", Question: "Why database servers of their own, and why three?", Group: groupElements, answer: databaseServers},
		{Name: "guard", Question: "Why a guard on each database server?", Group: groupElements, answer: guard},
		{Name: "split", Question: "Why is each component on a server of its own?", Group: groupElements, answer: split},
	}
}

func loadBalancers(v view, a *Answer) {
	a.say("What it is: HAProxy takes every connection of the users, ends its TLS, and gives each request to one of the servers behind it that work. The tiers reach each other through it, too: web servers the application, the application the database.")
	a.say("Why it was added: several servers of a kind are of use only if somebody shares the requests among them and knows at any moment which of them are alive. HAProxy asks each several times a second, takes a dead one out, repeats safe requests elsewhere, and lets one be emptied before it is changed.")
	if n := v.count(spec.LoadBalancer); n > 1 {
		a.say("Why a cluster: a single load balancer would be the point at which everything fails. %s run the same configuration; keepalived on each of them moves the addresses to another within a fraction of a second when the holder or its HAProxy dies. They tell each other how busy each client is, so that limits survive the move.", counted(n, "load balancer"))
		a.say("What breaks without it: with one load balancer, its death or its next kernel update is an outage of the whole site.")
	} else {
		a.say("There is only one load balancer in this site: it is a single point of failure, and its death is an outage of the whole site.")
	}
	v.component(a, spec.LoadBalancer, "haproxy")
	v.component(a, spec.LoadBalancer, "keepalived")
	v.holders(a)
	for _, s := range v.t.With(spec.LoadBalancer) {
		what, from := s.Name+" lets keepalived hold the addresses", s.Name+", lb-agent's track file"
		if b := v.Look.Answers[s.Name].Response.Balancer; b != nil {
			a.show(what, yesNo(b.Fit), from)
		} else {
			a.miss(what, v.silence(s.Name), from)
		}
	}
	v.drill(a, "lb-process-kill", "lb-holder-off", "lb-holder-freeze", "lb-bad-config")
}

func virtualAddresses(v view, a *Answer) {
	a.say("What they are: two addresses that belong to no server. The public one, %s, is what the domain name leads to; the internal one, %s, is where the tiers reach each other. Exactly one load balancer holds both. keepalived decides which by VRRP: the holder says that it lives several times a second, and when three of these adverts are missing, another takes the addresses and tells the network so.", v.t.Public, v.t.Internal)
	a.say("Why they were added: clients keep the answer of the DNS for minutes or hours, and the programs of other tiers are configured with one address. An address that moves lets them go on without knowing that anything happened.")
	a.say("What breaks without them: half of the users would go on calling a dead load balancer until their DNS answer expires, and every tier would need a list of load balancers and an opinion about which of them live.")
	a.say("Both addresses move together, since the internal one is the way back of what came in over the public one. Nobody takes them back when it returns: one move per failure. Losing them also means cutting the connections to them, so that no client waits for an answer that cannot come.")
	v.holders(a)
	lb := v.first(spec.LoadBalancer)
	v.setting(a, "adverts, seconds apart", lb, keepalivedConfig, "vrrp_instance", "advert_int")
	v.setting(a, "does not take them back", lb, keepalivedConfig, "vrrp_instance", "nopreempt")
	for _, s := range v.t.With(spec.LoadBalancer) {
		v.setting(a, "priority of "+s.Name, s.Name, keepalivedConfig, "vrrp_instance", "priority")
	}
	v.drill(a, "lb-holder-off", "lb-holder-freeze")
}

// alone says of a tier with one server what that means.
func (v view) alone(a *Answer, r spec.Role, means string) bool {
	if v.count(r) > 1 {
		return false
	}
	a.say("In this site it has not been added: %s is alone in its tier and a single point of failure. %s", v.names(r), means)
	return true
}

func secondWebServer(v view, a *Answer) {
	a.say("What it is: another Nginx with the same files and the same configuration, on a server of its own.")
	if !v.alone(a, spec.Web, "When it dies, or is rebooted for an update, the site answers 503.") {
		a.say("Why it was added: when one dies, the other serves. HAProxy finds out within a second, sooner under load, and repeats on the other one what was being read. It also lets one be emptied, updated and brought back while the other works, and doubles what the tier can serve.")
		a.say("What breaks without it: the tier is a single point of failure, and every update of Nginx or its server an outage. It does not help against what both have in common: a bad file in a release is bad on both, which is why a release is tried on one before it reaches the next.")
	}
	v.backends(a, "web tier", "web")
	v.setting(a, "asked for its health", v.first(spec.LoadBalancer), haproxyConfig, "backend web ", "default-server")
	v.drill(a, "web-process-kill", "web-off", "web-freeze")
}

func appServers(v view, a *Answer) {
	a.say("What they are: servers that run the site's program and nothing else.")
	a.say("Why they are apart from the web servers: the program needs processor time and memory, Nginx needs neither; a leak or an endless loop in the program cannot slow the files down, the program holds the password of the database and the web servers do not, and each tier grows by what it lacks.")
	if !v.alone(a, spec.App, "When it dies, only files and pages still in Nginx's cache are served.") {
		a.say("Why a second one: when one dies, is slow or is changed, the other answers. What breaks without it: each crash of the program, and each update of its server, is an outage of everything that is not a file.")
	}
	v.backends(a, "app tier", "app")
	v.setting(a, "asked for its health", v.first(spec.LoadBalancer), haproxyConfig, "backend app ", "default-server")
	v.drill(a, "app-process-kill", "app-off", "app-freeze", "app-slow", "app-all-off")
}

func slots(v view, a *Answer) {
	a.say("What they are: two places, a and b, on each application server, each with a port of its own. One runs the release that serves; the other is empty.")
	a.say("Why they were added: a new release starts in the empty slot while the old one goes on answering. Only when it says that it is ready does HAProxy send it requests; the old one finishes what it has and is stopped. Rolling back is the same move backwards. A release that does not start never gets a request.")
	a.say("What breaks without them: stop, replace, start; in between, requests fail or the tier runs with one server less, and a release that does not start leaves nothing to go back to.")
	v.backends(a, "slots", "app")
	for _, s := range v.t.With(spec.App) {
		if f := v.Look.Answers[s.Name].Response.Facts; f != nil {
			slot := f.ActiveSlot
			if slot == "" {
				slot = "none"
			}
			a.show("slot that serves on "+s.Name, slot, s.Name+", systemd")
		} else {
			a.miss("slot that serves on "+s.Name, v.silence(s.Name), s.Name+", systemd")
		}
	}
	v.drill(a, "planned-release", "app-broken-release")
}

func databaseServers(v view, a *Answer) {
	a.say("What they are: servers that run MySQL and its guard, and nothing else.")
	a.say("Why they are apart: the database wants all the memory there is for its cache and the disk for itself. On a shared server, a busy application and a busy database would take both from each other exactly when there is most to do.")
	if !v.alone(a, spec.Database, "When it dies, nothing can be written or read until it is back; when its disk dies, the data is what the last backup holds.") {
		a.say("Why %d: each holds all the data. They decide by majority who may take writes, and a majority of two is two: two members would stop when one dies, just as one would. Three stand the loss of one.", v.count(spec.Database))
		a.say("What breaks without them: with one server, its death stops the site and may lose data; with two, one cannot tell whether the other is dead or only out of reach, and either stops or risks two primaries whose data part ways.")
	}
	v.members(a)
	v.drill(a, "database-primary-kill", "database-primary-off", "database-majority-kill", "database-all-kill")
}

func guard(v view, a *Answer) {
	a.say("What it is: a small program beside each MySQL. It forms the group, brings members back into it, watches that a primary really can write, and tells the load balancers which member takes writes and which may be read.")
	a.say("Why it was added: Group Replication elects a primary, but starts nothing by itself after a power failure, and does not notice a hung disk. A plain check of the port would say that a replica is fine, and HAProxy would send it writes. The guard says \"primary\" only while a majority of the guards confirms that, for less time than an election takes, so an old primary that was cut off loses its clients before there is a new one.")
	a.say("What breaks without it: after a power failure somebody would have to find out which member has the newest data and start with it by hand, at night, and choosing the wrong one loses writes.")
	if v.count(spec.Database) == 1 {
		a.say("With one database server there is nobody to agree with; the guard still starts the group of one and tells the load balancers when MySQL can be used.")
	}
	v.component(a, spec.Database, "guard")
	for _, s := range v.database.Servers {
		waits := s.Waits
		if waits == "" {
			waits = "nothing"
		}
		a.show("guard of "+s.Server+" waits for", waits, s.Server+", the guard's /status")
	}
	v.setting(a, "HAProxy asks it", v.first(spec.LoadBalancer), haproxyConfig, "backend mysql_primary", "http-check send")
	v.setting(a, "this often", v.first(spec.LoadBalancer), haproxyConfig, "backend mysql_primary", "default-server")
	v.drill(a, "database-primary-freeze", "database-primary-isolated", "database-disk-stall", "database-all-kill")
}

func split(v view, a *Answer) {
	a.say("Each server has one role: %s balance, %s serve the web, %s run the application, %s hold the data.", v.names(spec.LoadBalancer), v.names(spec.Web), v.names(spec.App), v.names(spec.Database))
	a.say("Why: they want different things of a computer (network, processor, memory, disk) and get in each other's way when they share one; each tier grows by itself; a failure or an intruder in one is not at once in all; and an update of one touches only that one. What breaks without it is told under all-components-together.")
	for _, s := range v.Look.Status.Servers {
		if s.State != "up" {
			a.miss(s.Name, v.silence(s.Name), s.Name+", systemd")
			continue
		}
		a.show(s.Name, fmt.Sprintf("%s at %s: %s", s.Role, s.Address, v.programs(s.Name)), s.Name+", systemd")
	}
	if v.t.InLab() {
		a.say("In a lab this is so for everything but the hardware: the machines share a computer, so contention between them is not gone here.")
	}
	v.drill(a, "app-slow")
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
