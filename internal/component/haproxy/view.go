package haproxy

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	"scaleup/internal/component"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// view is what the templates show.
type view struct {
	Server, Site, Binary, Health string
	Reference                    bool
	Address, Public, Internal    netip.Addr
	LabHost                      string // the lab's host, or "" on real servers
	PostQuantum                  bool
	Encodings                    []string // kinds of clients, by the best compression they take
	CacheMiB                     int64    // of each kind's cache
	Limits                       limits

	Peers      []topology.Server // all load balancers; none when there is just one
	Web        []topology.Server
	WebSources [][]netip.Addr // addresses of the web servers, some per line
	Slots      []slot
	Databases  []topology.Server

	AdminSocket, StateFile, ErrorFile, AlivePath                                  string
	WebPort, AppPort, MySQLPort, MySQLReadPort, GuardPort, PeersPort, MetricsPort int
}

// slot is one of the two places of an app server, as a server of HAProxy's.
type slot struct {
	Name    string
	Address netip.Addr
	Port    int
	Idle    bool
}

// What may stand in the configuration unquoted. The site file is checked when
// it is read; this is the last door before a file that could be misread.
var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	pathForm = regexp.MustCompile(`^/[A-Za-z0-9._~/?&=:@,;%-]*$`)
	fileForm = regexp.MustCompile(`^/[A-Za-z0-9._/-]+$`)
)

func newView(in component.Input) (*view, error) {
	t := in.Topology
	v := &view{
		Server: in.Server.Name, Site: t.Site.Name, Binary: in.Binary, Health: t.Site.App.Health,
		Reference: in.Facts.Reference,
		Address:   in.Server.Address, Public: t.Public, Internal: t.Internal,
		// HAProxy takes the name from the library, whatever HAProxy's own version.
		PostQuantum: component.AtLeast(in.Facts.OpenSSL, "3.5"),
		Encodings:   []string{"br", "gzip", "plain"},
		CacheMiB:    cacheMiB(in.Facts.Memory),
		Web:         t.With(spec.Web),
		Databases:   t.With(spec.Database),
		AdminSocket: adminSocket, StateFile: statePath, ErrorFile: errorPath, AlivePath: alivePath,
		WebPort: topology.PortHTTP, AppPort: topology.PortApp, MySQLPort: topology.PortMySQL,
		MySQLReadPort: topology.PortMySQLRead, GuardPort: topology.PortGuard,
		PeersPort: topology.PortPeers, MetricsPort: topology.PortMetrics,
	}
	if t.InLab() {
		v.LabHost = topology.Gateway(t.Site.Lab.Subnet).String()
	}
	if balancers := t.With(spec.LoadBalancer); len(balancers) > 1 {
		v.Peers = balancers
	}
	// HAProxy reads at most 64 words of a line.
	v.WebSources = slices.Collect(slices.Chunk(t.Addresses(spec.Web), 16))
	for _, s := range t.With(spec.App) {
		v.Slots = append(v.Slots, slotsOf(s, in.Active[s.Name])...)
	}
	servers := len(v.Web) + len(v.Slots) + 3*len(v.Databases)
	var err error
	if v.Limits, err = deriveLimits(in.Facts.OpenFiles, in.Facts.Memory, servers); err != nil {
		return nil, err
	}
	if !component.AtLeast(in.Facts.Version("haproxy"), "3.0") {
		v.Limits.Buffer = 0 // 2.6 cannot keep buffers at hand, and has not been measured
	}
	return v, v.check()
}

// slotsOf are both slots of an app server. Before anything runs there, slot a
// is the one that will.
func slotsOf(s topology.Server, active topology.Slot) []slot {
	if active == "" {
		active = topology.SlotA
	}
	var slots []slot
	for _, p := range []topology.Slot{topology.SlotA, topology.SlotB} {
		slots = append(slots, slot{Name: s.Name + "-" + string(p), Address: s.Address, Port: p.Port(), Idle: p != active})
	}
	return slots
}

// check refuses what would not be read as it was meant.
func (v *view) check() error {
	names := []string{v.Server, v.Site}
	for _, tier := range [][]topology.Server{v.Peers, v.Web, v.Databases} {
		for _, s := range tier {
			names = append(names, s.Name)
		}
	}
	for _, s := range v.Slots {
		names = append(names, s.Name)
	}
	for _, n := range names {
		if !nameForm.MatchString(n) {
			return fmt.Errorf("%q cannot stand in its configuration; use letters, digits, dots and hyphens", n)
		}
	}
	if !pathForm.MatchString(v.Health) {
		return fmt.Errorf("app.health %q cannot stand in its configuration; use a plain path, such as /healthz", v.Health)
	}
	if !fileForm.MatchString(v.Binary) {
		return fmt.Errorf("path %q of scaleup on the server cannot stand in a unit file", v.Binary)
	}
	return nil
}
