package drill

import (
	"fmt"
	"scaleup/internal/drill/inject"
	"slices"
	"time"

	"scaleup/internal/drill/ledger"
	"scaleup/internal/fault"
	"scaleup/internal/spec"
)

// Drill is one thing that must not hurt, and how much it may.
type Drill struct {
	Name    string
	Summary string // one sentence: what is broken
	Needs   Needs
	Hold    time.Duration // how long the fault stays
	// Limits are what it promises beyond what every drill does; rate is all
	// operations per second.
	Limits func(site *spec.Site, rate float64) limits
	// Make chooses the target and makes the fault.
	Make func(Env) (inject.Injection, error)

	// MaxRate is the most operations per second it runs at, whatever was asked; 0 is no
	// bound.
	MaxRate float64

	Rest        time.Duration // for how long the site must have been whole before: see restGuard
	HealApart   bool          // the moment of healing is judged by a promise of its own
	SelfHealing bool          // the site gets over it without anybody healing it
	Planned     bool          // a change that scaleup makes itself
	NotTested   []string

	// Control: it must not be met, and shows that a drill can fail. Controls are run
	// by name only. Tamper is what one does to the drill's own rows before they are
	// read back.
	Control bool
	Tamper  string
}

// share is the part of a rate, in operations per second, that the drill runs at.
func (d Drill) share(rate float64) float64 {
	if d.MaxRate == 0 || rate <= d.MaxRate {
		return 1
	}
	return d.MaxRate / rate
}

// Needs is what a drill cannot do without.
type Needs string

// What drills need.
const (
	NeedsNothing Needs = ""
	NeedsLab     Needs = "the lab" // real servers are not switched off by scaleup
	NeedsGroup   Needs = "three database servers"
)

// promise is a drill's limits where they depend on nothing.
func promise(l limits) func(*spec.Site, float64) limits {
	return func(*spec.Site, float64) limits { return l }
}

// nothing is promised beyond what every drill does.
var none = limits{}

// Times a fault stays. Long enough that everything which is going to react has
// done so, and that what users feel then is seen as well.
const (
	holdKill   = 5 * time.Second
	holdServer = 12 * time.Second
	holdSlow   = 25 * time.Second
	holdGroup  = 20 * time.Second
)

// restGuard is how long a site has to be whole before something is broken that the
// guard mends by taking a member out: so soon after the last time it does that only
// once all members have been well for 30 s.
const restGuard = 35 * time.Second

// Catalogue lists every drill, in the order in which they are run: controls first,
// then tier by tier. The defaults of the promises are those of the design.
func Catalogue() []Drill {
	return append(append(append(controls(), webDrills()...), databaseDrills()...), crossDrills()...)
}

// All lists the drills that a site is drilled with: every one but the controls that
// must fail.
func All() []Drill {
	return slices.DeleteFunc(Catalogue(), func(d Drill) bool { return d.Control })
}

// Find returns the drill of a name.
func Find(name string) (Drill, bool) {
	for _, d := range Catalogue() {
		if d.Name == name {
			return d, true
		}
	}
	return Drill{}, false
}

func controls() []Drill {
	return []Drill{
		{
			Name: "null", Summary: "break nothing: the noise of the measurement itself", Hold: 10 * time.Second, SelfHealing: true,
			Limits: promise(noOutageOver(0).and("failed", 0)), Make: nothing,
		},
		{
			Name: "blackhole", Summary: "drop every packet to and from the public address for 3.0 s: does the drill measure 3.0 s", Hold: 6 * time.Second, SelfHealing: true,
			// Whoever waited for three seconds comes back afterwards. Where all servers share this
			// computer, the full rate's crowd would starve the measurement itself; a request each
			// 20 ms is fine enough.
			MaxRate: 50,
			Limits:  promise(none.and("blackhole_error_ms", 100)), Make: blackhole,
		},
		{
			Name: "control-mute", Summary: "a fault that does not bite: must end INCONCLUSIVE", Control: true, SelfHealing: true,
			Limits: promise(none), Make: mute,
		},
		{
			Name: "control-lost", Summary: "one row deleted by hand: must end MISSED, one lost", Control: true, SelfHealing: true,
			Limits: promise(none), Make: nothing, Tamper: ledger.TamperDelete,
		},
		{
			Name: "control-duplicated", Summary: "one row doubled by hand: must end MISSED, one duplicated", Control: true, SelfHealing: true,
			Limits: promise(none), Make: nothing, Tamper: ledger.TamperDouble,
		},
		{
			Name: "control-corrupt", Summary: "one row altered by hand: must end MISSED, one anomaly", Control: true, SelfHealing: true,
			Limits: promise(none), Make: nothing, Tamper: ledger.TamperAlter,
		},
	}
}

// webDrills break load balancers, web and app servers.
func webDrills() []Drill {
	return []Drill{
		{
			Name: "lb-process-kill", Summary: "kill -9 of HAProxy on the load balancer that holds the virtual addresses", Hold: holdKill, SelfHealing: true,
			Limits: promise(noOutageOver(150 * time.Millisecond)), Make: killOn(holder, "haproxy.service"),
		},
		{
			Name: "lb-holder-off", Summary: "cut the power of the load balancer that holds the virtual addresses", Needs: NeedsLab, Hold: holdServer,
			Limits: promise(noOutageOver(500 * time.Millisecond)), Make: powerOff(holder),
		},
		{
			Name: "lb-holder-freeze", Summary: "freeze the load balancer that holds the virtual addresses, and let it go on", Needs: NeedsLab, Hold: holdServer, HealApart: true,
			Limits: promise(noOutageOver(time.Second).and("heal_outage_ms", 500)), Make: freeze(holder),
		},
		{
			Name: "lb-bad-config", Summary: "break HAProxy's configuration on every load balancer and reload it", Hold: holdKill,
			Limits: promise(none.and("failed", 0)), Make: badConfig,
		},
		{
			Name: "web-process-kill", Summary: "kill -9 of Nginx on one web server", Hold: holdKill, SelfHealing: true,
			Limits: promise(noOutageOver(100*time.Millisecond).and("failed", 0)), Make: killOn(oneOf(spec.Web), "nginx.service"),
		},
		{
			Name: "web-off", Summary: "cut the power of one web server", Needs: NeedsLab, Hold: holdServer,
			Limits: promise(noOutageOver(100*time.Millisecond).and("failed_reads", 0)), Make: powerOff(oneOf(spec.Web)),
		},
		{
			Name: "web-freeze", Summary: "stop every process of Nginx on one web server: it accepts connections and answers nothing", Hold: holdServer,
			Limits: share(spec.Web), Make: stopOn(oneOf(spec.Web), "nginx.service"),
		},
		{
			Name: "app-process-kill", Summary: "kill -9 of the program on one application server", Hold: holdKill, SelfHealing: true,
			Limits: promise(noOutageOver(100*time.Millisecond).and("failed", 0)), Make: killApp,
		},
		{
			Name: "app-off", Summary: "cut the power of one application server", Needs: NeedsLab, Hold: holdServer,
			Limits: promise(noOutageOver(100*time.Millisecond).and("failed_reads", 0)), Make: powerOff(oneOf(spec.App)),
		},
		{
			Name: "app-freeze", Summary: "stop the program on one application server: it accepts connections and answers nothing", Hold: holdServer,
			Limits: share(spec.App), Make: stopApp,
		},
		{
			Name: "app-slow", Summary: "leave one application server 2 % of a processor", Hold: holdSlow,
			Limits: promise(none.and("degraded_ms", 10_000).and("late_p99_ms", 1000)), Make: slowApp,
		},
		{
			Name: "app-broken-release", Summary: "deploy a release that cannot work", Planned: true, Hold: time.Second,
			Limits: promise(none.and("failed", 0)), Make: planned(brokenRelease),
		},
		{
			Name: "app-all-off", Summary: "cut the power of every application server", Needs: NeedsLab, Hold: holdServer,
			Limits: promise(none.and("static_outage_ms", 0).and("page_outage_ms", 0).and("recover_ms", 10_000)), Make: powerOffAll(spec.App),
		},
	}
}

// databaseDrills break the group.
func databaseDrills() []Drill {
	failover := limits{{"read_outage_ms", 500}, {"write_outage_ms", 8000}}
	hung := limits{{"write_outage_ms", 15_000}}
	return []Drill{
		{
			Name: "database-primary-kill", Summary: "kill -9 of mysqld on the primary", Hold: holdGroup, SelfHealing: true,
			Limits: promise(failover), Make: killOn(primary, "mysql.service"),
		},
		{
			Name: "database-primary-off", Summary: "cut the power of the primary's server", Needs: NeedsLab, Hold: holdGroup,
			Limits: promise(failover), Make: powerOff(primary),
		},
		{
			Name: "database-primary-freeze", Summary: "stop mysqld on the primary for 30 s, and let it go on", Hold: 30 * time.Second,
			Rest:   restGuard,
			Limits: promise(hung), Make: stopOn(primary, "mysql.service"),
		},
		{
			Name: "database-primary-isolated", Summary: "cut the primary from the other members, not from its clients", Needs: NeedsGroup, Hold: holdGroup,
			Limits: promise(hung), Make: isolate(fault.Both),
		},
		{
			Name: "database-primary-one-way", Summary: "cut what the other members send to the primary, and hold it", Needs: NeedsGroup, Hold: holdGroup,
			Limits: promise(hung), Make: isolate(fault.In),
		},
		{
			Name: "database-disk-full", Summary: "fill the primary's data disk to the last block", Hold: holdGroup,
			Rest:   restGuard,
			Limits: promise(hung), Make: diskFull,
		},
		{
			Name: "database-disk-stall", Summary: "let no write of the primary's data disk come to an end", Hold: holdGroup,
			Rest:   restGuard,
			Limits: promise(hung), Make: diskStall,
		},
		{
			Name: "database-replica-lag", Summary: "let one replica apply nothing", Needs: NeedsGroup, Hold: holdGroup,
			Rest:   restGuard,
			Limits: promise(none.and("failed", 0)), Make: replicaLag,
		},
		{
			Name: "database-majority-kill", Summary: "kill two of three members and keep them down", Needs: NeedsGroup, Hold: holdServer,
			Limits: promise(limits{{"read_outage_ms", 500}, {"recover_ms", 60_000}}), Make: majorityDown,
		},
		{
			Name: "database-all-kill", Summary: "kill -9 of mysqld on every member at once", Hold: holdGroup, SelfHealing: true,
			Limits: promise(limits{{"write_outage_ms", 60_000}, {"recover_ms", 75_000}}), Make: killAllMembers,
		},
	}
}

// crossDrills are about the network, about what scaleup does on purpose, and about
// everything at once.
func crossDrills() []Drill {
	only := none.and("role_changes", 0).and("degraded_after_ms", 0)
	unfelt := none.and("failed", 0)
	return []Drill{
		{
			Name: "network-loss", Summary: "lose 20 % of the packets of one application server", Hold: holdServer,
			Limits: promise(only), Make: lossy,
		},
		{
			Name: "network-thin", Summary: "leave one web server a line of 1 Mbit/s", Hold: holdServer,
			Limits: promise(only), Make: thin,
		},
		{
			Name: "planned-reload", Summary: "reload Nginx and HAProxy on every server", Planned: true, Hold: holdKill,
			Limits: promise(unfelt), Make: planned(reload),
		},
		{
			Name: "planned-apply", Summary: "apply other settings to every tier, and take them back", Planned: true, Hold: time.Second,
			Limits: promise(unfelt), Make: planned(settings),
		},
		{
			Name: "planned-release", Summary: "deploy another release, and roll back", Planned: true, Hold: time.Second,
			Limits: promise(unfelt), Make: planned(release),
		},
		{
			Name: "planned-switch", Summary: "hand the database's primary over", Needs: NeedsGroup, Planned: true, Hold: holdKill,
			Limits: promise(limits{{"write_outage_ms", 100}, {"failed", 0}}), Make: switchPrimary,
		},
		{
			Name: "planned-reboot", Summary: "reboot one server of each role, the holder of the addresses and the primary among them", Planned: true, Hold: time.Second,
			Limits: promise(unfelt.and("latest_ms", 3000)), Make: planned(reboot),
		},
		{
			Name: "site-power-cycle", Summary: "cut the power of every server at once, and switch all on", Needs: NeedsLab, Hold: holdKill,
			Limits: promise(none.and("recover_ms", 90_000)), Make: powerOffAll(spec.Roles...),
		},
	}
}

// share promises that a server which stops answering costs at most its share of
// the requests of two seconds, and nothing after that.
func share(r spec.Role) func(*spec.Site, float64) limits {
	return func(site *spec.Site, rate float64) limits {
		n := float64(max(1, len(site.With(r))))
		return none.and("failed", 2*rate/n).and("failed_late", 0)
	}
}

// Usable says why a drill cannot be run on a site, or "".
func (d Drill) Usable(site *spec.Site, inLab bool) string {
	switch {
	case d.Needs == NeedsLab && !inLab:
		return "it cuts the power of servers, which scaleup does only in a lab"
	case d.Needs == NeedsGroup && len(site.With(spec.Database)) < 3:
		return fmt.Sprintf("it needs three database servers, and the site has %d", len(site.With(spec.Database)))
	}
	return ""
}

func planned(make func(Env) inject.Injection) func(Env) (inject.Injection, error) {
	return func(e Env) (inject.Injection, error) { return make(e), nil }
}
