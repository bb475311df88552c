package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"scaleup/internal/drill/record"
)

// trialView is one trial as the template shows it.
type trialView struct {
	Number   int
	ID       string // begins the ids of its parts
	Verdict  record.Verdict
	Void     string
	Brief    string // its figures in a line
	Facts    []row
	Pictures []picture
	Classes  []classRow
	Ledger   []row
	Notes    []string
	Bad      []badRow
	BadAll   int
	Seconds  []secondRow
	Events   []eventRow
	Raw      bool // its operations are there
}

// picture is a timeline twice: for wide windows and for narrow ones.
type picture struct {
	Wide, Narrow template.HTML
	Caption      string
}

type classRow struct {
	Class, Connection, Outage, P50, P99, Max string
	Outcomes                                 []string // in the order of record.Outcomes
	Bad                                      bool
}

type badRow struct {
	At, Clock, Class, Connection, Outcome, Status, Error, Latency string
	Symbol                                                        template.HTML
}

type secondRow struct {
	From     string
	Outcomes []string
}

type eventRow struct{ At, Server, What, State string }

func trialViewOf(number int, t record.TrialResult, raw *record.Trial) trialView {
	v := trialView{
		Number: number, ID: fmt.Sprintf("trial-%d", number), Verdict: t.Verdict, Void: t.Void,
		Brief:   brief(t),
		Facts:   facts(t, raw),
		Classes: classRows(t.Classes),
		Ledger:  ledgerRows(t.Ledger),
		Notes:   append(slices.Clone(t.Ledger.Invariants), t.Ledger.Notes...),
	}
	if raw == nil {
		return v
	}
	v.Raw = true
	v.Pictures = pictures(v.ID, number, *raw)
	v.Bad, v.BadAll = badRows(*raw)
	for _, s := range badSeconds(raw.Ops, zeroOf(raw.Marks)) {
		row := secondRow{From: offset(s.From)}
		for _, o := range record.Outcomes {
			row.Outcomes = append(row.Outcomes, count(s.Counts.Of(o)))
		}
		v.Seconds = append(v.Seconds, row)
	}
	for _, e := range raw.Events {
		v.Events = append(v.Events, eventRow{stamp(e.At - zeroOf(raw.Marks)), e.Server, strings.TrimSpace(string(e.Kind) + " " + e.Name), e.State})
	}
	return v
}

// brief is a trial in a line, for its folded heading.
func brief(t record.TrialResult) string {
	return fmt.Sprintf("reads out %s, writes out %s; %s", millis(t.OutageMS.Read), millis(t.OutageMS.Write), outcomes(t.Requests))
}

// facts are what a trial was, and its moments.
func facts(t record.TrialResult, raw *record.Trial) []row {
	var rows []row
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, row{Name: name, Value: value})
		}
	}
	if raw != nil {
		add("Fault", raw.Fault)
		add("On", and(raw.Target))
		add("Ended early", raw.Aborted)
	}
	add("Injected", t.InjectedAt)
	add("Bit", t.Bite)
	add("Healed", t.Heal)
	add("Outage", "reads "+millis(t.OutageMS.Read)+", writes "+millis(t.OutageMS.Write)+"; degraded "+millis(t.DegradedMS))
	add("After the fault", "detected "+millis(t.DetectMS)+", failed over "+millis(t.FailoverMS)+", recovered "+millis(t.RecoverMS))
	add("In flight", many(t.InFlight, "request")+" when it bit; "+count(t.FailedBeyond)+" failed beyond them")
	return rows
}

// inOrder is a trial with its operations in the order of due times, as what draws
// and measures them expects.
func inOrder(t record.Trial) record.Trial {
	byDue := func(a, b record.Op) int { return cmp.Or(cmp.Compare(a.Due, b.Due), cmp.Compare(a.Seq, b.Seq)) }
	if !slices.IsSortedFunc(t.Ops, byDue) {
		t.Ops = slices.SortedFunc(slices.Values(t.Ops), byDue)
	}
	return t
}

// pictures are the whole trial and, where the trouble is a small part of it, a
// close-up. Both widths go into the file; the style shows one.
func pictures(id string, number int, t record.Trial) []picture {
	draw := func(name, title, caption string, from, to time.Duration) picture {
		p := Picture{ID: id + "-" + name, Title: title, From: from, To: to, Width: WideWidth}
		narrow := p
		narrow.ID, narrow.Width = p.ID+"-narrow", PhoneWidth
		return picture{template.HTML(TimelineSVG(t, p)), template.HTML(TimelineSVG(t, narrow)), caption}
	}
	zero := zeroOf(t.Marks)
	last := endOf(t)
	all := []picture{draw("whole", fmt.Sprintf("Trial %d, whole", number), "The whole trial. "+drawn(t.Ops), 0, last)}
	if from, to, ok := Closeup(t); ok {
		caption := fmt.Sprintf("From %s to %s. ", offset(from-zero), offset(to-zero)) + explained
		all = append([]picture{draw("closeup", fmt.Sprintf("Trial %d, close-up", number), caption, from, to)}, all...)
	}
	return all
}

// explained is what a picture does not say by itself.
const explained = "The shaded ground is the time of the fault. Above the dashed line, at 1 s, an answer counts as slow."

// drawn says how much of the data the scatter shows.
func drawn(ops []record.Op) string {
	ok := 0
	for _, o := range ops {
		if o.Outcome == record.OK {
			ok++
		}
	}
	text := explained
	if ok > mostOK {
		text += fmt.Sprintf(" Of %s ok requests at most %s are drawn, the slowest among them.", count(ok), count(mostOK))
	}
	if bad := len(ops) - ok; bad > mostBad {
		text += fmt.Sprintf(" Of %s others, %s are drawn.", count(bad), count(mostBad))
	}
	return text
}

// firstBad is how many requests that were not ok a report lists; the others are in
// the raw data.
const firstBad = 20

func badRows(t record.Trial) (rows []badRow, all int) {
	for _, o := range t.Ops {
		if o.Outcome == record.OK {
			continue
		}
		if all++; all > firstBad {
			continue
		}
		r := badRow{
			At: stamp(o.Due - zeroOf(t.Marks)), Clock: t.Began.Add(o.Due).UTC().Format("15:04:05.000"),
			Class: o.Class.String(), Connection: connection(o.Fresh), Outcome: o.Outcome.String(),
			Status: dash, Error: orDash(o.Error), Latency: length(o.Latency()), Symbol: sign(o.Outcome),
		}
		if o.Status != 0 {
			r.Status = fmt.Sprint(o.Status)
		}
		if o.Outcome == record.Unsent {
			r.Latency = dash
		}
		rows = append(rows, r)
	}
	return rows, all
}

func classRows(classes []record.ClassResult) []classRow {
	var rows []classRow
	for _, c := range classes {
		r := classRow{Class: c.Class, Connection: "all", Outage: millis(c.OutageMS), P50: millis(c.P50MS), P99: millis(c.P99MS), Max: millis(c.MaxMS)}
		if c.Fresh != nil {
			r.Connection = connection(*c.Fresh)
		}
		for _, o := range record.Outcomes {
			r.Outcomes = append(r.Outcomes, count(c.Requests[o.String()]))
		}
		rows = append(rows, r)
	}
	return rows
}
