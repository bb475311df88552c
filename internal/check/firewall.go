package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"scaleup/internal/evidence"
	"scaleup/internal/inspect"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

var (
	firewall = kind{id: "firewall", why: "what the firewall lets in beyond what the site needs is what an attacker, or a mistake on another server, can reach"}
	// The firewall drops what it does not know, so a stray listener is a remark.
	listeners = kind{id: "listener", why: "a program listens on a port that no part of the site uses: only the firewall keeps it from being reached"}
)

// firewalls compares the rules that are loaded on every server with the flows of the
// topology.
func firewalls(l evidence.Look) []Finding {
	var found []Finding
	for _, s := range l.Topology.Servers {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		fix := "load the site's rules: " + converge(l.Topology)
		if noTable(r) {
			found = append(found, firewall.found(Critical, s.Name, fix, "has no firewall: the table \"inet scaleup\" is missing"))
			continue
		}
		if r.Errors["rules"] != "" {
			continue // unread
		}
		rules := readRules(r.Rules)
		for _, message := range tooOpen(rules, l.Topology.FlowsTo(s)) {
			found = append(found, firewall.found(Warning, s.Name, fix, "%s", message))
		}
		for _, hook := range []string{"input", "forward"} {
			if policy := rules.policy(hook); policy != "drop" {
				found = append(found, firewall.found(Critical, s.Name, fix, "what no rule of the %s chain names is not dropped (policy %s)", hook, policy))
			}
		}
	}
	return found
}

// noTable reports whether nft said that there are no rules of the site, rather than
// nothing.
func noTable(r *inspect.Report) bool {
	return r.Rules == "" && (r.Errors["rules"] == "" || strings.Contains(r.Errors["rules"], "No such file or directory"))
}

// policy of the chain at a hook; "accept" where there is no such chain.
func (r ruleset) policy(hook string) string {
	i := slices.IndexFunc(r.chains, func(c chain) bool { return c.hook == hook })
	if i < 0 || r.chains[i].policy == "" {
		return "accept"
	}
	return r.chains[i].policy
}

// tooOpen says, rule by rule, what is accepted and no flow needs.
func tooOpen(rules ruleset, flows []topology.Flow) []string {
	var found []string
	for _, c := range rules.chains {
		if c.hook != "input" && c.hook != "" {
			continue // nothing is forwarded, and what goes out is the server's own
		}
		for _, rule := range c.rules {
			if o, ok := rules.judge(rule); ok {
				if message := o.beyond(flows); message != "" {
					found = append(found, message)
				}
			}
		}
	}
	return found
}

// beyond is what an opening lets in that no flow needs; "" for nothing.
func (o opening) beyond(flows []topology.Flow) string {
	if o.protocol != "tcp" {
		return o.beyondFor(flows, 0)
	}
	if len(o.ports) == 0 {
		return o.said(0) + ", and the site needs a few ports"
	}
	for _, span := range o.ports {
		for port := span[0]; port <= span[1]; port++ {
			if message := o.beyondFor(flows, port); message != "" {
				return message
			}
		}
	}
	return ""
}

// beyondFor looks at one port, 0 for a protocol without ports.
func (o opening) beyondFor(flows []topology.Flow, port int) string {
	var needed []netip.Prefix
	elsewhere := ""
	for _, f := range flows {
		if f.Protocol != o.protocol || port != 0 && !slices.Contains(f.Ports, port) {
			continue
		}
		if f.To.IsValid() && o.to != f.To.String() {
			elsewhere = f.To.String()
			continue
		}
		needed = append(needed, f.From...)
	}
	if len(needed) == 0 {
		if elsewhere != "" {
			return fmt.Sprintf("%s, and the site needs that at %s only", o.said(port), elsewhere)
		}
		return o.said(port) + ", which no flow of the site needs"
	}
	for _, from := range o.from {
		if !from.covered(needed) {
			return fmt.Sprintf("accepts %s from %s, and the site needs that only from %s", o.what(port), from, prefixes(needed))
		}
	}
	return ""
}

func (o opening) said(port int) string {
	var from []string
	for _, a := range o.from {
		from = append(from, a.String())
	}
	return fmt.Sprintf("accepts %s from %s", o.what(port), strings.Join(from, ", "))
}

func (o opening) what(port int) string {
	switch {
	case o.protocol == "":
		return "everything"
	case port != 0:
		return fmt.Sprintf("%s port %d", o.protocol, port)
	case len(o.ports) == 1 && o.ports[0][0] == o.ports[0][1]:
		return fmt.Sprintf("%s port %d", o.protocol, o.ports[0][0])
	}
	return o.protocol
}

// prefixes as people write them: addresses without a length.
func prefixes(all []netip.Prefix) string {
	var said []string
	for _, p := range all {
		if p.IsSingleIP() {
			said = append(said, p.Addr().String())
		} else {
			said = append(said, p.String())
		}
	}
	return strings.Join(said, ", ")
}

// strangeListeners finds programs that listen where no flow leads.
func strangeListeners(l evidence.Look) []Finding {
	var found []Finding
	for _, s := range l.Topology.Servers {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		// The guard of a database without peers listens for some all the same.
		known := map[int]bool{topology.PortGuardPeer: s.Role == spec.Database}
		for _, f := range l.Topology.FlowsTo(s) {
			for _, p := range f.Ports {
				known[p] = true
			}
		}
		for _, at := range r.Listeners {
			port := int(at.At.Port())
			if known[port] || at.At.Addr().IsLoopback() {
				continue
			}
			known[port] = true // IPv4 and IPv6 are one
			program := at.Program
			if program == "" {
				program = "a program"
			}
			found = append(found, listeners.found(Info, s.Name, "stop it, or let it listen on 127.0.0.1 only: "+on(l.Topology, s.Name, "ss -Hltnp"), "%s listens on %s", program, at.At))
		}
	}
	return found
}
