package explain

import (
	"fmt"
	"strings"
	"time"

	"scaleup/internal/spec"
)

func basics() []Question {
	return []Question{
		{Name: "server", Question: "What is a server?", Group: groupBasics, answer: whatIsAServer},
		{Name: "domain", Question: "What is the role of the domain name?", Group: groupBasics, answer: domain},
		{Name: "record", Question: "What type of DNS record is the site's name, and what does it lead to?", Group: groupBasics, answer: record},
		{Name: "web-server", Question: "What is the role of the web server?", Group: groupBasics, Trace: true, answer: webServer},
		{Name: "app-server", Question: "What is the role of the application server?", Group: groupBasics, Trace: true, answer: appServer},
		{Name: "database", Question: "What is the role of the database?", Group: groupBasics, answer: databaseRole},
		{Name: "communication", Question: "What is the server using to communicate with the computer of the user?", Group: groupBasics, answer: communication},
	}
}

func whatIsAServer(v view, a *Answer) {
	a.say("A server is a computer, real or virtual, with an operating system and an address of its own, on which programs wait for requests of other computers and answer them. The word is also used for such a program: Nginx is a web server, and runs on a server.")
	a.say("This site has %s: %d for load balancing (%s), %d for the web (%s), %d for the application (%s) and %d for the database (%s). Each does one thing.",
		counted(len(v.t.Servers), "server"),
		v.count(spec.LoadBalancer), v.names(spec.LoadBalancer), v.count(spec.Web), v.names(spec.Web),
		v.count(spec.App), v.names(spec.App), v.count(spec.Database), v.names(spec.Database))
	if v.t.InLab() {
		a.say("Here they are machines of a lab: containers with a system, addresses and disks of their own that share one computer and its kernel. If that computer fails, all of them do, which is why real servers stand on several.")
	}
	for _, s := range v.t.Servers {
		p := v.Look.Answers[s.Name].Response
		r := v.of(s.Name)
		if p.Facts == nil || r == nil {
			a.miss(s.Name, v.silence(s.Name), s.Name)
			continue
		}
		kind := "machine"
		if p.Facts.Container {
			kind = "container"
		}
		a.show(s.Name+" ("+string(s.Role)+")", fmt.Sprintf("%s at %s, %s %s, kernel %s, %s, %.1f GiB of memory, up %s, runs %s",
			kind, s.Address, p.Facts.OS, p.Facts.Release, r.Kernel, counted(p.Facts.CPUs, "processor"), float64(p.Facts.Memory)/(1<<30),
			time.Duration(r.Uptime)*time.Second, v.programs(s.Name)), s.Name+", its kernel and os-release")
	}
}

// programs that run on a server.
func (v view) programs(server string) string {
	var all []string
	for _, s := range v.Look.Status.Servers {
		for _, c := range s.Components {
			if s.Name == server && c.State == "running" {
				all = append(all, strings.TrimSpace(c.Name+" "+c.Version))
			}
		}
	}
	return listed(all)
}

func domain(v view, a *Answer) {
	a.say("People remember a name; computers reach addresses. The domain name %s is looked up in the DNS, which answers with an address, and the browser opens its connection there. So the site may move to other addresses, and its visitors notice nothing.", v.t.Site.Name)
	a.say("The name does more than that. The browser asks for it in the TLS handshake and accepts the certificate only if it names it; HAProxy passes it on as the Host header, by which the application knows under which name it was called.")
	a.say("The name leads to %s, which is no server's own address: it is a virtual address, and whichever load balancer holds it answers. When that one dies the address moves, and the DNS, whose answers are kept for minutes or hours, need not change.", v.t.Public)
	a.show("name in the site file", v.t.Site.Name, v.t.Site.File)
	v.lookedUp(a)
	v.holders(a)
}

func record(v view, a *Answer) {
	a.say("The first label of a name such as www.foobar.com is a host name, and what it should be is an A record: name, type A, an IPv4 address. A CNAME record would make it an alias of another name, which then needs an A record; that is of use where somebody else owns the address, as with a CDN. The bare domain cannot be a CNAME.")
	a.say("The record of this site is: %s. A 300 %s. One record is enough for both load balancers, since the address moves between them; two A records with the load balancers' own addresses would leave half of the visitors with a dead one until their browser has tried the next.", v.t.Site.Name, v.t.Public)
	if v.t.InLab() || v.t.Public.IsPrivate() {
		a.say("%s is a private address: nobody outside can reach it, so no public DNS should have this record, and whatever the public DNS says of this name is about somebody else's site. On this computer the name can lead here only by a line in the hosts file: \"%s %s\".", v.t.Public, v.t.Public, v.t.Site.Name)
	}
	v.lookedUp(a)
}

// lookedUp shows what the name leads to from the operator's computer.
func (v view) lookedUp(a *Answer) {
	l := v.Lookup
	hosts := "no line for " + v.t.Site.Name
	if len(l.Hosts) > 0 {
		var all []string
		for _, h := range l.Hosts {
			all = append(all, h.String())
		}
		hosts = listed(all)
	}
	a.show("hosts file of this computer", hosts, "this computer, /etc/hosts")
	what, from := "DNS, "+v.t.Site.Name, "name server "+l.Server
	switch {
	case l.Err != "":
		a.show(what, "no answer: "+l.Err, "this computer's resolver")
	case l.Code != "":
		a.show(what, l.Code+": the name server does not give an address", from)
	case len(l.Records) == 0:
		a.show(what, "the name has no A record", from)
	}
	for _, r := range l.Records {
		a.show(what, fmt.Sprintf("%s. %d %s %s%s", r.Name, r.TTL, r.Type, r.Value, v.whose(r)), from)
	}
}

// whose says of an A record whether it leads to this site.
func (v view) whose(r Record) string {
	switch {
	case r.Type != "A":
		return ""
	case r.Value == v.t.Public.String():
		return ", this site's public address"
	}
	return ", which is not this site"
}

func webServer(v view, a *Answer) {
	a.say("The web server, Nginx, speaks HTTP: it serves files (pictures, styles, scripts) from its own disk without troubling the application, compresses pages, keeps pages that may be cached for as long as the application allows, and passes every other request on to the application tier. It runs none of the site's own code.")
	a.say("An application server is the reverse: it runs the code and computes an answer for each request. The two are asked for different things, grow at different times and are changed by different people, so here they are on servers of their own.")
	for _, s := range v.t.With(spec.Web) {
		v.listeners(a, s)
	}
	v.component(a, spec.Web, "nginx")
	first := v.t.With(spec.Web)[0].Name
	v.setting(a, "serves files from", first, nginxConfig, "", "root ")
	v.setting(a, "passes the rest on to", first, nginxConfig, "", "proxy_pass ")
	v.setting(a, "which is the internal address", first, nginxConfig, "", "server "+v.t.Internal.String())
	v.traced(a)
}

func appServer(v view, a *Answer) {
	a.say("The application server runs the site's own program, which makes the pages: it reads and writes the database, applies the rules of the business, and answers with HTML or JSON. It listens on a port of its own server that only the load balancers can reach, and gets all it must know of the world, such as where the database is, from its environment.")
	a.say("It keeps nothing that must not be lost: what matters is in the database. That is why any of them can answer any request, and why one can be stopped at any moment.")
	for _, s := range v.t.With(spec.App) {
		v.listeners(a, s)
		if f := v.Look.Answers[s.Name].Response.Facts; f != nil && f.ActiveSlot != "" {
			a.show("release runs on "+s.Name, "in slot "+f.ActiveSlot, s.Name+", systemd")
		}
	}
	v.component(a, spec.App, "app")
	v.backends(a, "app tier", "app")
	v.traced(a)
}

func databaseRole(v view, a *Answer) {
	a.say("The database, MySQL, keeps what must survive: accounts, orders, everything that a customer was told is done. It answers queries, keeps related changes together in transactions, and says that a write is done only when it is on disk.")
	a.say("All servers of the application share it; it is what lets them be several. So its loss would be the loss of the site, and it gets the most care: see the questions replication and primary-and-replica.")
	for _, s := range v.t.With(spec.Database) {
		v.listeners(a, s)
	}
	v.component(a, spec.Database, "mysql")
	v.variable(a, "a write is on disk before it is acknowledged: binary log", "sync_binlog")
	v.variable(a, "and InnoDB's own log", "innodb_flush_log_at_trx_commit")
}

func communication(v view, a *Answer) {
	a.say("The user's computer and the site talk over the network in layers: IP carries packets between their addresses, TCP makes an ordered stream of them that repairs losses, TLS encrypts the stream and proves who the site is, and HTTP is the conversation in it: a request with a method and a path, an answer with a status and a body.")
	a.say("The site offers TLS 1.2 and 1.3 and HTTP/2 and HTTP/1.1; client and server agree on the newest both know. The evidence is what this computer and the site have just agreed on.")
	visit := v.Visit
	const from = "this computer, one request"
	if visit.Err != "" {
		a.miss("connection to "+v.t.Public.String(), visit.Err, from)
		return
	}
	a.show("TCP/IP", visit.Local+" to "+visit.Remote, from)
	a.show("TLS", strings.TrimSpace(visit.TLS+", cipher "+visit.Cipher+curve(visit.Curve)), from)
	a.show("HTTP", fmt.Sprintf("%s (ALPN %s), GET %s answered with %d and %d bytes", visit.Proto, visit.ALPN, visit.URL, visit.Status, visit.Bytes), from)
	a.show("time", fmt.Sprintf("TCP %s, TLS %s, first byte %s, rest %s", ms(visit.Timings.Connect), ms(visit.Timings.Handshake), ms(visit.Timings.Wait), ms(visit.Timings.Receive)), from)
	v.setting(a, "what HAProxy offers", v.first(spec.LoadBalancer), haproxyConfig, "global", "ssl-default-bind-options")
	v.setting(a, "and where", v.first(spec.LoadBalancer), haproxyConfig, "frontend public_https", "bind ")
}

func curve(name string) string {
	if name == "" {
		return ""
	}
	return ", key exchange " + name
}

// first server of a role that answered, else the first.
func (v view) first(r spec.Role) string {
	if r == spec.LoadBalancer && v.lb != "" {
		return v.lb
	}
	for _, s := range v.t.With(r) {
		if v.of(s.Name) != nil {
			return s.Name
		}
	}
	return v.t.With(r)[0].Name
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
