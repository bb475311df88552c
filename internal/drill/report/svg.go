package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// canvas collects SVG. Numbers go through num, words through esc: nothing that
// comes from data can become markup.
type canvas struct{ bytes.Buffer }

func (c *canvas) printf(format string, args ...any) {
	fmt.Fprintf(&c.Buffer, format, args...)
	c.WriteByte('\n')
}

// Where a text stands from its point.
const (
	begin  = "start"
	middle = "middle"
	end    = "end"
)

func (c *canvas) text(x, y float64, class, anchor, s string) {
	c.printf(`<text x="%s" y="%s" class="%s" text-anchor="%s">%s</text>`, num(x), num(y), class, anchor, esc(s))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	c.printf(`<path d="M%s %sL%s %s" class="%s"/>`, num(x1), num(y1), num(x2), num(y2), class)
}

// rect draws a rectangle; what it stands for is told on hovering, too.
func (c *canvas) rect(x, y, w, h, round float64, class, title string) {
	if title == "" {
		c.printf(`<rect x="%s" y="%s" width="%s" height="%s" rx="%s" class="%s"/>`, num(x), num(y), num(w), num(h), num(round), class)
		return
	}
	c.printf(`<rect x="%s" y="%s" width="%s" height="%s" rx="%s" class="%s"><title>%s</title></rect>`, num(x), num(y), num(w), num(h), num(round), class, esc(title))
}

func (c *canvas) path(d, class string) {
	if d != "" {
		c.printf(`<path d="%s" class="%s"/>`, d, class)
	}
}

// num prints a coordinate with one decimal: a tenth of a pixel is not seen, and a
// picture has thousands of them.
func num(x float64) string {
	r := math.Round(x*10) / 10
	if r == 0 {
		r = 0 // no negative zero
	}
	return strconv.FormatFloat(r, 'f', -1, 64)
}

func esc(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

// glyph is how wide a character of the pictures' text is at most on average, in
// pixels at 12 px. It is that of DejaVu Sans, the widest of the usual fonts: there
// is no browser here to ask.
const glyph = 7.0

func textWidth(s string) float64 { return glyph * float64(len([]rune(s))) }

// fit shortens a text to a width in pixels; to nothing where not even a few
// characters fit.
func fit(s string, width float64) string {
	if textWidth(s) <= width {
		return s
	}
	if n := int(width / glyph); n >= 4 {
		return cut(s, n)
	}
	return ""
}

// symbol is the mark of an outcome around a point, as a path. Each outcome has a
// shape of its own, so that none is told by colour alone.
func symbol(outcome string, x, y float64) string {
	at := "M" + num(x)
	switch outcome {
	case "slow": // triangle
		return at + " " + num(y-3.4) + "l3.4 6h-6.8z"
	case "stale": // square
		return "M" + num(x-2.6) + " " + num(y-2.6) + "h5.2v5.2h-5.2z"
	case "failed": // cross
		return "M" + num(x-2.8) + " " + num(y-2.8) + "l5.6 5.6m0-5.6l-5.6 5.6"
	case "indeterminate": // diamond, hollow
		return at + " " + num(y-3.8) + "l3.8 3.8l-3.8 3.8l-3.8-3.8z"
	case "unsent": // plus
		return "M" + num(x-3) + " " + num(y) + "h6m-3-3v6"
	default: // dot: a line of no length with round ends
		return at + " " + num(y) + "h0"
	}
}
