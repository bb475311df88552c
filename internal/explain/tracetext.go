package explain

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Request is what explain request --json prints.
type Request struct {
	Schema int           `json:"schema"`
	Site   string        `json:"site"`
	URL    string        `json:"url"`
	At     time.Time     `json:"at"`
	ID     string        `json:"request_id"`
	Status int           `json:"status"`
	HTTP   string        `json:"http"`
	TLS    string        `json:"tls"`
	Total  float64       `json:"total_ms"`
	Hops   []Hop         `json:"hops"`
	Notes  []string      `json:"notes"`
	Lines  []RequestLine `json:"lines"`
}

// RequestLine is what a program wrote of the request.
type RequestLine struct {
	Server string `json:"server"`
	Source string `json:"source"` // unit, or path of a file
	Text   string `json:"text"`
}

// Follow puts a trace into its document.
func Follow(site string, t Trace) Request {
	v := t.Visit
	r := Request{
		Schema: 1, Site: site, URL: v.URL, At: v.Began, ID: v.RequestID, Status: v.Status, HTTP: v.Proto, TLS: v.TLS,
		Total: millis(v.Timings.Connect + v.Timings.Handshake + v.Timings.Wait + v.Timings.Receive),
		Hops:  t.Hops(), Notes: append([]string{}, t.Notes()...), Lines: []RequestLine{},
	}
	for _, server := range sortedKeys(t.Lines) {
		for _, l := range t.Lines[server] {
			r.Lines = append(r.Lines, RequestLine{server, l.Source, l.Text})
		}
	}
	return r
}

// barWidth is how many characters the whole request takes.
const barWidth = 22

// Waterfall draws the request for a terminal of 80 columns.
func Waterfall(w io.Writer, r Request) {
	fmt.Fprintf(w, "GET %s: %d, %s over %s, %.1f ms\n", r.URL, r.Status, r.HTTP, r.TLS, r.Total)
	if r.ID != "" {
		fmt.Fprintf(w, "request %s\n", r.ID)
	}
	fmt.Fprintf(w, "\n%-13s  %-26s %7s\n", "where", "what", "ms")
	for _, h := range r.Hops {
		server, mark := h.Server, " "
		if server == "" {
			server = "?"
		}
		if h.How == Difference {
			mark = "~"
		}
		for i, what := range wrap(h.Program, 26) {
			if i > 0 {
				fmt.Fprintf(w, "%-13s  %s\n", "", what)
				continue
			}
			line := fmt.Sprintf("%-13s  %-26s %s%6.1f  %s", server, what, mark, h.MS, bar(h, r.Total))
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
	fmt.Fprint(w, "\nWithout ~: measured. ~: a difference of two measured figures; where within the\nlonger bar it lies is assumed.\n")
	for _, n := range r.Notes {
		fmt.Fprintln(w)
		for _, l := range wrap(n, columns) {
			fmt.Fprintln(w, l)
		}
	}
	for i, l := range r.Lines {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s %s: %s\n", l.Server, l.Source, l.Text)
	}
}

// bar is a hop's place in the whole request, at least one character long.
func bar(h Hop, total float64) string {
	if total <= 0 {
		return ""
	}
	from := min(barWidth-1, max(0, int(h.Start/total*barWidth)))
	length := min(barWidth-from, max(1, int(h.MS/total*barWidth+0.5)))
	return strings.Repeat(" ", from) + strings.Repeat("=", length)
}
