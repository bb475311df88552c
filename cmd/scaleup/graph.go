package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"scaleup/internal/atomicfile"
	"scaleup/internal/graph"
)

const graphLong = `graph draws the site: its tiers, the virtual addresses on their holders, how each
server is, what each is given per second, and which are single points of failure.
It asks all servers side by side; one that does not answer is drawn so. With --plan
it draws what the site file describes and asks nobody.

Formats: text (for a terminal, 100 columns), svg (light and dark, nothing outside of
the file), mermaid, dot (Graphviz). Without --format the name of the --output file
tells it: .svg, .mmd or .mermaid, .dot or .gv, .txt. --json prints the model itself.

Rates are those of the second before, as the load balancer that holds the addresses
counted them; a picture cannot show more than that second.

Exit codes: 0 drawn, also when servers are down; 1 nothing runs, or the file cannot be
written; 64 an unknown format.`

// graphFormats are the ways to draw, by name.
var graphFormats = map[string]func(graph.Graph) string{
	"text": graph.Text, "svg": graph.SVG, "mermaid": graph.Mermaid, "dot": graph.DOT,
}

// graphExtensions are the endings of file names that say how to draw.
var graphExtensions = map[string]string{
	".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".txt": "text",
}

func graphCommand(o *options) *cobra.Command {
	var planned bool
	var format, output string
	cmd := &cobra.Command{
		Use: "graph", Short: "Draw the running site, or with --plan the one of the file", Long: graphLong,
		Example: "  scaleup graph -f examples/ha.yaml\n  scaleup graph -f examples/ha.yaml --output site.svg\n  scaleup graph -f examples/ha.yaml --plan --format mermaid",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			draw, err := graphFormat(format, output, o.json)
			if err != nil {
				return err
			}
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			g := graph.Plan(op.topology)
			if !planned {
				if g, err = op.runningGraph(cmd.Context()); err != nil {
					return err
				}
			}
			var b strings.Builder
			if draw != nil {
				b.WriteString(draw(g))
			} else if err := writeJSON(&b, g); err != nil {
				return err
			}
			if output == "" {
				_, err := fmt.Fprint(op.out, b.String())
				return err
			}
			return atomicfile.Write(output, []byte(b.String()), 0o644)
		},
	}
	cmd.Flags().BoolVar(&planned, "plan", false, "draw what the site file describes; no server is asked")
	cmd.Flags().StringVar(&format, "format", "", "text, svg, mermaid or dot (default: by the name of --output, else text)")
	cmd.Flags().StringVar(&output, "output", "", "file to write; one that is there is replaced (default: standard output)")
	return cmd
}

// graphFormat is how to draw; nil: the model is wanted as JSON.
func graphFormat(format, output string, asJSON bool) (func(graph.Graph) string, error) {
	known := strings.Join(slices.Sorted(maps.Keys(graphFormats)), ", ")
	extension := filepath.Ext(output)
	switch {
	case asJSON && format != "":
		return nil, usage{"graph prints --json or a --format, not both", "leave one of them out"}
	case asJSON:
		return nil, nil
	case format == "" && output == "":
		format = "text"
	case format == "":
		if format = graphExtensions[strings.ToLower(extension)]; format == "" {
			return nil, usage{fmt.Sprintf("--output %s: %q does not name a format", output, extension), "add --format with one of: " + known}
		}
	}
	draw, ok := graphFormats[format]
	if !ok {
		return nil, usage{fmt.Sprintf("--format: no format %q; there are: %s", format, known), "scaleup graph --help tells what they are"}
	}
	return draw, nil
}

// runningGraph looks at the site.
func (op *operation) runningGraph(ctx context.Context) (graph.Graph, error) {
	if err := op.anyRuns(ctx); err != nil {
		return graph.Graph{}, planInstead(err)
	}
	l, err := op.look(ctx, graph.Ask)
	if err != nil {
		return graph.Graph{}, err
	}
	if len(l.Missing()) == len(op.topology.Servers) {
		return graph.Graph{}, planInstead(op.notRunning(errors.New("no server answers")))
	}
	return graph.Running(l), nil
}

// planInstead adds to the hint of a site that does not run that it can be drawn all the
// same.
func planInstead(err error) error {
	var h hinted
	if errors.As(err, &h) {
		return hinted{h.err, h.hint + "; scaleup graph --plan draws it from the file"}
	}
	return err
}
