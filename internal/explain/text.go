package explain

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Columns of a terminal that text is made for.
const columns = 80

// List writes the questions, by group.
func List(w io.Writer, questions []Question) {
	group := ""
	for _, q := range questions {
		if q.Group != group {
			if group != "" {
				fmt.Fprintln(w)
			}
			group = q.Group
			fmt.Fprintln(w, group)
		}
		lines := wrap(q.Question, columns-28)
		fmt.Fprintf(w, "  %-25s %s\n", q.Name, lines[0])
		for _, l := range lines[1:] {
			fmt.Fprintf(w, "%28s%s\n", "", l)
		}
	}
}

// Text writes answers for a terminal.
func Text(w io.Writer, d Document) {
	for i, a := range d.Answers {
		if i > 0 {
			fmt.Fprintln(w)
		}
		for _, l := range wrap(a.Question, columns) {
			fmt.Fprintln(w, l)
		}
		for paragraph := range strings.SplitSeq(a.Text, "\n\n") {
			fmt.Fprintln(w)
			for _, l := range wrap(paragraph, columns-2) {
				fmt.Fprintf(w, "  %s\n", l)
			}
		}
		if len(a.Evidence) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n  Read just now:\n")
		for _, e := range a.Evidence {
			for j, l := range wrap(fmt.Sprintf("%s: %s [%s]", e.What, e.Value, e.From), columns-6) {
				lead := "  - "
				if j > 0 {
					lead = "    "
				}
				fmt.Fprintf(w, "  %s%s\n", lead, l)
			}
		}
	}
}

// Markdown writes answers as a document. What changes with each look is in the tables
// and in the line on top.
func Markdown(w io.Writer, d Document, command string) {
	fmt.Fprintf(w, "# %s, explained\n\n", escape(d.Site))
	fmt.Fprintf(w, "Read from the running site %s at %s by `%s`; the tables are what its servers showed at that moment.\n", escape(d.Site), d.At.UTC().Format("2006-01-02 15:04:05 UTC"), command)
	group := ""
	for _, a := range d.Answers {
		if a.Group != group {
			group = a.Group
			fmt.Fprintf(w, "\n## %s\n", escape(group))
		}
		fmt.Fprintf(w, "\n### %s\n\n%s\n", escape(a.Question), escape(a.Text))
		if len(a.Evidence) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n| What | Value | Read from |\n|---|---|---|\n")
		for _, e := range a.Evidence {
			fmt.Fprintf(w, "| %s | %s | %s |\n", cell(e.What), cell(e.Value), cell(e.From))
		}
	}
}

// escape takes the meaning from characters that Markdown would take as markup.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `_`, `\_`, "`", "\\`", `<`, `\<`, `[`, `\[`).Replace(s)
}

func cell(s string) string { return strings.ReplaceAll(escape(s), "|", `\|`) }

// wrap breaks text into lines of at most width characters, at spaces; a longer word
// has a line of its own.
func wrap(text string, width int) []string {
	lines, line := []string{}, ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
