package drill

import (
	"math"
	"strings"
	"time"

	"scaleup/internal/drill/measure"
	"scaleup/internal/drill/record"
	"scaleup/internal/spec"
)

// Promise is what a drill must not exceed: a measure by its name, and its limit in
// the unit the name ends in (…_ms), or a number of requests.
type Promise struct {
	Name  string  `json:"name"`
	Limit float64 `json:"limit"`
}

// limits are promises as the catalogue writes them.
type limits []Promise

// ms is a limit in milliseconds.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// noOutageOver promises reads and writes alike.
func noOutageOver(d time.Duration) limits {
	return limits{{"read_outage_ms", ms(d)}, {"write_outage_ms", ms(d)}}
}

func (l limits) and(name string, limit float64) limits {
	return append(l[:len(l):len(l)], Promise{name, limit})
}

// always are promised by every drill, whatever else it promises: no acknowledged
// write lost or doubled, nothing wrong with any row, and full redundancy again.
var always = limits{{"recover_ms", ms(90 * time.Second)}, {"lost", 0}, {"duplicated", 0}, {"anomalies", 0}}

// Promises are a drill's own and those of every drill, with the limits that the
// site file sets instead.
func (d Drill) Promises(site *spec.Site, rate float64) []Promise {
	all := d.Limits(site, rate)
	for _, p := range always {
		if all.find(p.Name) == nil {
			all = all.and(p.Name, p.Limit)
		}
	}
	override := site.Objectives[d.Name]
	for _, o := range []struct {
		name  string
		limit *time.Duration
	}{
		{"read_outage_ms", override.ReadOutage}, {"write_outage_ms", override.WriteOutage},
		{"degraded_ms", override.Degraded}, {"recover_ms", override.Recover},
	} {
		if o.limit != nil {
			all = all.set(o.name, ms(*o.limit))
		}
	}
	for _, o := range []struct {
		name  string
		limit *int
	}{{"failed", override.Failed}, {"lost", override.Lost}, {"duplicated", override.Duplicated}} {
		if o.limit != nil {
			all = all.set(o.name, float64(*o.limit))
		}
	}
	return all
}

func (l limits) find(name string) *Promise {
	for i := range l {
		if l[i].Name == name {
			return &l[i]
		}
	}
	return nil
}

func (l limits) set(name string, limit float64) limits {
	if p := l.find(name); p != nil {
		p.Limit = limit
		return l
	}
	return l.and(name, limit)
}

// view is a trial with what its measures need.
type view struct {
	record.Trial
	struck time.Duration // when the fault took effect, see measure.Struck
}

func viewOf(t record.Trial) view { return view{t, measure.Struck(t.Ops, t.Marks)} }

// window is the part of the trial that the fault is answerable for.
func (v view) window() measure.Span { return measure.Span{From: v.Marks.Inject, To: v.Marks.End} }

// measures are what promises can be about, by name, beside outages.
var measures = map[string]func(view) float64{
	"degraded_ms": func(v view) float64 { return ms(measure.Total(measure.Degraded(v.Ops, v.window(), users))) },
	// After the fault had been healed, and a second to notice.
	"degraded_after_ms": func(v view) float64 {
		span := measure.Span{From: v.Marks.Healed + time.Second, To: v.Marks.End}
		return ms(measure.Total(measure.Degraded(v.Ops, span, users)))
	},
	"failed":       func(v view) float64 { return float64(v.beyond(users)) },
	"failed_reads": func(v view) float64 { return float64(v.beyond(func(o record.Op) bool { return o.Class.Read() })) },
	// Due later than two seconds after the fault took effect.
	"failed_late": func(v view) float64 {
		return float64(v.beyond(func(o record.Op) bool { return users(o) && o.Due >= v.struck+2*time.Second }))
	},
	"latest_ms":          func(v view) float64 { return ms(slowest(v.Ops, v.window())) },
	"late_p99_ms":        func(v view) float64 { return ms(v.lateP99()) },
	"role_changes":       func(v view) float64 { return float64(v.roleChanges()) },
	"blackhole_error_ms": func(v view) float64 { return v.blackholeError() },
	"recover_ms":         func(v view) float64 { return ms(v.recover()) },
	"lost":               func(v view) float64 { return float64(v.Ledger.Lost) },
	"duplicated":         func(v view) float64 { return float64(v.Ledger.Duplicated) },
	"anomalies":          func(v view) float64 { return float64(anomalies(v.Ledger)) },
}

func isWrite(c record.Class) bool { return c == record.Write }

// users are the operations of the site's users; the drill's own rows are not.
func users(o record.Op) bool { return o.Class.User() }

// broken is the window of the fault itself: until it was healed, where healing is
// a moment that is judged apart.
func (v view) broken() measure.Span {
	span := v.window()
	if v.HealApart && v.Marks.Heal > 0 {
		span.To = v.Marks.Heal
	}
	return span
}

// inFlight counts the operations that were under way when the fault took effect
// and were lost to it.
func (v view) inFlight() int {
	n := 0
	for _, o := range v.Ops {
		if users(o) && measure.Unserved(o) && o.Start <= v.struck && o.Done >= v.Marks.Inject {
			n++
		}
	}
	return n
}

// beyond counts operations that were not served and were not under way when the
// fault took effect. A planned change has no such moment: there every one counts.
func (v view) beyond(want func(record.Op) bool) int {
	n := 0
	for _, o := range v.Ops {
		if want(o) && measure.Unserved(o) && o.Done >= v.Marks.Inject && (v.Planned || o.Start > v.struck) {
			n++
		}
	}
	return n
}

func slowest(ops []record.Op, within measure.Span) time.Duration {
	most := time.Duration(0)
	for _, o := range ops {
		if users(o) && o.Good() && o.Due >= within.From && o.Due < within.To {
			most = max(most, o.Latency())
		}
	}
	return most
}

// lateP99 is the 99th percentile of what is due from ten seconds after the fault
// took effect until it is healed. Operations that are not served count as the
// longest wait there is.
func (v view) lateP99() time.Duration {
	var waits []time.Duration
	for _, o := range v.Ops {
		if !users(o) || o.Due < v.struck+10*time.Second || o.Due >= v.Marks.Heal {
			continue
		}
		wait := o.Latency()
		if !o.Good() {
			wait = record.Patience
		}
		waits = append(waits, wait)
	}
	return measure.Quantile(waits, 0.99)
}

// roleChanges counts addresses that were taken and members that became primary
// after the fault was injected.
func (v view) roleChanges() int {
	n := 0
	for _, e := range v.Events {
		if e.At < v.Marks.Inject {
			continue
		}
		if e.Kind == record.EventVIP && e.State == "held" || e.Kind == record.EventMember && strings.HasSuffix(e.State, " PRIMARY") {
			n++
		}
	}
	return n
}

// blackholeFor is how long the control cuts the whole site.
const blackholeFor = 3 * time.Second

// blackholeError is how far the measured outage of the whole site is from the one that
// was made: the time in which nobody at all was served. One class alone cannot tell a
// tenth of a second where it is asked ten times a second.
func (v view) blackholeError() float64 {
	out := measure.Outage(v.Ops, measure.Filter{Want: users}, v.window())
	return math.Abs(ms(out.Length() - blackholeFor))
}

// measured is what a promise is about, in the unit its name ends in.
func (v view) measured(name string) float64 {
	if o, ok := outages[name]; ok {
		return o.measured(v)
	}
	return measures[name](v)
}

// recover is how long full redundancy took: from healing, or from the fault where
// nothing has to be healed from outside. A site that never got there took until
// the end.
func (v view) recover() time.Duration {
	from := v.Marks.Heal
	if v.SelfHealing {
		from = v.struck
	}
	if v.Marks.Recovered == 0 {
		return max(v.Marks.End-from, patienceToRecover)
	}
	return max(0, v.Marks.Recovered-from)
}

// anomalies are what must never be in a ledger besides losses and duplicates.
func anomalies(l record.Ledger) int {
	n := l.Phantom + l.Corrupt + l.Unexpected + len(l.Invariants)
	if l.Differ {
		n++
	}
	if l.Registers == "violated" {
		n++
	}
	return n
}
