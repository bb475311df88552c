package drill

import (
	"testing"
	"time"

	"scaleup/internal/drill/load"
	"scaleup/internal/drill/record"
	"scaleup/internal/spec"
)

// wellRecorded is a trial of 20 s without a fault's effect: 200 operations per
// second, each answered after 2 ms, injected at 5 s, healed at 10 s.
func wellRecorded() record.Trial {
	t := record.Trial{
		Number: 1, Bite: record.Proof{OK: true, Text: "seen"}, Heal: record.Proof{OK: true, Text: "gone"},
		Marks: record.Marks{
			Inject: 5 * time.Second, Bite: 5200 * time.Millisecond, Heal: 10 * time.Second, Healed: 10100 * time.Millisecond,
			Recovered: 11 * time.Second, End: 20 * time.Second,
		},
	}
	mix := []record.Class{record.Static, record.Page, record.API, record.Write}
	for i := range 4000 {
		due := time.Duration(i) * 5 * time.Millisecond
		t.Ops = append(t.Ops, record.Op{Seq: i, Class: mix[i%4], Fresh: i%8 >= 4, Due: due, Start: due, Done: due + 2*time.Millisecond})
	}
	return t
}

// refuse makes the operations that are due in a part of a trial fail at once.
func refuse(t *record.Trial, from, to time.Duration) {
	for i := range t.Ops {
		if o := &t.Ops[i]; o.Due >= from && o.Due < to {
			o.Outcome = record.Failed
			if !o.Class.Read() {
				o.Outcome = record.Indeterminate
			}
		}
	}
}

func promised(t *testing.T, name string) []Promise {
	t.Helper()
	d, ok := Find(name)
	if !ok {
		t.Fatalf("no drill %s", name)
	}
	return d.Promises(&spec.Site{Servers: []spec.Server{{Name: "web1", Role: spec.Web}, {Name: "web2", Role: spec.Web}}}, 200)
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name   string
		drill  string
		change func(*record.Trial)
		want   record.Verdict
	}{
		{"all is well", "null", func(*record.Trial) {}, record.Met},
		{"one request fails", "null", func(t *record.Trial) { refuse(t, 7*time.Second, 7005*time.Millisecond) }, record.Missed},
		{"a short outage is allowed", "lb-process-kill", func(t *record.Trial) { refuse(t, 5200*time.Millisecond, 5270*time.Millisecond) }, record.Met},
		{"a longer one is not", "lb-process-kill", func(t *record.Trial) { refuse(t, 5200*time.Millisecond, 5400*time.Millisecond) }, record.Missed},
		{"what was under way may fail", "web-process-kill", func(t *record.Trial) { t.Ops[1039].Outcome, t.Ops[1039].Done = record.Failed, 5201*time.Millisecond }, record.Met},
		{"what came later may not", "web-process-kill", func(t *record.Trial) { refuse(t, 6*time.Second, 6005*time.Millisecond) }, record.Missed},
		{"a planned change may fail nothing", "planned-reload", func(t *record.Trial) {
			t.Planned = true
			t.Ops[1039].Outcome, t.Ops[1039].Done = record.Failed, 5201*time.Millisecond
		}, record.Missed},
		{"a share of two seconds", "web-freeze", func(t *record.Trial) { refuse(t, 6*time.Second, 6900*time.Millisecond) }, record.Met},
		{"and then none", "web-freeze", func(t *record.Trial) { refuse(t, 8*time.Second, 8005*time.Millisecond) }, record.Missed},
		{"the blackhole measures 3 s", "blackhole", func(t *record.Trial) { refuse(t, 5200*time.Millisecond, 8200*time.Millisecond) }, record.Met},
		{"the blackhole measures 2.8 s", "blackhole", func(t *record.Trial) { refuse(t, 5200*time.Millisecond, 8000*time.Millisecond) }, record.Missed},
		{"it did not bite", "null", func(t *record.Trial) { t.Bite.OK = false }, record.Inconclusive},
		{"it is not known to have healed", "null", func(t *record.Trial) { t.Heal.OK = false }, record.Inconclusive},
		{"the site was not well before", "null", func(t *record.Trial) { refuse(t, 3*time.Second, 3100*time.Millisecond) }, record.Inconclusive},
		{"what was under way at the fault is not of the time before", "lb-process-kill", func(t *record.Trial) {
			for i := 990; i < 1000; i++ {
				t.Ops[i].Outcome, t.Ops[i].Done = record.Failed, 5100*time.Millisecond
			}
		}, record.Met},
		{"connections are opened and caches filled", "null", func(t *record.Trial) { refuse(t, time.Second, 1100*time.Millisecond) }, record.Met},
		{"the generator was late", "null", func(t *record.Trial) { t.Tool.LagP99 = 11 * time.Millisecond }, record.Inconclusive},
		{"late, and what is promised takes seconds", "database-disk-full", func(t *record.Trial) { t.Tool.LagP99 = 99 * time.Millisecond }, record.Met},
		{"later than that", "database-disk-full", func(t *record.Trial) { t.Tool.LagP99 = 101 * time.Millisecond }, record.Inconclusive},
		{"the generator stood still", "null", func(t *record.Trial) { t.Tool.LagMax = 2 * time.Second }, record.Inconclusive},
		{"not all was sent", "null", func(t *record.Trial) { t.Tool.Unsent = 1 }, record.Inconclusive},
		{"nobody knows what is in the ledger", "null", func(t *record.Trial) { t.Ledger.Error = "db1 does not answer" }, record.Inconclusive},
		{"the last writes failed", "database-primary-kill", func(t *record.Trial) { refuse(t, 19*time.Second, time.Hour) }, record.Inconclusive},
		{"an acknowledged write is lost", "null", func(t *record.Trial) { t.Ledger.Lost = 1 }, record.Missed},
		{"lost, however it was measured", "null", func(t *record.Trial) { t.Ledger.Lost, t.Tool.Unsent = 1, 1 }, record.Missed},
		{"a write is there twice", "null", func(t *record.Trial) { t.Ledger.Duplicated = 1 }, record.Missed},
		{"a write is there that was refused", "null", func(t *record.Trial) { t.Ledger.Phantom = 1 }, record.Missed},
		{"it never recovered", "null", func(t *record.Trial) { t.Marks.Recovered = 0 }, record.Missed},
		{"it recovered late", "app-all-off", func(t *record.Trial) { t.Marks.Recovered = 20100 * time.Millisecond }, record.Missed},
		{"interrupted", "null", func(t *record.Trial) { t.Aborted = "interrupt" }, record.Aborted},
		{"an address moved", "network-loss", func(t *record.Trial) {
			t.Events = []record.Event{{At: 7 * time.Second, Server: "lb2", Kind: record.EventVIP, Name: "public", State: "held"}}
		}, record.Missed},
		{"it had moved before", "network-loss", func(t *record.Trial) {
			t.Events = []record.Event{{At: time.Second, Server: "lb2", Kind: record.EventVIP, Name: "public", State: "held"}}
		}, record.Met},
		{"ill after it was healed", "network-thin", func(t *record.Trial) { refuse(t, 15*time.Second, 15100*time.Millisecond) }, record.Missed},
		{"old pages will do", "app-all-off", func(t *record.Trial) {
			for i := range t.Ops {
				if o := &t.Ops[i]; o.Class == record.Page && o.Due > 6*time.Second && o.Due < 9*time.Second {
					o.Outcome = record.Stale
				}
			}
		}, record.Met},
		{"slow for too long", "app-slow", func(t *record.Trial) {
			t.Marks.Heal, t.Marks.Healed = 18*time.Second, 18*time.Second
			for i := range t.Ops {
				if o := &t.Ops[i]; o.Due > 5200*time.Millisecond && o.Due < 17*time.Second && i%8 == 0 {
					o.Outcome, o.Done = record.Slow, o.Due+1500*time.Millisecond
				}
			}
		}, record.Missed},
	} {
		t.Run(c.name, func(t *testing.T) {
			trial := wellRecorded()
			d, _ := Find(c.drill)
			trial.HealApart, trial.SelfHealing, trial.Planned = d.HealApart, d.SelfHealing, d.Planned
			c.change(&trial)
			if got := judge(trial, promised(t, c.drill)); got.Verdict != c.want {
				t.Errorf("%s, want %s\nvoid: %q\n%+v", got.Verdict, c.want, got.Void, got.Objectives)
			}
		})
	}
}

func TestLagLimit(t *testing.T) {
	for _, c := range []struct {
		promises []Promise
		want     time.Duration
	}{
		{nil, 100 * time.Millisecond},
		{[]Promise{{"failed", 0}, {"recover_ms", 90000}}, 100 * time.Millisecond},
		{[]Promise{{"read_outage_ms", 500}, {"write_outage_ms", 8000}, {"recover_ms", 90000}}, 25 * time.Millisecond},
		{[]Promise{{"read_outage_ms", 150}}, 10 * time.Millisecond},
		{[]Promise{{"static_outage_ms", 0}, {"recover_ms", 10000}}, 10 * time.Millisecond},
	} {
		if got := lagLimit(c.promises); got != c.want {
			t.Errorf("%v: %s, want %s", c.promises, got, c.want)
		}
	}
}

// The moment of a thaw has a promise of its own; what happens then is not held
// against the freeze.
func TestHealIsJudgedApart(t *testing.T) {
	trial := wellRecorded()
	trial.HealApart = true
	refuse(&trial, 5300*time.Millisecond, 6200*time.Millisecond)
	refuse(&trial, 10*time.Second, 10400*time.Millisecond)
	got := judge(trial, promised(t, "lb-holder-freeze"))
	if got.Verdict != record.Met {
		t.Errorf("%s: %+v", got.Verdict, got.Objectives)
	}
	refuse(&trial, 10*time.Second, 10600*time.Millisecond)
	if got = judge(trial, promised(t, "lb-holder-freeze")); got.Verdict != record.Missed {
		t.Errorf("a thaw that costs 0.6 s: %s", got.Verdict)
	}
}

// Every promise of the catalogue can be measured, and every drill that the site
// file can set objectives for is there.
func TestCatalogueIsWhole(t *testing.T) {
	site := &spec.Site{}
	seen := map[string]bool{}
	for _, d := range Catalogue() {
		if seen[d.Name] || d.Summary == "" || d.Make == nil {
			t.Errorf("%s is there twice, or not whole", d.Name)
		}
		seen[d.Name] = true
		for _, p := range d.Promises(site, 200) {
			if _, outage := outages[p.Name]; !outage && measures[p.Name] == nil {
				t.Errorf("%s promises %s, which nobody measures", d.Name, p.Name)
			}
		}
	}
	for _, name := range spec.DrillNames() {
		if !seen[name] {
			t.Errorf("the site file knows the drill %s, the catalogue does not", name)
		}
	}
	if len(All()) != len(spec.DrillNames()) {
		t.Errorf("%d drills, and %d names in the site file", len(All()), len(spec.DrillNames()))
	}
}

func TestObjectivesOfTheSiteFileWin(t *testing.T) {
	second, one := time.Second, 1
	site := &spec.Site{Objectives: map[string]spec.Objective{"null": {ReadOutage: &second, Failed: &one, Degraded: &second}}}
	d, _ := Find("null")
	want := map[string]float64{"read_outage_ms": 1000, "write_outage_ms": 0, "failed": 1, "degraded_ms": 1000, "lost": 0}
	for _, p := range d.Promises(site, 200) {
		if w, ok := want[p.Name]; ok && w != p.Limit {
			t.Errorf("%s: limit %g, want %g", p.Name, p.Limit, w)
		}
		delete(want, p.Name)
	}
	if len(want) > 0 {
		t.Errorf("not promised: %v", want)
	}
}

func TestMissedBeatsInconclusive(t *testing.T) {
	for _, c := range []struct {
		verdicts []record.Verdict
		want     record.Verdict
	}{
		{[]record.Verdict{record.Met, record.Met}, record.Met},
		{[]record.Verdict{record.Met, record.Inconclusive}, record.Inconclusive},
		{[]record.Verdict{record.Missed, record.Inconclusive, record.Met}, record.Missed},
		{[]record.Verdict{record.Met, record.Aborted}, record.Aborted},
	} {
		if got := combine(c.verdicts); got != c.want {
			t.Errorf("%v: %s, want %s", c.verdicts, got, c.want)
		}
	}
}

func TestUnwell(t *testing.T) {
	counts := func(ok, slow, failed int) load.Counts {
		var c load.Counts
		c[record.OK], c[record.Slow], c[record.Failed] = ok, slow, failed
		return c
	}
	for name, test := range map[string]struct {
		warm, end load.Counts
		well      bool
	}{
		"all ok":                {counts(100, 0, 0), counts(2000, 0, 0), true},
		"slow while warming up": {counts(80, 20, 0), counts(2000, 20, 0), true},
		"one in a hundred":      {counts(0, 0, 0), counts(198, 1, 1), true},
		"three in a hundred":    {counts(0, 0, 0), counts(97, 2, 1), false},
		"too short to look":     {counts(100, 0, 0), counts(100, 0, 0), true},
	} {
		if why := unwell(test.warm, test.end); (why == "") != test.well {
			t.Errorf("%s: %q", name, why)
		}
	}
}
