package graph

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"scaleup/internal/status"
)

// hostile is text that a server or a file could bring into a graph.
const hostile = "<script>\"x\" & 'y' ]]> `#; \\n \x07\x1b[31m\u2028%s</title>"

func hostileGraph(t *testing.T) Graph {
	g := running(t, ha(t)).graph()
	g.Site, g.Verdict = hostile, hostile
	for i := range g.Nodes {
		if g.Nodes[i].Kind == Server {
			g.Nodes[i].Components = append(g.Nodes[i].Components, status.Component{Name: hostile, State: "running", Version: hostile})
		}
	}
	for i := range g.Edges {
		g.Edges[i].Label = hostile
	}
	return g
}

// element is what a reader of XML sees of a picture.
type element struct {
	name  string
	attrs map[string]string
	text  string
}

// parse reads all of it, strictly.
func parse(t *testing.T, svg string) []element {
	t.Helper()
	var all []element
	var open []int
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			open = append(open, len(all))
			all = append(all, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				all[open[len(open)-1]].text += string(token)
			}
		}
	}
}

func TestSVGIsSelfContained(t *testing.T) {
	graphs := situations(t)
	graphs["hostile"] = hostileGraph(t)
	known := []string{"svg", "title", "desc", "style", "defs", "pattern", "path", "rect", "circle", "g", "text"}
	for name, g := range graphs {
		svg := SVG(g)
		for _, e := range parse(t, svg) {
			if !slices.Contains(known, e.name) {
				t.Errorf("%s: element %s", name, e.name)
			}
			for a := range e.attrs {
				if a == "href" || a == "src" || strings.HasPrefix(a, "on") {
					t.Errorf("%s: attribute %s of %s", name, a, e.name)
				}
			}
		}
		rest := strings.Replace(svg, `xmlns="http://www.w3.org/2000/svg"`, "", 1)
		if strings.Contains(rest, "://") {
			t.Errorf("%s: it refers to something outside", name)
		}
		if strings.Contains(strings.ReplaceAll(rest, "url(#scaleup-hatch)", ""), "url(") || strings.Contains(rest, "@import") {
			t.Errorf("%s: its style refers to something outside", name)
		}
	}
}

// Whoever has the picture read to them hears every server, address and way.
func TestSVGIsRead(t *testing.T) {
	for name, g := range situations(t) {
		var titles []string
		for _, e := range parse(t, SVG(g)) {
			if e.name == "title" || e.name == "desc" {
				titles = append(titles, e.text)
			}
		}
		last := -1
		for _, n := range g.Nodes {
			i := slices.Index(titles, n.describe())
			if i <= last {
				t.Errorf("%s: %s is title %d, after %d", name, n.Name, i, last)
			}
			last = i
		}
		for _, e := range g.Edges {
			shared := e.Kind == Requests && strings.HasPrefix(e.From, "lb") // several holders share a line
			if !shared && !slices.Contains(titles, e.describe()) {
				t.Errorf("%s: no title says %q", name, e.describe())
			}
		}
		if !strings.Contains(titles[1], g.Verdict) {
			t.Errorf("%s: the description is %q", name, titles[1])
		}
	}
}

// A single point of failure has a hatched border and a word; nothing else has.
func TestSVGMarksSinglePoints(t *testing.T) {
	for name, g := range situations(t) {
		hatched, words := 0, 0
		for _, e := range parse(t, SVG(g)) {
			if e.attrs["class"] == "hatch" {
				hatched++
			}
			if e.attrs["class"] == "spof" && e.text == spof {
				words++
			}
		}
		if want := len(g.Singles()); hatched != want+1 || words != want { // one is the legend's
			t.Errorf("%s: %d hatched, %d words, %d single points of failure", name, hatched-1, words, want)
		}
	}
}

var colour = regexp.MustCompile(`--([a-z]+): #([0-9a-f]{6});`)

// Text is readable (WCAG AA: 4.5 to 1) and lines and shapes are visible (3 to 1), in
// light and dark.
func TestContrast(t *testing.T) {
	light, dark, found := strings.Cut(style, "prefers-color-scheme: dark")
	if !found {
		t.Fatal("the style has no dark half")
	}
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		palette := map[string]float64{}
		for _, m := range colour.FindAllStringSubmatch(css, -1) {
			palette[m[1]] = luminance(t, m[2])
		}
		for _, ground := range []string{"page", "card"} {
			for _, ink := range []string{"ink", "muted", "accent", "good", "idle", "warn", "bad"} {
				atLeast(t, scheme, palette, ink, ground, 4.5)
			}
			atLeast(t, scheme, palette, "line", ground, 3)
		}
	}
}

func atLeast(t *testing.T, scheme string, palette map[string]float64, ink, ground string, want float64) {
	t.Helper()
	a, ok1 := palette[ink]
	b, ok2 := palette[ground]
	if !ok1 || !ok2 {
		t.Fatalf("%s has no --%s or no --%s", scheme, ink, ground)
	}
	if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < want {
		t.Errorf("%s: %s on %s has a contrast of %.2f, less than %.1f", scheme, ink, ground, got, want)
	}
}

// luminance is the relative luminance of WCAG 2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
