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

// worst is the longest outage of any of the kinds in a span.
func (v view) worst(span measure.Span, of []measure.Filter) (worst measure.Span) {
	for _, f := range of {
		if s := measure.Outage(v.Ops, f, span); s.Length() > worst.Length() {
			worst = s
		}
	}
	return worst
}

// measured is the outage in milliseconds.
func (o outage) measured(v view) float64 { return ms(v.worst(o.during(v), o.of).Length()) }

// unclear says why a trial that exceeds the limit of an outage does not show that the
// fault did that, or "": there has to be a doubt about each kind that exceeds it. That
// about the worst is told.
func (o outage) unclear(v view, limit float64) string {
	quiet := measure.Span{From: warmUp, To: v.Marks.Inject}
	before := v.worst(quiet, o.of)
	noise := ms(min(before.To, quiet.To) - before.From)
	worst, why := 0.0, ""
	for _, f := range o.of {
		s := measure.Outage(v.Ops, f, o.during(v))
		length := ms(s.Length())
		if length <= limit {
			continue
		}
		doubt := v.doubt(s, f, noise, limit)
		if doubt == "" {
			return ""
		}
		if length > worst {
			worst, why = length, doubt
		}
	}
	return why
}

// doubt says why the outage of one kind may be none that exceeds the limit, or "". A
// trial is its own control: before the fault the site is whole, and what it shows then
// by the same measure, the noise, is no effect of the fault. And where nobody waited,
// or only one, nobody knows how others would have fared.
func (v view) doubt(s measure.Span, f measure.Filter, noise, limit float64) string {
	length, unseen := ms(s.Length()), ms(measure.Unseen(v.Ops, f, s))
	switch {
	case measure.Waited(v.Ops, f, s) == 1:
		return fmt.Sprintf("in the %.0f ms a single request waited: the next of its kind was sent only then; a higher --rate tells more", length)
	case length-unseen <= limit:
		return fmt.Sprintf("of the %.0f ms, nobody waited in the last %.0f ms: no request of that kind was sent; a higher --rate tells more", length, unseen)
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
