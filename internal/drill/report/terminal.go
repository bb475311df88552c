package report

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"scaleup/internal/drill/record"
)

// columns is the widest line of a text report; the narrowest terminal still in use
// has as many.
const columns = 80

// The ANSI colours of a terminal. Its owner chose their shades, so they can be
// read on any background.
const (
	green  = "\x1b[32m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// page is text for a terminal, line by line. Colour is only ever a second sign for
// what a word or mark says.
type page struct {
	bytes.Buffer
	color bool
}

func (p *page) line(s string) {
	p.WriteString(strings.TrimRight(s, " "))
	p.WriteByte('\n')
}

func (p *page) paint(code, s string) string {
	if !p.color {
		return s
	}
	return code + s + plain
}

// verdictWidth is the column of a verdict: the longest word and two spaces.
const verdictWidth = len(record.Inconclusive) + 2

// verdict is a verdict's word in its column.
func (p *page) verdict(v record.Verdict) string {
	code := yellow
	switch v {
	case record.Met:
		code = green
	case record.Missed:
		code = red
	}
	return p.paint(bold+code, pad(printable(string(v)), verdictWidth))
}

// mark is the sign of an objective; one that is not judged has neither.
func (p *page) mark(o promise) string {
	switch {
	case o.Open:
		return "?"
	case o.Met:
		return p.paint(green, "✓")
	default:
		return p.paint(red, "✗")
	}
}

// field prints a name and, beside it, words that are wrapped under themselves.
func (p *page) field(name, text string) {
	if text == "" {
		return
	}
	for i, l := range wrap(printable(text), columns-hang) {
		if i > 0 {
			name = ""
		}
		p.line(" " + pad(name, hang-1) + l)
	}
}

// hang is the column in which the words of a field begin.
const hang = 13

// pad fills up with spaces. It counts runes: all that the reports print is one
// column wide.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// cut shortens text that must not wrap.
func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(0, width-1)]) + "…"
}

// printable replaces what could drive a terminal: words in a report come from
// servers, too.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '\uFFFD'
		default:
			return r
		}
	}, s)
}

// wrap breaks text at spaces into lines of at most width runes. A word that is
// longer, such as a path, is left whole on a line of its own: it is there to be
// copied.
func wrap(text string, width int) []string {
	var lines []string
	line, n := "", 0
	for _, word := range strings.Fields(text) {
		w := utf8.RuneCountInString(word)
		if n > 0 && n+1+w > width {
			lines = append(lines, line)
			line, n = "", 0
		}
		if n > 0 {
			line, n = line+" ", n+1
		}
		line, n = line+word, n+w
	}
	if n > 0 {
		lines = append(lines, line)
	}
	return lines
}
