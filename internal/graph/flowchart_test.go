package graph

import (
	"regexp"
	"strings"
	"testing"
)

var (
	mermaidLine = regexp.MustCompile(`^(flowchart LR|  acc(Title|Descr): .*|  subgraph \w+\["[^"]*"\]|  end|  classDef .*| +n\d+(\["[^"]*"\]|\(\["[^"]*"\]\)):::\w+|  n\d+ (-->|-\.->|-\.-|--x)\|"[^"]*"\| n\d+)$`)
	dotString   = `"(?:[^"\\]|\\.)*"`
	dotLine     = regexp.MustCompile(`^(digraph site \{| *\}|  subgraph cluster_\d+ \{| +[\w=.; \[\]",#]+;|  label=` + dotString + `; labelloc=t;|    label=` + dotString + `; style=rounded; color="#d3d9e0";| +` + dotString + ` \[label=` + dotString + `, [^"]*(?:` + dotString + `)?[^"]*\];|  ` + dotString + ` -> ` + dotString + ` \[label=` + dotString + `[^"]*(?:"#b3261e")?[^"]*\];)$`)
)

// Every line of the two languages is one that they know, whatever servers say.
func TestFlowcharts(t *testing.T) {
	graphs := situations(t)
	graphs["hostile"] = hostileGraph(t)
	for name, g := range graphs {
		for text, pattern := range map[string]*regexp.Regexp{Mermaid(g): mermaidLine, DOT(g): dotLine} {
			for line := range strings.Lines(text) {
				if line = strings.TrimSuffix(line, "\n"); !pattern.MatchString(line) {
					t.Errorf("%s: %q", name, line)
				}
			}
		}
		for _, n := range g.Nodes {
			if n.Kind == Server && (!strings.Contains(Mermaid(g), n.Name) || !strings.Contains(DOT(g), `"`+n.Name+`" [`)) {
				t.Errorf("%s: %s is missing", name, n.Name)
			}
		}
	}
}
