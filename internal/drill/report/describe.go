package report

import (
	"fmt"
	"strings"
	"time"

	"scaleup/internal/drill/measure"
	"scaleup/internal/drill/record"
)

// felt is the longest outage of the classes a function wants, of new and of kept
// connections apart, with whose it was.
type felt struct {
	measure.Span
	Class record.Class
	Fresh bool
}

// longest looks at all that came after the fault was injected. An objective may look
// at less, such as until the fault was healed, and then name a shorter one.
func longest(t record.Trial, want func(record.Class) bool) felt {
	var worst felt
	within := measure.Span{From: t.Marks.Inject, To: endOf(t)}
	for _, c := range record.Classes {
		if !want(c) || c == record.SQL {
			continue
		}
		for _, fresh := range []bool{true, false} {
			f := measure.Filter{Want: func(o record.Op) bool { return o.Class == c && o.Fresh == fresh }}
			if s := measure.Outage(t.Ops, f, within); s.Length() > worst.Length() {
				worst = felt{s, c, fresh}
			}
		}
	}
	return worst
}

// describe says in words what a timeline of a part of a trial shows, for those who
// do not see it.
func describe(t record.Trial, from, to time.Duration) string {
	var s []string
	zero := zeroOf(t.Marks)
	s = append(s, fmt.Sprintf("From %s to %s.", offset(from-zero), offset(to-zero)))
	for _, m := range marksOf(t.Marks) {
		if m.At >= from && m.At <= to {
			s = append(s, "Moment: "+m.Text+".")
		}
	}
	for _, g := range []struct {
		name string
		want func(record.Class) bool
	}{{"Reads", record.Class.Read}, {"Writes", func(c record.Class) bool { return c == record.Write }}} {
		s = append(s, describeGroup(t, g.name, g.want, from, to))
	}
	lanes, _ := lanesOf(t.Events, from, to)
	for _, l := range lanes {
		if words := describeLane(l, from, zero); words != "" {
			s = append(s, words)
		}
	}
	return strings.Join(s, " ")
}

func describeGroup(t record.Trial, name string, want func(record.Class) bool, from, to time.Duration) string {
	var bad []record.Op
	counts := measure.Count(t.Ops, func(o record.Op) bool {
		in := want(o.Class) && o.Due >= from && o.Due < to
		if in && o.Outcome != record.OK {
			bad = append(bad, o)
		}
		return in
	})
	if len(bad) == 0 {
		return fmt.Sprintf("%s: all %s ok.", name, count(counts.All()))
	}
	var words []string
	for _, o := range record.Outcomes {
		if counts.Of(o) > 0 {
			words = append(words, count(counts.Of(o))+" "+o.String())
		}
	}
	zero := zeroOf(t.Marks)
	text := fmt.Sprintf("%s: %s; those not ok were due from %s to %s.", name, and(words), offset(bad[0].Due-zero), offset(bad[len(bad)-1].Due-zero))
	if out := longest(t, want); out.Length() > 0 && out.From < to && out.To > from {
		text += fmt.Sprintf(" Longest outage %s, of %s over %s connections, from %s.", length(out.Length()), out.Class, connection(out.Fresh), offset(out.From-zero))
	}
	return text
}

// describeLane tells the states of a lane after a moment; "" if it is one as it
// should be.
func describeLane(l lane, from, zero time.Duration) string {
	var words []string
	for _, s := range l.Segments {
		if s.To <= from {
			continue
		}
		if len(words) == 0 {
			words = append(words, s.State)
			continue
		}
		words = append(words, s.State+" from "+offset(s.From-zero))
	}
	if len(words) < 2 && l.Kind != record.EventVIP || len(words) == 0 {
		return ""
	}
	return l.Label() + ": " + strings.Join(words, ", then ") + "."
}
