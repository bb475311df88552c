package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"scaleup/internal/drill/record"
)

// Text writes the report of a drill for a terminal, the verdict first, in lines of
// at most 80 columns; only paths and the command to reproduce may be longer. color
// adds ANSI colours, which repeat what words and marks say.
func Text(w io.Writer, r record.Result, color bool) error {
	p := &page{color: color}
	p.head(r)
	p.promises(outOf(promises(r), r), r)
	p.figures(r)
	p.evidence(r)
	_, err := p.WriteTo(w)
	return err
}

func (p *page) head(r record.Result) {
	title := "drill " + printable(r.Drill)
	parts := []string{printable(r.Site), many(len(r.Trials), "trial"), "seed " + strconv.FormatUint(r.Seed, 10), "scaleup " + printable(r.Version)}
	line, width := p.paint(bold, title), utf8.RuneCountInString(title)
	for _, part := range parts {
		if width += 3 + utf8.RuneCountInString(part); width > columns {
			p.line(line)
			line, width = "   "+part, 3+utf8.RuneCountInString(part)
			continue
		}
		line += "   " + part
	}
	p.line(line)
	const name = "VERDICT  "
	for i, l := range wrap(printable(headline(r)), columns-len(name)-verdictWidth) {
		if i == 0 {
			p.line(name + p.verdict(r.Verdict) + l)
			continue
		}
		p.line(pad("", len(name)+verdictWidth) + l)
	}
}

// promises prints one line for each objective: met or not, the worst of what was
// measured, the limit, and over the trials.
func (p *page) promises(all []promise, r record.Result) {
	name, measured, limit := 0, 0, 0
	for _, o := range all {
		name = max(name, utf8.RuneCountInString(o.Label))
		measured = max(measured, utf8.RuneCountInString(o.Measured))
		limit = max(limit, utf8.RuneCountInString(o.Limit))
	}
	for _, o := range all {
		line := pad(printable(o.Label), name) + "  " + pad(o.Measured, measured) + "  " + pad(o.Limit, limit) + "  " + overTrials(o, r)
		for i, l := range hanging(line, columns-3, name+measured+limit+6) {
			mark := " "
			if i == 0 {
				mark = p.mark(o)
			}
			p.line(" " + mark + " " + l)
		}
		if o.Why != "" && !o.Met {
			for _, l := range wrap(printable(o.Why), columns-5) {
				p.line("     " + l)
			}
		}
	}
}

// overTrials says how an objective fared over several trials.
func overTrials(o promise, r record.Result) string {
	switch n := len(r.Counted()); {
	case o.Open:
		return "not judged"
	case n < 2:
		return ""
	case o.Name == "lost":
		_, _, in := lost(r)
		return fmt.Sprintf("(in %d of %d trials)", in, n)
	case !o.Met:
		return strings.TrimPrefix(fmt.Sprintf("median %s, met in %d of %d", o.Median, o.MetIn, o.Trials), "median , ")
	case o.Median == "" || o.Median == o.Measured:
		return ""
	default:
		return "median " + o.Median
	}
}

// hanging is a line as it stands if it fits; otherwise its words from the column
// indent on are wrapped below one another there.
func hanging(line string, width, indent int) []string {
	runes := []rune(line)
	if len(strings.TrimRight(line, " ")) <= width || utf8.RuneCountInString(strings.TrimRight(line, " ")) <= width || indent >= len(runes) {
		return []string{line}
	}
	var lines []string
	for i, l := range wrap(string(runes[indent:]), max(20, width-indent)) {
		start := pad("", indent)
		if i == 0 {
			start = string(runes[:indent])
		}
		lines = append(lines, start+l)
	}
	return lines
}

func (p *page) figures(r record.Result) {
	var words []string
	for _, f := range times(r) {
		words = append(words, f.Name+" "+f.Value)
	}
	if len(words) > 0 {
		line := strings.Join(words, " | ")
		if len(r.Counted()) > 1 {
			line += " (medians)"
		}
		p.field("times", line)
	}
	requests, landed, known := requestsOf(r)
	all := outcomes(requests)
	if landed > 0 && known {
		// Of the whole trial, while the outcomes are those from the fault on.
		all += fmt.Sprintf("; of writes without an answer, the drill's own among them, %s had been carried out", count(landed))
	}
	p.field("requests", fmt.Sprintf("%s at %s reads/s and %s writes/s: %s", count(total(requests)), rate(r.Rate.Read), rate(r.Rate.Write), all))
}

// voids say which trials are void and why, those with the same reason together.
func voids(r record.Result) []string {
	by := map[string][]string{}
	var order []string
	for i, t := range r.Trials {
		if t.Void == "" {
			continue
		}
		if by[t.Void] == nil {
			order = append(order, t.Void)
		}
		by[t.Void] = append(by[t.Void], strconv.Itoa(i+1))
	}
	for i, why := range order {
		noun := "trial "
		if len(by[why]) > 1 {
			noun = "trials "
		}
		order[i] = noun + and(by[why]) + ": " + why
	}
	return order
}

func rate(perSecond float64) string { return significant(perSecond, 6, 2) }

// evidence is what the verdict rests on: the fault, the tool, the settings, what
// was not looked at, and how to look again.
func (p *page) evidence(r record.Result) {
	if len(r.Targets) > 0 {
		p.field("fault", r.Summary+" On "+and(r.Targets)+".")
	} else {
		p.field("fault", r.Summary)
	}
	if t, ok := worst(r); ok {
		p.field("  bit", t.Bite)
		p.field("  healed", t.Heal)
		p.field("  in flight", many(t.InFlight, "request")+"; failed beyond them "+count(t.FailedBeyond))
	}
	p.field("tool", fmt.Sprintf("send lag p99 %s, max %s; unsent %s; sent again %s; noise floor %s",
		millis(r.Tool.SendLagP99MS), millis(r.Tool.SendLagMaxMS), count(r.Tool.Unsent), count(r.Tool.Again), noiseFloor(r)))
	if len(r.Audit) > 0 {
		p.field("settings", fmt.Sprintf("%d of %d as they should be", len(r.Audit)-len(badAudit(r)), len(r.Audit)))
		for _, a := range badAudit(r) {
			p.field("", "✗ "+a.Name+" = "+a.Value)
		}
	}
	p.list("void", voids(r))
	p.list("not tested", r.NotTested)
	p.list("why", reasons(r))
	// Whole, however long: they are there to be copied.
	p.line(" " + pad("reproduce", hang-1) + printable(r.Reproduce))
	p.line(" " + pad("raw data", hang-1) + printable(r.Dir))
}

// list prints a field of several sentences, each on a line of its own.
func (p *page) list(name string, sentences []string) {
	for _, s := range sentences {
		p.field(name, s)
		name = ""
	}
}
