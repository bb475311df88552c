package report

import (
	"fmt"
	"io"
	"unicode/utf8"

	"scaleup/internal/drill/record"
)

// totals add up a series of drills.
type totals struct {
	Drills, Met, Missed, Open int // Open: inconclusive or aborted
	Promises, Kept, Broken    int
	Trials, Requests          int
	Acked, Lost, Duplicated   int
}

func totalsOf(s record.Summary) totals {
	t := totals{Drills: len(s.Drills)}
	for _, r := range s.Drills {
		switch r.Verdict {
		case record.Met:
			t.Met++
		case record.Missed:
			t.Missed++
		default:
			t.Open++
		}
		for _, p := range promises(r) {
			t.Promises++
			switch {
			case p.Met:
				t.Kept++
			case !p.Open:
				t.Broken++
			}
		}
		t.Trials += len(r.Trials)
		for _, trial := range r.Trials {
			t.Requests += total(trial.Requests)
			t.Acked += trial.Ledger.Acked
			t.Lost += trial.Ledger.Lost
			t.Duplicated += trial.Ledger.Duplicated
		}
	}
	return t
}

// headline words the totals in a sentence.
func (t totals) headline() string {
	s := fmt.Sprintf("%d of %s met", t.Met, many(t.Drills, "drill"))
	if t.Missed > 0 {
		s += fmt.Sprintf(", %d missed", t.Missed)
	}
	if t.Open > 0 {
		s += fmt.Sprintf(", %d without a verdict", t.Open)
	}
	return s
}

// promises words how many objectives were met.
func (t totals) promises() string {
	s := fmt.Sprintf("%s of %s kept", count(t.Kept), many(t.Promises, "promise"))
	if t.Broken > 0 {
		s += fmt.Sprintf(", %s broken", count(t.Broken))
	}
	if open := t.Promises - t.Kept - t.Broken; open > 0 {
		s += fmt.Sprintf(", %s not judged", count(open))
	}
	return s
}

// data words what became of the acknowledged writes.
func (t totals) data() string {
	return fmt.Sprintf("%s acknowledged: %s lost, %s carried out twice", many(t.Acked, "write"), count(t.Lost), count(t.Duplicated))
}

// SummaryText writes the report of a series of drills for a terminal: the verdict
// over all, then each drill with each of its objectives. color adds ANSI colours.
func SummaryText(w io.Writer, s record.Summary, color bool) error {
	p := &page{color: color}
	t := totalsOf(s)
	p.line("drills of " + p.paint(bold, printable(s.Site)))
	p.line("VERDICT  " + p.verdict(s.Verdict) + t.headline())
	p.field("objectives", t.promises())
	p.field("data", t.data())
	p.field("load", many(t.Requests, "request")+" in "+many(t.Trials, "trial"))
	width := 0
	for _, r := range s.Drills {
		width = max(width, utf8.RuneCountInString(r.Drill))
	}
	for _, r := range s.Drills {
		p.line("")
		p.line(p.verdict(r.Verdict) + pad(printable(r.Drill), width) + "  " + many(len(r.Trials), "trial"))
		p.promises(outOf(promises(r), r), r)
		if r.Verdict != record.Met {
			p.list("why", r.Why)
		}
	}
	_, err := p.WriteTo(w)
	return err
}
