package report

import (
	"fmt"
	"html/template"
	"strconv"

	"scaleup/internal/drill/record"
)

// view is a report as its template shows it: words and pictures, nothing left to
// work out.
type view struct {
	record.Result
	Headline string
	Reasons  []string
	SeedText string
	Load     string
	Promises []promise
	Several  bool // more than one trial counts
	Times    []figure
	Outcomes []outcomeRow
	Tool     []row
	First    *trialView  // the worst trial
	Others   []trialView // folded
}

// row is a line of a table: what, how much, and what that means.
type row struct {
	Name, Value, Meaning string
	Bad                  bool
}

// outcomeRow is an outcome over all trials.
type outcomeRow struct {
	Name, Meaning, Count, Share string
	Symbol                      template.HTML
}

func viewOf(r record.Result, trials []record.Trial) view {
	v := view{
		Result:   r,
		Headline: headline(r),
		Reasons:  reasons(r),
		SeedText: strconv.FormatUint(r.Seed, 10),
		Load:     rate(r.Rate.Read) + " reads/s and " + rate(r.Rate.Write) + " writes/s",
		Promises: outOf(promises(r), r),
		Several:  len(r.Counted()) > 1,
		Times:    times(r),
		Outcomes: outcomeRows(r),
		Tool:     toolRows(r),
	}
	for i, t := range r.Trials {
		var raw *record.Trial
		if i < len(trials) {
			sorted := inOrder(trials[i])
			raw = &sorted
		}
		one := trialViewOf(i+1, t, raw)
		if i == r.Worst {
			v.First = &one
		} else {
			v.Others = append(v.Others, one)
		}
	}
	return v
}

func outcomeRows(r record.Result) []outcomeRow {
	requests, landed, known := requestsOf(r)
	all := total(requests)
	var rows []outcomeRow
	for _, o := range record.Outcomes {
		n := requests[o.String()]
		row := outcomeRow{Name: o.String(), Meaning: meanings[o], Count: count(n), Share: share(n, all), Symbol: sign(o)}
		if o == record.Indeterminate && landed > 0 && known {
			row.Meaning += fmt.Sprintf("; in the whole trial, the drill's own among them, %s were", count(landed))
		}
		rows = append(rows, row)
	}
	return rows
}

// share is a part in percent, never rounded to none or to all.
func share(n, all int) string {
	if all == 0 {
		return dash
	}
	percent := 100 * float64(n) / float64(all)
	switch {
	case n > 0 && percent < 0.01:
		return "< 0.01 %"
	case n < all && percent > 99.99:
		return "> 99.99 %"
	default:
		return strconv.FormatFloat(percent, 'f', 2, 64) + " %"
	}
}

// sign is the mark of an outcome, for a table.
func sign(o record.Outcome) template.HTML {
	name := o.String()
	return template.HTML(`<svg class="chart key" viewBox="0 0 12 12" aria-hidden="true"><path d="` + symbol(name, 6, 6) + `" class="mark o-` + name + `"/></svg>`)
}

func toolRows(r record.Result) []row {
	return []row{
		{Name: "send lag, p99", Value: millis(r.Tool.SendLagP99MS), Meaning: "how late the generator was itself; part of every latency here"},
		{Name: "send lag, largest", Value: millis(r.Tool.SendLagMaxMS)},
		{Name: "not sent", Value: count(r.Tool.Unsent), Meaning: "requests for which too many were under way", Bad: r.Tool.Unsent > 0},
		{Name: "sent again by the client", Value: count(r.Tool.Again), Meaning: "what HTTP/2 handed back unprocessed; anything else would hide failures"},
		{Name: "noise floor", Value: noiseFloor(r), Meaning: "outage that the drill null last measured, without any fault"},
	}
}
