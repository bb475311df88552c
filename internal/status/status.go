// Package status tells how a site is: which servers, components, virtual
// addresses, database members and backends work, and one verdict over all. It
// asks every server side by side under one deadline, and a server that does not
// answer is a finding, not an error. It changes nothing.
package status

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

// How long status waits for a server. One that has not said a word within Greeting is
// off, cut off or frozen, and named unreachable. One that has is busy, and gets until
// Deadline: nine sign-ins at once on a slow computer take seconds.
const (
	Greeting = 1500 * time.Millisecond
	Deadline = 8 * time.Second
)

// Report is the document of status --json.
type Report struct {
	Schema   int      `json:"schema"`
	Site     string   `json:"site"`
	URL      string   `json:"url"`
	Address  string   `json:"address"`
	CA       string   `json:"ca"` // absolute path, "" when the certificate is the operator's own
	Healthy  bool     `json:"healthy"`
	Verdict  string   `json:"verdict"`
	Servers  []Server `json:"servers"`
	VIPs     []VIP    `json:"vips"`
	Database Database `json:"database"`
	Tiers    []Tier   `json:"tiers"`
}

// Server is one machine: up, down (powered off, in the lab) or unreachable.
type Server struct {
	Name       string      `json:"name"`
	Role       spec.Role   `json:"role"`
	Address    string      `json:"address"`
	State      string      `json:"state"`
	Components []Component `json:"components"`
}

// Component is one program on a server: running, failed or stopped.
type Component struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Version string `json:"version"`
	Note    string `json:"note,omitempty"` // what is to be known of it though it runs
}

// bothSlots is the note of an app server that runs the old release beside the new one,
// as it does for a while in a deploy. A deploy that was cut off leaves it so.
const bothSlots = "runs in both slots: a deploy is under way or was cut off"

// VIP is a virtual address and who holds it, "" for nobody. Two holders at once
// are told as "lb1, lb2".
type VIP struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Holder  string `json:"holder"`
}

// Database is the MySQL group.
type Database struct {
	Primary string   `json:"primary"`
	Members []Member `json:"members"`
}

// Member is one database server in MySQL's own words; the State may be survey.Expelled,
// too, and UNKNOWN when its guard does not answer.
type Member struct {
	Server string `json:"server"`
	State  string `json:"state"`
	Role   string `json:"role"`
	Lag    int64  `json:"lag_transactions"`
}

// Tier is one backend of HAProxy, as the load balancer that holds the VIP sees it.
type Tier struct {
	Name     string    `json:"name"`
	Backends []Backend `json:"backends"`
}

// Backend is one server of a tier: up, drain, down, or idle (the other slot).
type Backend struct {
	Server   string `json:"server"`
	State    string `json:"state"`
	Sessions int    `json:"sessions"`
	Rate     int    `json:"rate"` // requests or sessions per second
}

// Answer is what one server said: a response, or why there is none.
type Answer struct {
	Response remote.Response
	Off      bool  // the lab says that the machine is powered off
	Err      error // set when the server did not answer
	// When the question went out and when the answer was here, by this computer's clock.
	Asked, Answered time.Time
}

// Connect opens a connection to a server, or reports that its machine is off.
type Connect func(context.Context, topology.Server) (h host.Host, off bool, err error)

// Ask asks every server within Deadline; one that scaleup has to be sent to first has
// that time twice, and what the sending takes. connect gives up a server that does not
// speak within Greeting. more, unless it is nil, adds to the question.
func Ask(ctx context.Context, t *topology.Topology, connect Connect, more func(topology.Server, *remote.Request)) map[string]Answer {
	var mu sync.Mutex
	var wait sync.WaitGroup
	answers := map[string]Answer{}
	for _, s := range t.Servers {
		wait.Go(func() {
			var a Answer
			Within(ctx, func(ctx context.Context) error {
				a = ask(ctx, s, connect, more)
				return a.Err
			})
			mu.Lock()
			defer mu.Unlock()
			answers[s.Name] = a
		})
	}
	wait.Wait()
	return answers
}

// Within asks a server: question has Deadline, and is asked once more, from the start,
// where it fails with host.ErrSent.
func Within(ctx context.Context, question func(context.Context) error) {
	for range 2 {
		within, cancel := context.WithTimeout(ctx, Deadline)
		err := question(within)
		cancel()
		if !errors.Is(err, host.ErrSent) {
			return
		}
	}
}

func ask(ctx context.Context, s topology.Server, connect Connect, more func(topology.Server, *remote.Request)) Answer {
	h, off, err := connect(ctx, s)
	if off || err != nil {
		return Answer{Off: off, Err: err}
	}
	defer h.Close()
	q := remote.Request{Facts: true, Balancer: s.Role == spec.LoadBalancer}
	for _, c := range componentsOf(s.Role) {
		q.Units = append(q.Units, c.units...)
	}
	if s.Role == spec.Database {
		q.Member = survey.StatusURL(s)
	}
	if more != nil {
		more(s, &q)
	}
	asked := time.Now()
	p, err := h.Call(ctx, q)
	return Answer{Response: p, Err: err, Asked: asked, Answered: time.Now()}
}

// program is a component with the units that run it. Of several units, one has to run:
// they are the slots of an app server.
type program struct {
	name    string
	units   []string
	version string // package that carries its version
}

func componentsOf(r spec.Role) []program {
	firewall := program{name: "firewall", units: []string{"nftables.service"}}
	switch r {
	case spec.LoadBalancer:
		return []program{
			{"haproxy", []string{"haproxy.service"}, "haproxy"},
			{"keepalived", []string{"keepalived.service"}, "keepalived"},
			{"lb-agent", []string{"scaleup-lb-agent.service"}, ""},
			firewall,
		}
	case spec.Web:
		return []program{{"nginx", []string{"nginx.service"}, "nginx"}, firewall}
	case spec.App:
		return []program{{"app", []string{"app@a.service", "app@b.service"}, ""}, firewall}
	default:
		return []program{
			{"mysql", []string{"mysql.service"}, "mysql-server-core"},
			{"guard", []string{"scaleup-guard.service"}, ""},
			firewall,
		}
	}
}

// component is the program as its units are.
func (p program) component(a remote.Response) Component {
	c := Component{Name: p.name, State: "stopped", Version: a.Facts.Version(p.version)}
	running, failed := 0, false
	for _, u := range p.units {
		if a.Units[u] == "running" {
			running++
		}
		failed = failed || a.Units[u] == "failed"
	}
	switch {
	case running > 0:
		c.State = "running"
	case failed:
		c.State = "failed"
	}
	if running > 1 {
		c.Note = bothSlots
	}
	return c
}

// Assess makes the report from the answers. It is pure.
func Assess(t *topology.Topology, ca string, answers map[string]Answer) Report {
	r := Report{Schema: 1, Site: t.Site.Name, URL: "https://" + t.Site.Name + "/", Address: t.Public.String(), CA: ca}
	for _, s := range t.Servers {
		r.Servers = append(r.Servers, server(s, answers[s.Name]))
	}
	r.VIPs = []VIP{vip(t, answers, "public", t.Public.String()), vip(t, answers, "internal", t.Internal.String())}
	r.Database = database(t, answers)
	r.Tiers = tiers(t, answers, r.VIPs[0].Holder)
	findings := findings(r)
	r.Healthy = len(findings) == 0
	r.Verdict = verdict(r, findings)
	return r
}

func server(s topology.Server, a Answer) Server {
	out := Server{Name: s.Name, Role: s.Role, Address: s.Address.String(), State: "up", Components: []Component{}}
	switch {
	case a.Off:
		out.State = "down"
		return out
	case a.Err != nil || a.Response.Facts == nil:
		out.State = "unreachable"
		return out
	}
	for _, p := range componentsOf(s.Role) {
		out.Components = append(out.Components, p.component(a.Response))
	}
	return out
}

func vip(t *topology.Topology, answers map[string]Answer, name, address string) VIP {
	v := VIP{Name: name, Address: address}
	for _, s := range t.With(spec.LoadBalancer) {
		f := answers[s.Name].Response.Facts
		if f == nil || f.InterfaceOf(address) == "" {
			continue
		}
		if v.Holder != "" {
			v.Holder += ", "
		}
		v.Holder += s.Name
	}
	return v
}

func database(t *topology.Topology, answers map[string]Answer) Database {
	responses := map[string]remote.Response{}
	for name, a := range answers {
		responses[name] = a.Response
	}
	groups := survey.Groups(t, responses)
	newest, _ := survey.Newest(t.Names(spec.Database), groups)
	d := Database{Primary: newest.Primary, Members: []Member{}}
	for _, s := range t.With(spec.Database) {
		m := Member{Server: s.Name, State: "UNKNOWN"}
		if g, ok := groups[s.Name]; ok {
			m.State, m.Role, m.Lag = newest.StateOf(s.Name, g), g.Role, g.Lag
		}
		d.Members = append(d.Members, m)
	}
	return d
}

// tiers are the backends with the traffic that the holder of the VIPs sees;
// without one, any load balancer that answers. A server is up only if it is so for
// all of them, for any may hold the VIPs next.
func tiers(t *topology.Topology, answers map[string]Answer, holder string) []Tier {
	lbs := t.With(spec.LoadBalancer)
	slices.SortStableFunc(lbs, func(a, b topology.Server) int {
		return order(a.Name == holder) - order(b.Name == holder)
	})
	tiers := []Tier{}
	for _, lb := range lbs {
		b := answers[lb.Name].Response.Balancer
		if b == nil || len(b.Servers) == 0 {
			continue
		}
		if len(tiers) == 0 {
			tiers = tiersOf(b.Servers)
			continue
		}
		for _, other := range tiersOf(b.Servers) {
			if i := slices.IndexFunc(tiers, func(t Tier) bool { return t.Name == other.Name }); i >= 0 {
				tiers[i].worsen(other)
			}
		}
	}
	return tiers
}

func tiersOf(servers []haproxyctl.Server) []Tier {
	tiers := []Tier{}
	for _, s := range servers {
		if s.Backend == haproxyctl.BackendWebOnce {
			continue // the web servers once more, for requests that must not be sent twice
		}
		if len(tiers) == 0 || tiers[len(tiers)-1].Name != s.Backend {
			tiers = append(tiers, Tier{Name: s.Backend})
		}
		last := &tiers[len(tiers)-1]
		last.Backends = append(last.Backends, Backend{Server: s.Name, State: backendState(s.Backend, s.State), Sessions: s.Sessions, Rate: s.Rate})
	}
	return tiers
}

// worsen takes over what another load balancer thinks worse of. During a change
// of their configurations they may list different servers.
func (t *Tier) worsen(other Tier) {
	rank := map[string]int{"up": 0, "idle": 0, "drain": 1, "down": 2}
	for i, b := range t.Backends {
		for _, o := range other.Backends {
			if o.Server == b.Server && rank[o.State] > rank[b.State] {
				t.Backends[i].State = o.State
			}
		}
	}
}

func order(first bool) int {
	if first {
		return 0
	}
	return 1
}
