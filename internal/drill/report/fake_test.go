package report

import (
	"math"
	"math/rand/v2"
	"time"

	"scaleup/internal/drill/record"
)

// at is a time in seconds.
func at(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// load is the operations of a trial: 150 reads/s and 50 writes/s on a site that is
// well. hurt may change each one.
func load(rnd *rand.Rand, length time.Duration, hurt func(*record.Op)) []record.Op {
	var ops []record.Op
	for i := range int(length.Seconds() * 200) {
		o := record.Op{Seq: i, Due: time.Duration(i) * 5 * time.Millisecond, Fresh: i%24 < 12, Proto: 2, Status: 200}
		if o.Class = record.Class(i % 3); i%4 == 3 {
			o.Class = record.Write
		}
		if o.Fresh {
			o.Proto = 1
		}
		typical := map[record.Class]float64{record.Static: 1.8, record.Page: 3.1, record.API: 5.2, record.Write: 9.5}[o.Class]
		o.Start = o.Due + at(0.0002*rnd.ExpFloat64())
		o.Done = o.Start + at(typical/1000*math.Exp(0.35*rnd.NormFloat64()))
		if rnd.IntN(600) == 0 {
			o.Done += at(0.03 * rnd.ExpFloat64())
		}
		hurt(&o)
		ops = append(ops, o)
	}
	return ops
}

func fail(o *record.Op, outcome record.Outcome, status int, err string, after time.Duration) {
	o.Outcome, o.Status, o.Error, o.Done = outcome, status, err, o.Start+after
}

// nine are the first states of the servers of a site with nine.
func nine() []record.Event {
	var events []record.Event
	add := func(server string, kind record.EventKind, name, state string) {
		events = append(events, record.Event{At: at(0.08 + 0.004*float64(len(events))), Server: server, Kind: kind, Name: name, State: state})
	}
	for _, lb := range []string{"lb2", "lb1"} {
		for _, vip := range []string{"public", "internal"} {
			add(lb, record.EventVIP, vip, map[bool]string{true: "held", false: "free"}[lb == "lb1"])
		}
		for _, b := range []string{"haproxy", "web/web1", "web/web2", "app/app1-a", "app/app2-a", "mysql_primary/db1", "mysql_replica/db2", "mysql_replica/db3"} {
			add(lb, record.EventBackend, b, "up")
		}
		for _, b := range []string{"app/app1-b", "app/app2-b"} {
			add(lb, record.EventBackend, b, "maint")
		}
		for _, b := range []string{"mysql_primary/db2", "mysql_primary/db3", "mysql_replica/db1"} {
			add(lb, record.EventBackend, b, "down")
		}
	}
	for _, db := range []string{"db1", "db2", "db3"} {
		add(db, record.EventMember, db, map[bool]string{true: "ONLINE PRIMARY", false: "ONLINE SECONDARY"}[db == "db1"])
	}
	return events
}

var began = time.Date(2026, 3, 14, 12, 4, 0, 0, time.UTC)

// fakeLB is a trial of lb-process-kill with an outage of about 70 ms.
func fakeLB(number int, outage float64) record.Trial {
	rnd := rand.New(rand.NewPCG(uint64(number), 7))
	inject := 30.0 + rnd.Float64()
	bite := inject + 0.031
	t := record.Trial{
		Number: number, Began: began.Add(time.Duration(number) * 2 * time.Minute), Target: []string{"lb1"},
		Fault: "SIGKILL to haproxy.service on lb1",
		Marks: record.Marks{Inject: at(inject), Bite: at(bite), Heal: at(inject + 0.5), Healed: at(inject + 0.62), Recovered: at(inject + 1.4), End: at(60)},
		Bite:  record.Proof{OK: true, Text: "haproxy.service on lb1: process 412 is gone"},
		Heal:  record.Proof{OK: true, Text: "haproxy.service on lb1: process 977 answers"},
	}
	t.Ops = load(rnd, at(60), func(o *record.Op) {
		switch from, to := at(bite), at(bite+outage); {
		case o.Due < from && o.Done > from:
			fail(o, record.Failed, 0, "reset", from-o.Start)
			if o.Class == record.Write {
				o.Outcome = record.Indeterminate
			}
		case o.Due >= from && o.Due < to:
			fail(o, record.Failed, 0, "refused", at(0.0006))
		case o.Due >= to && o.Due < to+at(0.15):
			o.Done += at(0.006)
		}
	})
	t.Events = append(nine(),
		record.Event{At: at(bite + 0.012), Server: "lb1", Kind: record.EventBackend, Name: "haproxy", State: "silent"},
		record.Event{At: at(inject + 0.6), Server: "lb1", Kind: record.EventBackend, Name: "haproxy", State: "up"},
		record.Event{At: at(bite + 0.045), Server: "lb1", Kind: record.EventVIP, Name: "public", State: "free"},
		record.Event{At: at(bite + 0.045), Server: "lb1", Kind: record.EventVIP, Name: "internal", State: "free"},
		record.Event{At: at(bite + 0.068), Server: "lb2", Kind: record.EventVIP, Name: "public", State: "held"},
		record.Event{At: at(bite + 0.068), Server: "lb2", Kind: record.EventVIP, Name: "internal", State: "held"},
	)
	t.Ledger = record.Ledger{Acked: 2990, Recovered: 1, Members: []string{"db1", "db2", "db3"}, Registers: "linearizable"}
	return t
}

// fakePrimary is a trial of database-primary-kill with writes out for about
// outage seconds.
func fakePrimary(number int, outage float64) record.Trial {
	rnd := rand.New(rand.NewPCG(uint64(number), 9))
	inject := 30.0 + 2*rnd.Float64()
	bite := inject + 0.024
	t := record.Trial{
		Number: number, Began: began.Add(time.Duration(number) * 3 * time.Minute), Target: []string{"db1"},
		Fault: "SIGKILL to mysql.service on db1",
		Marks: record.Marks{Inject: at(inject), Bite: at(bite), Heal: at(inject + 20), Healed: at(inject + 20.6), Recovered: at(inject + 26.2), End: at(90)},
		Bite:  record.Proof{OK: true, Text: "mysql.service on db1: process 388 is gone"},
		Heal:  record.Proof{OK: true, Text: "mysql.service on db1: process 1204 answers"},
	}
	t.Ops = load(rnd, at(90), func(o *record.Op) {
		back := at(bite + outage)
		switch since := o.Due - at(bite); {
		case o.Class == record.Write && o.Due < at(bite) && o.Done > at(bite):
			fail(o, record.Indeterminate, 502, "bad gateway", at(bite)-o.Start+at(0.002))
		case o.Class == record.Write && since >= 0 && o.Due < back-at(1.6):
			fail(o, record.Failed, 503, "no primary", at(0.3+0.02*rnd.Float64()))
			if since < at(0.4) && rnd.IntN(3) == 0 {
				fail(o, record.Indeterminate, 0, "timeout", record.Patience)
			}
		case o.Class == record.Write && since >= 0 && o.Due < back:
			o.Done = back + at(0.05*rnd.Float64()+0.01)
			if o.Latency() > record.SLO {
				o.Outcome = record.Slow
			}
		case o.Class == record.API && since > -at(0.004) && since < at(0.21):
			fail(o, record.Failed, 500, "status 500", at(0.004))
		case o.Class == record.Page && since > 0 && since < at(0.2):
			o.Outcome = record.Stale
		}
	})
	t.Events = append(nine(),
		record.Event{At: at(bite + 0.02), Server: "db1", Kind: record.EventWatch, Name: "db1", State: "silent"},
		record.Event{At: at(bite + 0.11), Server: "lb1", Kind: record.EventBackend, Name: "mysql_primary/db1", State: "down"},
		record.Event{At: at(bite + 0.14), Server: "lb2", Kind: record.EventBackend, Name: "mysql_primary/db1", State: "down"},
		record.Event{At: at(bite + 5.1), Server: "db2", Kind: record.EventMember, Name: "db2", State: "ONLINE PRIMARY"},
		record.Event{At: at(bite + outage - 0.2), Server: "lb1", Kind: record.EventBackend, Name: "mysql_primary/db2", State: "up"},
		record.Event{At: at(bite + outage - 0.1), Server: "lb2", Kind: record.EventBackend, Name: "mysql_primary/db2", State: "up"},
		record.Event{At: at(bite + outage - 0.15), Server: "lb1", Kind: record.EventBackend, Name: "mysql_replica/db2", State: "drain"},
		record.Event{At: at(bite + outage - 0.05), Server: "lb2", Kind: record.EventBackend, Name: "mysql_replica/db2", State: "drain"},
		record.Event{At: at(inject + 20.8), Server: "db1", Kind: record.EventWatch, Name: "db1", State: "answers"},
		record.Event{At: at(inject + 20.9), Server: "db1", Kind: record.EventMember, Name: "db1", State: "OFFLINE"},
		record.Event{At: at(inject + 22.4), Server: "db1", Kind: record.EventMember, Name: "db1", State: "RECOVERING SECONDARY"},
		record.Event{At: at(inject + 25.7), Server: "db1", Kind: record.EventMember, Name: "db1", State: "ONLINE SECONDARY"},
		record.Event{At: at(inject + 26.0), Server: "lb1", Kind: record.EventBackend, Name: "mysql_replica/db1", State: "up"},
		record.Event{At: at(inject + 26.1), Server: "lb2", Kind: record.EventBackend, Name: "mysql_replica/db1", State: "up"},
	)
	t.Ledger = record.Ledger{Acked: 4190, Recovered: 3, Members: []string{"db1", "db2", "db3"}, Registers: "linearizable"}
	return t
}
