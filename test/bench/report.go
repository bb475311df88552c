package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// report is all figures, in the order they were measured.
type report struct {
	runs    int
	machine []string // what was measured on; no names, no paths
	groups  []*group
}

// group is figures that belong together, with what must be known to read them.
type group struct {
	title   string
	notes   []string
	figures []figure
}

// group returns the group of a title, and makes it if it is new.
func (r *report) group(title string) *group {
	for _, g := range r.groups {
		if g.title == title {
			return g
		}
	}
	g := &group{title: title}
	r.groups = append(r.groups, g)
	return g
}

func (g *group) add(f figure) { g.figures = append(g.figures, f) }

// note adds a sentence once.
func (g *group) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, n := range g.notes {
		if n == text {
			return
		}
	}
	g.notes = append(g.notes, text)
}

// print is the report for a terminal.
func (r *report) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, g := range r.groups {
		fmt.Fprintf(table, "\n%s\n", g.title)
		fmt.Fprintf(table, "\tmedian\tmin – max\ttarget\tmet\n")
		for _, f := range g.figures {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", f.what, f.unit.format(median(f.samples)), f.span(), f.targetText(), f.verdict())
		}
	}
	table.Flush()
	if missed := r.missed(); len(r.groups) > 0 && len(missed) > 0 {
		fmt.Fprintf(w, "\nmissed: %s\n", strings.Join(missed, "; "))
	}
}

func (r *report) missed() []string {
	var all []string
	for _, g := range r.groups {
		for _, f := range g.figures {
			if f.verdict() == "NO" {
				all = append(all, g.title+": "+f.what)
			}
		}
	}
	return all
}

// markdown is the report for docs/.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\nMeasured by `make bench` on %s, which also wrote this file. Each figure is the median of %d runs.\n\n", time.Now().UTC().Format(time.DateOnly), r.runs)
	for _, line := range r.machine {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	for _, g := range r.groups {
		fmt.Fprintf(&b, "\n## %s\n\n", g.title)
		for _, n := range g.notes {
			fmt.Fprintf(&b, "%s\n\n", n)
		}
		b.WriteString("| | Median | Min – max | Target | Met | Yardstick |\n|---|---:|---:|---:|---|---|\n")
		for _, f := range g.figures {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", cell(f.what), f.unit.format(median(f.samples)), f.span(), f.targetText(), f.verdict(), cell(f.yardstick))
		}
	}
	return b.String()
}

// cell keeps a text inside its cell of a table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }
