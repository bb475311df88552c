package check

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Columns of a terminal that text is made for.
const columns = 80

// Text writes a report for a terminal: the verdict, then the findings, those of one kind
// together, so that what they share is said once.
func Text(w io.Writer, r Report) {
	paragraph(w, "", r.Verdict)
	for _, group := range groups(r.Findings) {
		fmt.Fprintln(w)
		for _, f := range group {
			name := f.Server
			if name == "" {
				name = "site"
			}
			paragraph(w, fmt.Sprintf("%-8s %-8s ", f.Severity, name), f.Message)
		}
		shared(w, "why", group, func(f Finding) string { return f.Why })
		shared(w, "fix", group, func(f Finding) string { return f.Fix })
		shared(w, "drill", group, func(f Finding) string { return f.Drill })
	}
}

// groups puts findings of one ID and severity together, in the order in which the first
// of each comes.
func groups(findings []Finding) [][]Finding {
	var all [][]Finding
	for _, f := range findings {
		i := slices.IndexFunc(all, func(g []Finding) bool { return g[0].ID == f.ID && g[0].Severity == f.Severity })
		if i < 0 {
			all = append(all, nil)
			i = len(all) - 1
		}
		all[i] = append(all[i], f)
	}
	return all
}

// shared writes what the findings of a group say of one thing, each text once.
func shared(w io.Writer, word string, group []Finding, of func(Finding) string) {
	seen := map[string]bool{"": true}
	for _, f := range group {
		if text := of(f); !seen[text] {
			seen[text] = true
			paragraph(w, fmt.Sprintf("%9s%-9s", "", word), text)
		}
	}
}

// paragraph writes a text behind a lead, wrapped below itself.
func paragraph(w io.Writer, lead, text string) {
	indent := utf8.RuneCountInString(lead)
	for _, l := range wrap(text, columns-indent) {
		fmt.Fprintf(w, "%s%s\n", lead, l)
		lead = strings.Repeat(" ", indent)
	}
}

// wrap breaks a text between words into lines of a width; a longer word has a line of
// its own. A command that fits a line is not broken, so that it can be copied.
func wrap(text string, width int) []string {
	var lines []string
	for _, word := range pieces(text, width) {
		if n := len(lines) - 1; n >= 0 && utf8.RuneCountInString(lines[n])+1+utf8.RuneCountInString(word) <= width {
			lines[n] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// pieces are the words of a text, and its commands as one piece each: from "scaleup" to
// the end of the clause.
func pieces(text string, width int) []string {
	words := strings.Fields(text)
	var all []string
	for i := 0; i < len(words); i++ {
		end := i + 1
		if words[i] == "scaleup" {
			for end < len(words) && !strings.HasSuffix(words[end-1], ";") {
				end++
			}
		}
		if command := strings.Join(words[i:end], " "); utf8.RuneCountInString(command) <= width {
			all, i = append(all, command), end-1
		} else {
			all = append(all, words[i])
		}
	}
	return all
}
