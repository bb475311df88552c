package report

import (
	"net/url"

	"scaleup/internal/drill/record"
)

// summaryView is the page over a series of drills as its template shows it.
type summaryView struct {
	Site     string
	Verdict  record.Verdict
	Headline string
	Totals   []figure
	Drills   []drillRow
}

type drillRow struct {
	Name, Summary string
	Link          string // of its report, relative to the page
	Verdict       record.Verdict
	Trials        int
	Promises      []promise
	Why           []string
}

func summaryViewOf(s record.Summary) summaryView {
	t := totalsOf(s)
	v := summaryView{
		Site: s.Site, Verdict: s.Verdict, Headline: t.headline() + "; " + t.promises(),
		Totals: []figure{
			{"acknowledged writes", count(t.Acked)},
			{"of these lost", count(t.Lost)},
			{"carried out twice", count(t.Duplicated)},
			{"requests", count(t.Requests)},
			{"trials", count(t.Trials)},
		},
	}
	for _, r := range s.Drills {
		row := drillRow{
			Name: r.Drill, Summary: r.Summary, Link: "./" + url.PathEscape(r.Drill) + "/report.html",
			Verdict: r.Verdict, Trials: len(r.Trials), Promises: outOf(promises(r), r),
		}
		if r.Verdict != record.Met {
			row.Why = r.Why
		}
		v.Drills = append(v.Drills, row)
	}
	return v
}
