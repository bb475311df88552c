package drill

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"scaleup/internal/drill/inject"
	"scaleup/internal/fault"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// Where things are on servers.
const (
	haproxyConfig = "/etc/haproxy/haproxy.cfg"
	haproxyUnit   = "haproxy.service"
	mysqlUnit     = "mysql.service"
	mysqlData     = "/var/lib/mysql"
)

// leaseMargin is how much longer than the drill holds it a fault may stay, should
// nobody heal it.
const leaseMargin = 20 * time.Second

// chooser picks the server that a fault is put on.
type chooser func(Env) string

func holder(e Env) string  { return e.Holder }
func primary(e Env) string { return e.Primary }

// oneOf picks a server of a role by the run's seed.
func oneOf(r spec.Role) chooser { return func(e Env) string { return e.pick(r) } }

func (e Env) pick(r spec.Role) string {
	tier := e.Site.With(r)
	return tier[e.Rand.IntN(len(tier))].Name
}

// replica picks a database server that is not the primary.
func replica(e Env) string {
	var others []string
	for _, s := range e.Site.With(spec.Database) {
		if s.Name != e.Primary {
			others = append(others, s.Name)
		}
	}
	return others[e.Rand.IntN(len(others))]
}

// onServers puts faults on servers, over the way by which scaleup reaches them.
func (e Env) onServers(faults map[string]fault.Fault) inject.Injection {
	return inject.OnServers(e.Hosts, faults, e.ID, e.Lease)
}

func (e Env) on(server string, f fault.Fault) (inject.Injection, error) {
	return e.onServers(map[string]fault.Fault{server: f}), nil
}

// onLab does something to whole machines of the lab.
func (e Env) onLab(a inject.Action, servers ...string) (inject.Injection, error) {
	return inject.OnLab(e.Lab, a, servers, e.ID, e.Lease, e.Reaper), nil
}

func (e Env) addressOf(server string) netip.Addr {
	s, err := e.Site.Server(server)
	if err != nil {
		return netip.Addr{} // names come from the site itself
	}
	return s.Address
}

func (e Env) sshPort(server string) uint16 {
	s, err := e.Site.Server(server)
	if err != nil {
		return topology.PortSSH
	}
	return uint16(e.Site.SSHPort(s))
}

func nothing(Env) (inject.Injection, error) { return inject.None{}, nil }
func mute(Env) (inject.Injection, error)    { return inject.Mute{}, nil }

func killOn(choose chooser, unit string) func(Env) (inject.Injection, error) {
	return func(e Env) (inject.Injection, error) { return e.on(choose(e), &fault.Kill{Unit: unit}) }
}

func stopOn(choose chooser, unit string) func(Env) (inject.Injection, error) {
	return func(e Env) (inject.Injection, error) { return e.on(choose(e), &fault.Stop{Unit: unit}) }
}

func powerOff(choose chooser) func(Env) (inject.Injection, error) {
	return func(e Env) (inject.Injection, error) { return e.onLab(inject.Off, choose(e)) }
}

func powerOffAll(roles ...spec.Role) func(Env) (inject.Injection, error) {
	return func(e Env) (inject.Injection, error) { return e.onLab(inject.Off, names(e, roles...)...) }
}

func freeze(choose chooser) func(Env) (inject.Injection, error) {
	return func(e Env) (inject.Injection, error) { return e.onLab(inject.Freeze, choose(e)) }
}

// everywhere puts the same fault on every server of a role.
func (e Env) everywhere(r spec.Role, f func(topology.Server) fault.Fault) inject.Injection {
	faults := map[string]fault.Fault{}
	for _, s := range e.Site.With(r) {
		faults[s.Name] = f(s)
	}
	return e.onServers(faults)
}

// blackhole cuts off what the load goes to: the public address, and the internal one
// where the writes are rows of the drill's own. It is on the load balancer that holds
// them: no other gets their packets, and adverts are not among them, so that they stay
// where they are.
func blackhole(e Env) (inject.Injection, error) {
	cut := []netip.Addr{e.Site.Public}
	if !e.Site.Site.Drill.Orders {
		cut = append(cut, e.Site.Internal)
	}
	return e.on(e.Holder, &fault.Blackhole{Addresses: cut, For: blackholeFor, SSH: e.sshPort(e.Holder)})
}

func badConfig(e Env) (inject.Injection, error) {
	return e.everywhere(spec.LoadBalancer, func(topology.Server) fault.Fault {
		return &fault.BadConfig{Path: haproxyConfig, Unit: haproxyUnit}
	}), nil
}

// appUnit is the unit of the slot that serves on an application server, as the load
// balancers see it.
func (e Env) appUnit(server string) string {
	for _, t := range e.Report.Tiers {
		for _, b := range t.Backends {
			if slot, ok := strings.CutPrefix(b.Server, server+"-"); ok && t.Name == "app" && b.State == "up" {
				return fmt.Sprintf("app@%s.service", slot)
			}
		}
	}
	return "app@a.service"
}

func killApp(e Env) (inject.Injection, error) {
	server := e.pick(spec.App)
	return e.on(server, &fault.Kill{Unit: e.appUnit(server)})
}

func stopApp(e Env) (inject.Injection, error) {
	server := e.pick(spec.App)
	return e.on(server, &fault.Stop{Unit: e.appUnit(server)})
}

// slowPercent of one processor is what a slow server is left. At 5 % the example app,
// which has half of 200 requests per second to answer, was stopped once in 25 s.
const slowPercent = 2

// slowApp limits the whole machine in the lab, whose machines may have no say over
// processors themselves; elsewhere the program.
func slowApp(e Env) (inject.Injection, error) {
	server := e.pick(spec.App)
	if e.Lab != nil {
		return e.onLab(inject.Slow(slowPercent), server)
	}
	return e.on(server, &fault.CPU{Unit: e.appUnit(server), Percent: slowPercent})
}

// isolate cuts the primary from the other members.
func isolate(d fault.Direction) func(Env) (inject.Injection, error) {
	return func(e Env) (inject.Injection, error) {
		var peers []netip.Addr
		for _, s := range e.Site.With(spec.Database) {
			if s.Name != e.Primary {
				peers = append(peers, s.Address)
			}
		}
		return e.on(e.Primary, &fault.Cut{Peers: peers, Direction: d, SSH: e.sshPort(e.Primary)})
	}
}

func diskFull(e Env) (inject.Injection, error) {
	return e.on(e.Primary, &fault.DiskFull{Path: mysqlData})
}

func diskStall(e Env) (inject.Injection, error) {
	return e.on(e.Primary, &fault.DiskStall{Path: mysqlData})
}

func replicaLag(e Env) (inject.Injection, error) {
	return e.on(replica(e), &fault.ReadLock{Socket: remote.MySQLSocket})
}

// majorityDown keeps the primary and one more member down.
func majorityDown(e Env) (inject.Injection, error) {
	return e.onServers(map[string]fault.Fault{
		e.Primary: &fault.HoldDown{Unit: mysqlUnit}, replica(e): &fault.HoldDown{Unit: mysqlUnit},
	}), nil
}

func killAllMembers(e Env) (inject.Injection, error) {
	return e.everywhere(spec.Database, func(topology.Server) fault.Fault { return &fault.Kill{Unit: mysqlUnit} }), nil
}

func lossy(e Env) (inject.Injection, error) {
	server := e.pick(spec.App)
	return e.on(server, &fault.Loss{Percent: 20, SSH: e.sshPort(server)})
}

func thin(e Env) (inject.Injection, error) {
	server := e.pick(spec.Web)
	return e.on(server, &fault.Thin{KBit: 1000, Interface: e.addressOf(server)})
}
