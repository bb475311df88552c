package explain

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func guarding() []Question {
	return []Question{
		{Name: "firewalls", Question: "What are firewalls for?", Group: groupGuarding, answer: firewalls},
		{Name: "https", Question: "Why is the traffic served over HTTPS?", Group: groupGuarding, answer: https},
		{Name: "tls-end", Question: "Where does TLS end, and what is encrypted behind it?", Group: groupGuarding, answer: tlsEnd},
	}
}

func firewalls(v view, a *Answer) {
	a.say("A firewall decides which packets reach the programs of a server. Every server of this site has one of its own (nftables): it drops everything that is not named, and names only what the site's shape needs, each with its sources. So a database server is reached on port %d by the load balancers and its peers, and by nobody else.", topology.PortMySQL)
	a.say("Why it was added: programs have bugs and default passwords, and what nobody can reach, nobody can attack. A web server that was broken into cannot talk to the database past the load balancers, nor to its neighbours. Several firewalls are not there for redundancy: they are different, each fitted to its server.")
	a.say("What breaks without them: nothing, until the day on which somebody scans the ports. That is why it has to be tested: below, a web server tries to reach MySQL directly, and hears nothing. Silence rather than a refusal is meant: it tells a stranger nothing.")
	a.say("What they do not do: they do not look into requests that are allowed, and they hold back nobody who has the operator's key.")
	for _, s := range v.t.With(spec.Web) {
		v.probe(a, s)
	}
	for _, s := range v.t.Servers {
		var rules []string
		for _, f := range v.t.FlowsTo(s) {
			rules = append(rules, flowWords(f))
		}
		a.show(s.Name+" should let in", strings.Join(rules, "; "), "the site's shape, from which the rules are made")
		from := s.Name + ", nft list table inet scaleup"
		r := v.of(s.Name)
		if r == nil || r.Rules == "" {
			a.miss(s.Name+" rules in force", v.reason(s.Name, "rules"), from)
			continue
		}
		a.show(s.Name+" rules in force", ruleWords(r.Rules), from)
	}
}

// probe shows that a server cannot reach MySQL directly.
func (v view) probe(a *Answer, s topology.Server) {
	db := v.t.With(spec.Database)[0]
	what, from := fmt.Sprintf("%s connects to %s:%d", s.Name, db.Name, topology.PortMySQL), s.Name+", one TCP connection"
	r := v.of(s.Name)
	if r == nil {
		a.miss(what, v.silence(s.Name), from)
		return
	}
	for _, o := range r.Probes {
		if o.To != mysqlAt(db) {
			continue
		}
		switch o.What {
		case "silent":
			a.show(what, "no answer: the packets are dropped", from)
		case "open":
			a.show(what, "OPEN: the firewall of "+db.Name+" lets it through, and should not", from)
		default:
			a.show(what, o.What, from)
		}
		return
	}
	a.miss(what, v.reason(s.Name, "probes"), from)
}

// flowWords is one permission in words.
func flowWords(f topology.Flow) string {
	var from, ports []string
	for _, p := range f.From {
		switch {
		case p.Bits() == 0:
			from = append(from, "anybody")
		case p.IsSingleIP():
			from = append(from, p.Addr().String())
		default:
			from = append(from, p.String())
		}
	}
	for _, p := range f.Ports {
		ports = append(ports, strconv.Itoa(p))
	}
	what := f.Protocol
	if len(ports) > 0 {
		what += " " + strings.Join(ports, "+")
	}
	if f.To.IsValid() {
		what += " of " + f.To.String()
	}
	return fmt.Sprintf("%s from %s (%s)", what, strings.Join(from, "+"), f.Why)
}

// What nft prints of the rules: the policy; a rule that lets in, how many packets it
// did, and its comment; the packets dropped.
var (
	nftPolicy  = regexp.MustCompile(`hook input [^;]*; policy (\w+);`)
	nftAllowed = regexp.MustCompile(`counter packets (\d+) bytes \d+ accept(?: comment "([^"]*)")?`)
	nftDropped = regexp.MustCompile(`(?s)counter dropped \{[^}]*?packets (\d+)`)
)

// ruleWords says what the rules in force do and have done. Only packets that belong to
// no connection yet reach the rules that count.
func ruleWords(rules string) string {
	first := func(r *regexp.Regexp) string {
		if m := r.FindStringSubmatch(rules); m != nil {
			return m[1]
		}
		return "not told"
	}
	var allowed []string
	for _, m := range nftAllowed.FindAllStringSubmatch(rules, -1) {
		allowed = append(allowed, m[1]+" for "+cmp.Or(m[2], "a rule without a comment"))
	}
	if len(allowed) == 0 {
		allowed = []string{"none"}
	}
	return fmt.Sprintf("by default: %s; packets that opened something: %s; packets dropped: %s", first(nftPolicy), strings.Join(allowed, "; "), first(nftDropped))
}

func https(v view, a *Answer) {
	a.say("HTTP is plain text. Everybody on the way (a café's network, a provider) can read it, passwords and orders included, and can change it: put advertisements or a false account number into a page. HTTPS is the same HTTP inside TLS: nobody on the way can read or change it, and the certificate proves that this is the site and not somebody who pretends to be.")
	a.say("Browsers insist: without it they mark a site as not secure, and give it neither HTTP/2 nor many newer functions. Who comes by plain HTTP is sent to HTTPS at once (308, which keeps the method); nothing else is answered there.")
	if v.t.Site.TLS.Internal {
		a.say("This site's certificate is issued by an authority of its own, which is right for a lab and a company's own network: who trusts that authority's certificate (see scaleup status --json, ca) gets the full proof, and others a warning. For a public site, tls: in the site file takes the certificate of a public authority.")
	} else {
		a.say("This site's certificate is the operator's own, as named in the site file. scaleup does not renew it: the expiry below is the date to watch.")
	}
	v.certificate(a)
	what, from := "http://"+v.t.Site.Name+"/ is answered with", "this computer, one request"
	if v.Plain.Err != "" {
		a.miss(what, v.Plain.Err, from)
	} else {
		a.show(what, strings.TrimSpace(fmt.Sprintf("%d %s", v.Plain.Status, v.Plain.Location)), from)
	}
}

// certificate shows what the site presents, as seen by a client.
func (v view) certificate(a *Answer) {
	const from = "this computer, one TLS handshake"
	visit := v.Visit
	if visit.NotAfter.IsZero() {
		why := visit.Err
		if why == "" {
			why = "the site presented none"
		}
		a.miss("certificate", why, from)
		return
	}
	a.show("certificate", fmt.Sprintf("for %s, issued by %s", listed(visit.Names), visit.Issuer), from)
	a.show("valid", fmt.Sprintf("from %s to %s, %d days left", day(visit.NotBefore), day(visit.NotAfter), int(visit.NotAfter.Sub(v.Look.At).Hours()/24)), from)
	a.show("negotiated", visit.TLS+", "+visit.Cipher+curve(visit.Curve), from)
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

func tlsEnd(v view, a *Answer) {
	a.say("TLS of the users ends on the load balancer, in HAProxy. It has to: HAProxy reads the requests in order to share them out one by one, to repeat them elsewhere and to refuse floods, and the certificate and its key are in one kind of place, not on every server.")
	a.say("Behind it, from the load balancer to the web servers, from there to the internal address and on to the application, requests travel as plain HTTP, on the site's own network, which the firewalls close to everybody else. Whoever can listen inside that network can read them. Why that is an issue, and what to do, is told under ssl-termination.")
	a.say("To and in the database everything is encrypted: the application speaks TLS with MySQL through HAProxy, which passes the bytes on without reading them, and checks that the certificate is of the site's own authority; MySQL refuses connections without TLS. Members replicate over TLS, and the guards speak TLS with certificates on both sides. The role checks of the load balancers are plain, and hold no secret. The operator comes over SSH.")
	lb := v.first(spec.LoadBalancer)
	v.setting(a, "TLS of users ends at", lb, haproxyConfig, "frontend public_https", "bind ")
	v.setting(a, "to a web server, no TLS", lb, haproxyConfig, "backend web ", "server ")
	v.setting(a, "to the app tier, no TLS", v.first(spec.Web), nginxConfig, "", "proxy_pass ")
	v.setting(a, "to an app server, no TLS", lb, haproxyConfig, "backend app ", "server ")
	v.setting(a, "database connections are passed on as bytes", lb, haproxyConfig, "defaults mysql", "mode ")
	v.variable(a, "MySQL refuses connections without TLS", "require_secure_transport")
}
