package drill

import (
	"fmt"

	"scaleup/internal/drill/measure"
	"scaleup/internal/drill/record"
)

// outage is a promise about the longest time in which somebody waited and nobody was
// served: in which part of the trial, and of which requests. Existing and new
// connections are told apart, and so are the classes: the worst counts.
type outage struct {
	during func(view) measure.Span
	of     []measure.Filter
}

// outages are the promises about outages, by name.
var outages = map[string]outage{
	"read_outage_ms":  {view.broken, kinds(record.Class.Read)},
	"write_outage_ms": {view.broken, kinds(isWrite)},
	// Around the moment of healing, such as the thaw of a frozen server.
	"heal_outage_ms": {
		func(v view) measure.Span { return measure.Span{From: v.Marks.Heal, To: v.Marks.End} },
		kinds(record.Class.User),
	},
	"static_outage_ms": {view.window, kinds(func(c record.Class) bool { return c == record.Static })},
	// What a visitor without an account sees, old pages included.
	"page_outage_ms": {view.window, []measure.Filter{{Want: func(o record.Op) bool { return o.Class == record.Page }, StaleOK: true}}},
}

// kinds are the requests of each class apart, over existing and over new connections.
func kinds(want func(record.Class) bool) []measure.Filter {
	var all []measure.Filter
	for _, c := range record.Classes {
		for _, fresh := range []bool{true, false} {
			if want(c) {
				all = append(all, measure.Filter{Want: func(o record.Op) bool { return o.Class == c && o.Fresh == fresh }})
			}
		}
	}
	return all
}

// worst is the longest outage of any of the kinds in a span, and how many requests
// waited in it.
func (v view) worst(span measure.Span, of []measure.Filter) (worst measure.Span, waiting int) {
	for _, f := range of {
		if s := measure.Outage(v.Ops, f, span); s.Length() > worst.Length() {
			worst, waiting = s, 0
			for _, o := range v.Ops {
				if f.Want(o) && o.Due >= s.From && o.Due < s.To {
					waiting++
				}
			}
		}
	}
	return worst, waiting
}

// measured is the outage in milliseconds.
func (o outage) measured(v view) float64 {
	worst, _ := v.worst(o.during(v), o.of)
	return ms(worst.Length())
}

// unclear says why a trial that exceeds the limit of an outage does not show that the
// fault did that, or "". A trial is its own control: before the fault the site is
// whole, and what it shows then by the same measure is no effect of the fault. And
// where only one request waited, nobody knows whether others would have.
func (o outage) unclear(v view, limit float64) string {
	worst, waiting := v.worst(o.during(v), o.of)
	quiet := measure.Span{From: warmUp, To: v.Marks.Inject}
	before, _ := v.worst(quiet, o.of)
	noise := ms(min(before.To, quiet.To) - before.From)
	switch length := ms(worst.Length()); {
	case waiting == 1:
		return fmt.Sprintf("the %.0f ms are the wait of a single request, and no other of its kind was sent meanwhile; a higher --rate tells more", length)
	case length-noise <= limit:
		return fmt.Sprintf("of the %.0f ms, %.0f ms are what the same measure gave before anything was broken: this computer is too busy to tell", length, noise)
	}
	return ""
}

// unclear says why none of the promises that a trial exceeds is shown to be broken by
// the fault, or "" if one is, or none is exceeded.
func (v view) unclear(objectives []record.Objective) string {
	first := ""
	for _, o := range objectives {
		if o.Met {
			continue
		}
		promise, isOutage := outages[o.Name]
		if !isOutage {
			return ""
		}
		why := promise.unclear(v, o.Limit)
		if why == "" {
			return ""
		}
		if first == "" {
			first = o.Name + ": " + why
		}
	}
	return first
}
