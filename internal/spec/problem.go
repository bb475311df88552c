package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Problem is one mistake of a site file.
type Problem struct {
	File   string // the site file as it was named by the user
	Line   int    // 1-based; 0 when the mistake is about the file as a whole
	Reason string // what is wrong, one line
	Hint   string // the way out, one line
	// Disk says that the mistake is not in the text: a file or folder that it names
	// is missing or wrong, and may be put right without changing the site file.
	Disk bool
}

// String formats a problem as "file:line: reason" with the hint below it.
func (p Problem) String() string {
	at := p.File
	if p.Line > 0 {
		at += ":" + strconv.Itoa(p.Line)
	}
	s := at + ": " + p.Reason
	if p.Hint != "" {
		s += "\n  hint: " + p.Hint
	}
	return s
}

// Errors are all mistakes of a site file, sorted by line; never empty when it
// is returned as an error. Find it with errors.As.
type Errors []Problem

// Error formats every problem on lines of its own.
func (e Errors) Error() string {
	all := make([]string, len(e))
	for i, p := range e {
		all[i] = p.String()
	}
	return strings.Join(all, "\n")
}

// report collects the problems of one file and remembers where each key
// stands, so that a rule between two values can point at the line of either.
type report struct {
	file     string
	problems Errors
	lines    map[string]int  // path of a key, such as "vips.public" -> its line
	failed   map[string]bool // paths whose own value was refused
}

func newReport(file string) *report {
	return &report{file: file, lines: map[string]int{}, failed: map[string]bool{}}
}

// fail records a mistake at a line.
func (r *report) fail(line int, hint, format string, args ...any) {
	r.problems = append(r.problems, Problem{
		File: r.file, Line: line, Reason: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// failAt records a mistake at the line of a key. The reason starts with the
// key's path.
func (r *report) failAt(path, hint, format string, args ...any) {
	r.fail(r.line(path), hint, "%s: %s", path, fmt.Sprintf(format, args...))
}

// line is where the key of a path stands, or else the closest key around it.
func (r *report) line(path string) int {
	for {
		if line, ok := r.lines[path]; ok {
			return line
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return max(r.lines[""], 1)
		}
		path = path[:i]
	}
}

// err is nil when nothing was wrong.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return r.problems
}

// quote shows a value of the file in a message: on one line, escaped, and short
// whatever the file holds.
func quote(s string) string {
	const most = 200
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return strconv.Quote(s)
}
