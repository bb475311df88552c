package graph

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// Text fits the terminal and cannot steer it, whatever servers say.
func TestTextFits(t *testing.T) {
	graphs := situations(t)
	graphs["hostile"] = hostileGraph(t)
	for name, g := range graphs {
		for line := range strings.Lines(Text(g)) {
			line = strings.TrimSuffix(line, "\n")
			if n := len([]rune(line)); n > columns {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
			if strings.ContainsFunc(line, unicode.IsControl) {
				t.Errorf("%s: control characters in %q", name, line)
			}
		}
	}
}

// Each server has a row with its name, the word of its state and the mark of a single
// point of failure.
func TestTextSaysAll(t *testing.T) {
	for name, g := range situations(t) {
		text := Text(g)
		for _, n := range g.Nodes {
			if n.Kind != Server {
				continue
			}
			row := regexp.MustCompile(`(?m)^  \S ` + n.Name + ` +` + n.word() + ` .*$`).FindString(text)
			if row == "" || strings.Contains(row, spof) != n.Single {
				t.Errorf("%s: the row of %s (%s, single %t) is %q", name, n.Name, n.word(), n.Single, row)
			}
		}
	}
}
