package report

import (
	_ "embed"
	"html/template"

	"scaleup/internal/drill/record"
)

// chartStyle dresses a timeline, alone or in a page; pageStyle the pages.
var (
	//go:embed chart.css
	chartStyle string
	//go:embed page.css
	pageStyle string
)

// shapes are the signs beside the verdicts' words, one form each: a disc with a
// tick, an octagon with a cross, a ring with a question mark, a square cut short.
var shapes = map[record.Verdict]template.HTML{
	record.Met:          `<circle cx="20" cy="20" r="18" class="fill"/><path d="M11 20.5l6.5 6.5L29.5 14" class="line"/>`,
	record.Missed:       `<path d="M13 2h14l11 11v14L27 38H13L2 27V13z" class="fill"/><path d="M13.5 13.5l13 13m0-13l-13 13" class="line"/>`,
	record.Inconclusive: `<circle cx="20" cy="20" r="16.5" class="ring"/><path d="M14.5 15.5a5.5 5.5 0 1 1 8.2 4.8c-1.9 1.1-2.7 2-2.7 4M20 28.5v.5" class="query"/>`,
	record.Aborted:      `<rect x="3" y="3" width="34" height="34" rx="4" class="ring"/><path d="M11 20h18" class="query"/>`,
}

// shape is the sign of a verdict. It is decoration: the word stands beside it.
func shape(v record.Verdict) template.HTML {
	inner, ok := shapes[v]
	if !ok {
		inner = shapes[record.Inconclusive]
	}
	return `<svg class="sign" viewBox="0 0 40 40" aria-hidden="true">` + inner + `</svg>`
}

// class is the style of a verdict.
func class(v record.Verdict) string {
	switch v {
	case record.Met:
		return "met"
	case record.Missed:
		return "missed"
	default:
		return "open"
	}
}
