package report

import (
	"fmt"
	"slices"
	"time"

	generator "scaleup/internal/drill/load"
	"scaleup/internal/drill/measure"
	"scaleup/internal/drill/record"
)

// fakeResult judges trials well enough to be shown.
func fakeResult(drill, summary string, trials []record.Trial, limits map[string]float64) record.Result {
	noise := 0.0
	r := record.Result{
		Schema: 1, Drill: drill, Verdict: record.Met, Seed: 32570, Dir: ".scaleup/foobar-ha/drills/20260314T120400Z-" + drill,
		Site: "www.foobar.com", Summary: summary, Targets: trials[0].Target, Version: "v0.4.0-12-g9f3ee29",
		Audit: []record.AuditItem{
			{Name: "db1..db3 sync_binlog", Value: "1", Good: true},
			{Name: "db1..db3 innodb_flush_log_at_trx_commit", Value: "1", Good: true},
			{Name: "db1..db3 group_replication_consistency", Value: "BEFORE_ON_PRIMARY_FAILOVER", Good: true},
			{Name: "db1..db3 group_replication_member_expel_timeout", Value: "0", Good: true},
			{Name: "lb1, lb2 haproxy retry-on", Value: "conn-failure empty-response", Good: true},
		},
		NotTested:    []string{"Power loss below the page cache: the lab's machines share the kernel of one computer.", "More than one fault at a time."},
		Reproduce:    "scaleup drill " + drill + " -f examples/ha.yaml --trials 3 --seed 32570",
		NoiseFloorMS: &noise,
	}
	r.Rate.Read, r.Rate.Write = 150, 50
	for i, t := range trials {
		tr := fakeTrial(t, limits)
		r.Trials = append(r.Trials, tr)
		if out, w := tr.OutageMS, r.Trials[r.Worst].OutageMS; max(out.Read, out.Write) > max(w.Read, w.Write) {
			r.Worst = i
		}
		tool := generator.Quality(t.Ops)
		r.Tool.SendLagP99MS, r.Tool.SendLagMaxMS = max(r.Tool.SendLagP99MS, ms(tool.LagP99)), max(r.Tool.SendLagMaxMS, ms(tool.LagMax))
		if tr.Verdict == record.Missed {
			r.Verdict = record.Missed
		}
	}
	r.Objectives = r.Trials[r.Worst].Objectives
	return r
}

func fakeTrial(t record.Trial, limits map[string]float64) record.TrialResult {
	m := t.Marks
	reads, writes := longest(t, record.Class.Read), longest(t, func(c record.Class) bool { return c == record.Write })
	tr := record.TrialResult{
		InjectedAt: t.Began.Add(m.Inject).Format(time.RFC3339), DetectMS: 45, FailoverMS: ms(max(reads.To, writes.To) - m.Bite),
		RecoverMS: ms(m.Recovered - m.Inject), Requests: map[string]int{}, Ledger: t.Ledger, Bite: t.Bite.Text, Heal: t.Heal.Text,
		InFlight: 2, Verdict: record.Met,
	}
	tr.OutageMS.Read, tr.OutageMS.Write = ms(reads.Length()), ms(writes.Length())
	tr.DegradedMS = ms(measure.Total(measure.Degraded(t.Ops, measure.Span{From: m.Inject, To: m.End}, func(record.Op) bool { return true })))
	for _, o := range record.Outcomes {
		tr.Requests[o.String()] = measure.Count(t.Ops, func(record.Op) bool { return true }).Of(o)
	}
	tr.FailedBeyond = tr.Requests["failed"] + tr.Requests["indeterminate"] - tr.InFlight
	measured := map[string]float64{
		"read_outage_ms": tr.OutageMS.Read, "write_outage_ms": tr.OutageMS.Write, "recover_ms": tr.RecoverMS,
		"lost": float64(t.Ledger.Lost), "duplicated": 0, "anomalies": 0,
	}
	for _, name := range []string{"read_outage_ms", "write_outage_ms", "recover_ms", "lost", "duplicated", "anomalies"} {
		o := record.Objective{Name: name, Limit: limits[name], Measured: measured[name], Met: measured[name] <= limits[name]}
		tr.Objectives = append(tr.Objectives, o)
		if !o.Met {
			tr.Verdict = record.Missed
		}
	}
	for _, c := range record.Classes[:4] {
		for _, fresh := range []bool{true, false} {
			tr.Classes = append(tr.Classes, fakeClass(t, c, fresh))
		}
	}
	return tr
}

func fakeClass(t record.Trial, c record.Class, fresh bool) record.ClassResult {
	want := func(o record.Op) bool { return o.Class == c && o.Fresh == fresh }
	latencies := measure.Latencies(t.Ops, want)
	k := record.ClassResult{Class: c.String(), Fresh: &fresh, Requests: map[string]int{}}
	for _, o := range record.Outcomes {
		k.Requests[o.String()] = measure.Count(t.Ops, want).Of(o)
	}
	k.OutageMS = ms(measure.Outage(t.Ops, measure.Filter{Want: want}, measure.Span{From: t.Marks.Inject, To: t.Marks.End}).Length())
	k.P50MS, k.P99MS, k.MaxMS = ms(measure.Quantile(latencies, .5)), ms(measure.Quantile(latencies, .99)), ms(slices.Max(latencies))
	return k
}

// lbDrill and primaryDrill are drills of three trials each. The primary's is missed
// where its limit is below what it takes.
func lbDrill() (record.Result, []record.Trial) {
	trials := []record.Trial{fakeLB(1, 0.020), fakeLB(2, 0.026), fakeLB(3, 0.018)}
	return fakeResult("lb-process-kill", "Kills HAProxy on the load balancer that holds the virtual addresses.", trials,
		map[string]float64{"read_outage_ms": 150, "write_outage_ms": 150, "recover_ms": 90000}), trials
}

func primaryDrill(limit float64) (record.Result, []record.Trial) {
	trials := []record.Trial{fakePrimary(1, 6.62), fakePrimary(2, 6.81), fakePrimary(3, 6.55)}
	r := fakeResult("database-primary-kill", "Kills MySQL on the primary of the database group.", trials,
		map[string]float64{"read_outage_ms": 500, "write_outage_ms": limit, "recover_ms": 90000})
	if r.Verdict == record.Missed {
		r.Why = []string{fmt.Sprintf("In trial 2 no write was answered for 6.81 s; %s were promised.", millis(limit)), "5 s of that are the suspicion of Group Replication (db2's journal, 12:10:36)."}
		r.Audit = append(r.Audit, record.AuditItem{Name: "db3 group_replication_unreachable_majority_timeout", Value: "0", Good: false})
	}
	return r, trials
}

// openDrill is a drill whose fault did not bite.
func openDrill() (record.Result, []record.Trial) {
	r, trials := lbDrill()
	why := "the fault did not bite: nginx on web1 answered all the while"
	r.Drill, r.Summary, r.Targets = "web-freeze", "Freezes Nginx on one web server.", []string{"web1"}
	r.Verdict, r.Why = record.Inconclusive, []string{"In trial 1 " + why + "."}
	for i := range r.Trials {
		r.Trials[i].Verdict, r.Trials[i].Void = record.Inconclusive, why
	}
	return r, trials
}

// hostile is a drill all of whose words come from somebody who wants out of them.
func hostile() (record.Result, []record.Trial) {
	r, trials := lbDrill()
	const evil = `<script>alert("x&y")</script>'` + "\x1b[31m\x00"
	r.Drill, r.Site, r.Summary, r.Version, r.Reproduce, r.Dir = evil, evil, evil, evil, evil, evil
	r.Why, r.NotTested, r.Targets = []string{evil}, []string{evil}, []string{evil}
	r.Audit[0] = record.AuditItem{Name: evil, Value: evil}
	for i := range r.Trials {
		t := &r.Trials[i]
		t.Bite, t.Heal, t.InjectedAt, t.Void = evil, evil, evil, ""
		t.Ledger.Notes, t.Ledger.Members, t.Ledger.Invariants = []string{evil}, []string{evil}, []string{evil}
		t.Classes[0].Class = evil
		t.Objectives[0].Why, t.Objectives[0].Met, t.Objectives[1].Name = evil, false, evil
	}
	for i := range trials {
		t := &trials[i]
		t.Fault, t.Target = evil, []string{evil}
		t.Events = append(t.Events, record.Event{At: at(31), Server: evil, Kind: record.EventVIP, Name: evil, State: "held"},
			record.Event{At: at(31), Server: evil, Kind: record.EventMember, Name: evil, State: evil})
		for j := range t.Ops {
			if t.Ops[j].Error != "" {
				t.Ops[j].Error = evil
			}
		}
	}
	return r, trials
}
