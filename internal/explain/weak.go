package explain

import (
	"fmt"
	"strings"

	"scaleup/internal/check"
	"scaleup/internal/spec"
)

func weak() []Question {
	return []Question{
		{Name: "single-points", Question: "Where are the single points of failure (SPOF)?", Group: groupWeak, answer: singlePoints},
		{Name: "maintenance", Question: "Is there downtime when maintenance is needed, such as deploying new code?", Group: groupWeak, answer: maintenance},
		{Name: "scaling", Question: "What happens when there is too much traffic: can it scale?", Group: groupWeak, answer: scaling},
		{Name: "security-issues", Question: "What about no firewall, no HTTPS and no monitoring?", Group: groupWeak, answer: securityIssues},
		{Name: "ssl-termination", Question: "Why is terminating SSL at the load balancer level an issue?", Group: groupWeak, answer: sslTermination},
		{Name: "one-writer", Question: "Why is having only one MySQL server capable of accepting writes an issue?", Group: groupWeak, answer: oneWriter},
		{Name: "all-components-together", Question: "Why might having servers with all the same components (database, web server and application server) be a problem?", Group: groupWeak, answer: allTogether},
		{Name: "not-protected", Question: "What is not protected?", Group: groupWeak, answer: notProtected},
	}
}

// single are the servers that are alone in their tier, by the site's shape.
func (v view) single() []string {
	var names []string
	for _, role := range spec.Roles {
		if tier := v.t.Names(role); len(tier) == 1 {
			names = append(names, tier[0])
		}
	}
	return names
}

// singlePoint is the ID of check's finding.
const singlePoint = "spof"

func singlePoints(v view, a *Answer) {
	a.say("A single point of failure is a part whose failure alone stops the site. One finds them by asking of each part: what if it were gone?")
	if single := v.single(); len(single) > 0 {
		a.say("This site has %s by its shape: %s. Each is the only server of its tier. Adding a second web, application or load balancing server to the site file, or two more database servers, and running scaleup up removes it.", counted(len(single), "single point"), listed(single))
	} else {
		a.say("By its shape this site has none among its servers: each tier has at least two, the database three, and every arrow between tiers ends at an address that moves.")
	}
	a.say("What is shared by all remains: one network and its uplink, the power, the name servers of the domain, the provider. Servers that run on one computer (%s) share that, too. See not-protected.", v.sharedComputer())
	for _, role := range spec.Roles {
		v.standing(a, role)
	}
	if v.database.Quorum.Online > 0 {
		a.show("database majority", v.database.Quorum.String(), v.names(spec.Database)+", the guards' /status")
	}
	v.holders(a)
	v.checked(a, func(f check.Finding) bool { return f.ID == singlePoint }, "no single point of failure")
	v.drill(a, "lb-holder-off", "web-off", "app-off", "database-primary-off")
}

// sharedComputer says in words where servers share a computer.
func (v view) sharedComputer() string {
	if v.t.InLab() {
		return "in a lab, all do"
	}
	return "scaleup check tells when two do"
}

// standing shows how many of a tier work right now.
func (v view) standing(a *Answer, role spec.Role) {
	up, total := 0, 0
	for _, s := range v.Look.Status.Servers {
		if s.Role != role {
			continue
		}
		total++
		works := s.State == "up"
		for _, c := range s.Components {
			works = works && c.State == "running"
		}
		if works {
			up++
		}
	}
	what := string(role) + " tier"
	value := fmt.Sprintf("%d of %d work", up, total)
	switch {
	case up == 1 && total > 1:
		value += ": the next failure in it stops the site"
	case up == 1:
		value += ": its failure stops the site"
	}
	a.show(what, value, v.names(role)+", systemd")
}

// checked shows what check found that fits, or that it found nothing.
func (v view) checked(a *Answer, fits func(check.Finding) bool, none string) {
	const from = "scaleup check"
	found := false
	for _, f := range v.findings {
		if fits(f) {
			found = true
			a.show("check: "+strings.TrimSpace(f.ID+" "+f.Server), string(f.Severity)+": "+f.Message, from)
		}
	}
	if !found {
		a.show("check", none, from)
	}
}

func maintenance(v view, a *Answer) {
	a.say("On one server, yes: new code means stopping the old program and starting the new one, and what comes in between fails; so does everything while the server itself is updated and rebooted.")
	if len(v.single()) == 0 {
		a.say("Here, no. Each server can be taken out while the others of its tier serve: HAProxy sends it nothing new, it finishes what it has, is changed, proves that it is ready and comes back; scaleup does that one server after another, and stops when one does not come back. A release starts in the second slot of each application server before the first is stopped. The primary of the database and the addresses are handed over before their server is touched.")
	} else {
		a.say("Here, partly. Deploying needs none: a release starts in the second slot of the application server before the first is stopped, and reloads of HAProxy and Nginx lose no request. Rebooting or updating a server that is alone in its tier (%s) is downtime of the site.", listed(v.single()))
	}
	a.say("What has to be right in the code: a release and the one before it serve side by side for a moment, so a change of the database's tables must suit both (first add, later remove). The proof is the number of requests that failed in the drills that do it under load.")
	v.backends(a, "slots", "app")
	v.drill(a, "planned-release", "planned-apply", "planned-reload", "planned-reboot", "planned-switch")
}

func scaling(v view, a *Answer) {
	a.say("One server with everything on it cannot grow: it can only be replaced by a larger one, which costs downtime and ends somewhere. Here the web and application tiers grow by a line each in the site file and scaleup up: the new server gets its share within seconds, and the others notice nothing.")
	a.say("The load balancer grows by being a larger server; active-passive means one works at a time. Reads of the database grow with replicas. Its writes do not: every member applies every write, so more members make writes no faster (see one-writer).")
	for _, s := range v.t.Servers {
		what, from := "head-room of "+s.Name, s.Name+", /proc"
		p, r := v.Look.Answers[s.Name].Response, v.of(s.Name)
		if r == nil || p.Facts == nil {
			a.miss(what, v.silence(s.Name), from)
			continue
		}
		a.show(what, fmt.Sprintf("load %.2f on %s, %.1f of %.1f GiB of memory available", r.Load, counted(p.Facts.CPUs, "processor"),
			float64(r.Memory.Available)/(1<<30), float64(r.Memory.Total)/(1<<30)), from)
	}
	if b := v.balancer(a, "head-room of HAProxy"); b != nil {
		a.show("head-room of HAProxy", fmt.Sprintf("%d of %d connections in use", b.Sessions, b.MaxConn), v.lb+", HAProxy show info")
	}
}

func securityIssues(v view, a *Answer) {
	a.say("Those are the flaws of the sketch that this site grew out of, and each has an answer here. Without a firewall every port of every server is open to everybody: see firewalls. Without HTTPS everything can be read and changed on the way: see https. Without monitoring nobody knows that a server has died until the last one has: see monitoring.")
	a.say("scaleup check looks for what has come open again: rules wider than the site's shape, certificates that expire, units that failed, settings that differ between twins.")
	v.checked(a, func(f check.Finding) bool { return f.Severity != check.Info && f.ID != singlePoint }, "nothing above info but single points of failure")
	v.certificate(a)
	for _, s := range v.t.With(spec.Web)[:1] {
		v.probe(a, s)
	}
	a.show("right now", v.Look.Status.Verdict, "all servers, scaleup status")
}

func sslTermination(v view, a *Answer) {
	a.say("Because behind it, requests and answers travel in plain text: passwords, cookies and orders can be read by whoever can listen on the network between the load balancers and the web and application servers, and the load balancer itself sees everything. The users were promised a secret up to the site, and get one up to its front door.")
	a.say("Here that network is the site's own, the firewalls let only the servers that must talk do so, and the database connections, with the passwords in them, are encrypted from end to end. On a network that is shared with others (a cloud's, a provider's switch) that is not enough: put the servers into a private network of their own or a WireGuard mesh. Encryption between HAProxy and Nginx is not built.")
	a.say("What one gets for it: requests shared out one by one, repeated elsewhere, cached and limited, one place for certificate and key, and the cost of the handshakes on servers made for it. Ending TLS on each web server instead would leave the load balancer with connections it cannot look into.")
	lb := v.first(spec.LoadBalancer)
	v.setting(a, "TLS of users ends at", lb, haproxyConfig, "frontend public_https", "bind ")
	v.setting(a, "from there on plain", lb, haproxyConfig, "backend web ", "server ")
	v.variable(a, "the database insists on TLS", "require_secure_transport")
}

func oneWriter(v view, a *Answer) {
	a.say("For two reasons that are easily mixed up. Availability: when the one that takes writes dies, nothing can be ordered until there is another. Capacity: writes grow no further than what one server can do.")
	if v.count(spec.Database) > 1 {
		a.say("Availability is solved here: the group elects another primary by itself, within seconds, and loses no write that was acknowledged. Until then writes fail or wait, and reads go on. Capacity is not: single-primary Group Replication has one writer at a time, and all members apply all writes. Who needs more writes needs a larger server, fewer writes (caching, batching), or data that is split over several groups. Several primaries at once would not help: each would still apply all writes, and conflicts would be added.")
	} else {
		a.say("This site has both problems: its one database server takes all writes, and nobody takes over. Three database servers solve the first, and not the second: single-primary Group Replication fixes the availability of writes, not their scaling.")
	}
	primary := v.database.Primary
	if primary == "" {
		primary = "nobody"
	}
	a.show("takes writes now", primary, v.names(spec.Database)+", the guards' /status")
	v.members(a)
	v.variable(a, "one primary, by configuration", "group_replication_single_primary_mode")
	v.drill(a, "database-primary-kill", "database-primary-off", "planned-switch")
}

func allTogether(v view, a *Answer) {
	a.say("Because they contend. The database wants memory for its cache and the disk for itself, the application wants processor time, the web server wants network; on one server each takes from the others, and most when there is most to do. One cannot tell which of them is too small, and can only add whole servers, with a database in each, although only the application needed more.")
	a.say("Because they fail and are changed together: a leak in the application makes the system kill the database; an update of one needs a restart of all; a break-in at the web server is a break-in at the data. That identical servers share their bugs is true of any tier with more than one server, and not the point.")
	a.say("Here every server has one role; what runs on each, the evidence says.")
	for _, s := range v.Look.Status.Servers {
		if s.State != "up" {
			a.miss(s.Name, v.silence(s.Name), s.Name+", systemd")
			continue
		}
		a.show(s.Name, fmt.Sprintf("%s: %s", s.Role, v.programs(s.Name)), s.Name+", systemd")
	}
	if v.t.InLab() {
		a.say("This is a lab: its machines share one computer, so they do contend for its processors, memory and disk.")
	}
}

func notProtected(v view, a *Answer) {
	a.say("The loss of the whole place: all servers are in one network, so a fire, a power cut or a cut line takes the site away. The data survives a power cut, and the site comes back by itself when the power does; against a fire only copies elsewhere help. A second place is not built: the group's majority needs its members near each other.")
	a.say("Mistakes of its operators and bugs of the application: replication copies a DELETE without WHERE to every member within milliseconds. Only a backup from before the mistake helps, and scaleup does not make any yet.")
	a.say("The growth of writes: one primary takes them all, however many members there are.")
	a.say("More than it is built for: two of three database servers at once stop writes (reads go on), all servers of a tier at once stop what the tier does, and a flood that fills the line in front of the site never reaches its limits.")
	a.say("The inner network: requests between the load balancers, web and application servers are plain text (see ssl-termination). And what stands around the site: the domain's registrar and name servers, the certificate's authority, the operator's computer and key, which can change everything.")
	if single := v.single(); len(single) > 0 {
		a.say("In this site also the failure of any server that is alone in its tier: %s.", listed(single))
	}
	computers := map[string][]string{}
	var order []string
	for _, s := range v.t.Servers {
		r := v.of(s.Name)
		if r == nil {
			a.miss("computer of "+s.Name, v.silence(s.Name), s.Name+", its kernel")
			continue
		}
		if r.Host == "" {
			a.miss("computer of "+s.Name, v.reason(s.Name, "host"), s.Name+", its kernel")
			continue
		}
		if computers[r.Host] == nil {
			order = append(order, r.Host)
		}
		computers[r.Host] = append(computers[r.Host], s.Name)
	}
	for i, host := range order {
		a.show(fmt.Sprintf("computer %d", i+1), "runs "+listed(computers[host]), "the identity of the kernel of each server")
	}
	if v.database.Quorum.Online > 0 {
		a.show("database majority", v.database.Quorum.String(), v.names(spec.Database)+", the guards' /status")
	}
	v.drill(a, "site-power-cycle", "database-majority-kill", "app-all-off")
}
