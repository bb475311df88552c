package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"scaleup/internal/check"
	"scaleup/internal/dbstatus"
	"scaleup/internal/inspect"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// view is an Input with what is often asked of it.
type view struct {
	Input
	t        *topology.Topology
	database dbstatus.Report
	findings []check.Finding
	lb       string // the load balancer whose figures are told: the holder of the addresses, else one that answers; "" for none
}

func newView(in Input) view {
	v := view{Input: in, t: in.Look.Topology}
	v.database = dbstatus.Assess(v.t, in.Look.Answers, 0)
	v.findings = check.Running(in.Look, in.History)
	for _, s := range v.t.With(spec.LoadBalancer) {
		r := v.of(s.Name)
		if r == nil || r.Balancer == nil {
			continue
		}
		if v.lb == "" || s.Name == v.holder() {
			v.lb = s.Name
		}
	}
	return v
}

// holder of the public address; "" for nobody, several joined by commas.
func (v view) holder() string { return v.Look.Status.VIPs[0].Holder }

func (v view) of(server string) *inspect.Report { return v.Look.Of(server) }

// count of the servers of a role.
func (v view) count(r spec.Role) int { return len(v.t.With(r)) }

// names of the servers of a role, for a sentence.
func (v view) names(r spec.Role) string { return listed(v.t.Names(r)) }

// silence is why a server did not answer.
func (v view) silence(server string) string {
	a := v.Look.Answers[server]
	switch {
	case a.Off:
		return server + " is powered off"
	case a.Err != nil:
		return server + " does not answer: " + a.Err.Error()
	}
	return server + " showed nothing of itself"
}

// reason is why a part of what a server shows is missing, by its JSON name.
func (v view) reason(server, part string) string {
	r := v.of(server)
	if r == nil {
		return v.silence(server)
	}
	if why := r.Errors[part]; why != "" {
		return why
	}
	return server + " did not tell"
}

// balancer is the HAProxy whose figures are told. Where there is none, the miss is
// noted under what.
func (v view) balancer(a *Answer, what string) *inspect.Balancer {
	if v.lb != "" {
		return v.of(v.lb).Balancer
	}
	for _, s := range v.t.With(spec.LoadBalancer) {
		a.miss(what, v.reason(s.Name, "balancer"), s.Name+", HAProxy's socket")
	}
	return nil
}

// setting shows the first line of a configuration's section that begins with prefix.
func (v view) setting(a *Answer, what, server, path, section, prefix string) {
	from := server + " " + path
	if line, ok := v.line(server, path, section, prefix); ok {
		a.show(what, line, from)
		return
	}
	if r := v.of(server); r != nil && r.Configs[path] != "" {
		a.miss(what, fmt.Sprintf("no line %q under %q", prefix, section), from)
		return
	}
	a.miss(what, v.reason(server, "configs"), from)
}

// line is the first line of a section of a configuration as it is on a server. A
// section begins with a line that is not indented; "" is the whole file.
func (v view) line(server, path, section, prefix string) (string, bool) {
	r := v.of(server)
	if r == nil {
		return "", false
	}
	within := section == ""
	for line := range strings.Lines(r.Configs[path]) {
		line = strings.TrimRight(line, "\n")
		text := strings.TrimSpace(line)
		if section != "" && text != "" && text == line && !strings.HasPrefix(text, "#") && text != "}" {
			within = strings.HasPrefix(text, section)
		}
		if within && strings.HasPrefix(text, prefix) {
			return text, true
		}
	}
	return "", false
}

// component shows the state and version of a program on every server of a role.
func (v view) component(a *Answer, r spec.Role, name string) {
	for _, s := range v.Look.Status.Servers {
		if s.Role != r {
			continue
		}
		if s.State != "up" {
			a.miss(name+" on "+s.Name, v.silence(s.Name), s.Name+", systemd")
			continue
		}
		for _, c := range s.Components {
			if c.Name == name {
				a.show(name+" on "+s.Name, strings.TrimSpace(c.State+" "+c.Version), s.Name+", systemd and dpkg")
			}
		}
	}
}

// listeners shows where a server's programs take connections.
func (v view) listeners(a *Answer, s topology.Server) {
	r := v.of(s.Name)
	what, from := "listens on "+s.Name, s.Name+", ss"
	if r == nil || r.Errors["listeners"] != "" {
		a.miss(what, v.reason(s.Name, "listeners"), from)
		return
	}
	var all []string
	for _, l := range r.Listeners {
		where := l.At.String()
		if l.At.Addr().IsUnspecified() {
			where = fmt.Sprintf("port %d", l.At.Port())
		}
		if text := strings.TrimSpace(l.Program + " " + where); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	a.show(what, listed(all), from)
}

// drill shows how a drill ended when it was run last, or how to run it.
func (v view) drill(a *Answer, names ...string) {
	for _, name := range names {
		what, from := "drill "+name, "scaleup drill "+name
		run, ok := v.Drills[name]
		if !ok {
			a.show(what, "has not been run on this site", from)
			continue
		}
		a.show(what, fmt.Sprintf("%s on %s: %d of %d requests failed", run.Verdict, run.At.UTC().Format("2006-01-02 15:04 UTC"), run.Failed, run.Sent), from)
	}
}

// tier is a backend as status tells it.
func (v view) tier(name string) (status.Tier, bool) {
	for _, t := range v.Look.Status.Tiers {
		if t.Name == name {
			return t, true
		}
	}
	return status.Tier{}, false
}

// backends shows who of a backend takes traffic.
func (v view) backends(a *Answer, what, name string) {
	t, ok := v.tier(name)
	if !ok {
		a.miss(what, "no load balancer answers", "HAProxy")
		return
	}
	var all []string
	for _, b := range t.Backends {
		state := b.State
		// Of the database members, one is not ill because another is the primary.
		if state == "down" && strings.HasPrefix(name, "mysql_") {
			state = "not used"
		}
		all = append(all, b.Server+" "+state)
	}
	a.show(what, listed(all), "every load balancer, HAProxy show servers state")
}

// holders shows who holds the virtual addresses.
func (v view) holders(a *Answer) {
	for _, vip := range v.Look.Status.VIPs {
		holder := vip.Holder
		if holder == "" {
			holder = "nobody that answers"
		}
		a.show("holder of the "+vip.Name+" address "+vip.Address, holder, "the interfaces of "+v.names(spec.LoadBalancer))
	}
}

// replicas are the members that refuse writes, as the group says.
func (v view) replicas() []string {
	var names []string
	for _, s := range v.database.Servers {
		if s.Role == "SECONDARY" {
			names = append(names, s.Server)
		}
	}
	return names
}

func mysqlAt(s topology.Server) netip.AddrPort {
	return netip.AddrPortFrom(s.Address, topology.PortMySQL)
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// counted is a number with its noun: 1 server, 2 servers.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// percent of a whole, as text.
func percent(part, whole int64) string {
	if whole == 0 {
		return "nothing yet"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}
