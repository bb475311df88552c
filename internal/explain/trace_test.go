package explain

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scaleup/internal/remote"
)

func line(server, text string) map[string][]remote.LogLine {
	return map[string][]remote.LogLine{server: {{Source: remote.AccessLog, Text: text}}}
}

func TestHops(t *testing.T) {
	first := []Hop{{here, "TCP connection", 0, 0.2, Measured, here}, {here, "TLS handshake with HAProxy", 0.2, 1.8, Measured, here}}
	last := Hop{here, "rest of the answer", 10, 0.5, Measured, here}
	both := line("web2", `{"id":"`+id+`","seconds":0.006,"app_seconds":"0.001, 0.003","lb":"lb2"}`)
	both["app1"] = []remote.LogLine{{Source: "app@b.service", Text: "done"}}
	for _, c := range []struct {
		name  string
		lines map[string][]remote.LogLine
		want  []Hop
		note  string
	}{
		{"through all tiers, a retry, and the app wrote a line", both, []Hop{
			{"lb2", "HAProxy, and the network", 2, 2, Difference, "this computer and Nginx"},
			{"web2", "Nginx itself", 3, 2, Difference, "Nginx"},
			{"app1", "HAProxy, app and database", 4, 4, Measured, "Nginx"},
		}, "whole milliseconds"},
		{"which app is not known", trace(Visit{RequestID: id}).Lines, []Hop{
			{"lb1", "HAProxy, and the network", 2, 2, Difference, "this computer and Nginx"},
			{"web1", "Nginx itself", 3, 2, Difference, "Nginx"},
			{"", "HAProxy, app and database", 4, 4, Measured, "Nginx"},
		}, "which one answered is not known"},
		{"the app tells its part", line("web1", `{"id":"`+id+`","seconds":0.006,"app_seconds":"0.004","app_timing":"app;desc=\"app2\";dur=3.0, db;dur=2.0","lb":"lb1"}`), []Hop{
			{"lb1", "HAProxy, and the network", 2, 2, Difference, "this computer and Nginx"},
			{"web1", "Nginx itself", 3, 2, Difference, "Nginx"},
			{"lb1", "HAProxy again, and the network", 4, 1, Difference, "Nginx and app2"},
			{"app2", "application", 4.5, 1, Difference, "app2"},
			{"app2", "its wait for the database", 5, 2, Measured, "app2"},
		}, "whole milliseconds"},
		{"the app tells of another request, as from a cache", line("web1", `{"id":"`+id+`","seconds":0.006,"app_seconds":"0.004","app_timing":"app;desc=\"app2\";dur=30.0, db;dur=2.0","lb":"lb1"}`), []Hop{
			{"lb1", "HAProxy, and the network", 2, 2, Difference, "this computer and Nginx"},
			{"web1", "Nginx itself", 3, 2, Difference, "Nginx"},
			{"", "HAProxy, app and database", 4, 4, Measured, "Nginx"},
		}, "whole milliseconds"},
		{"from Nginx's cache", line("web1", `{"id":"`+id+`","seconds":0.000,"app_seconds":"","cache":"HIT"}`), []Hop{
			{"lb1", "HAProxy, and the network", 2, 8, Difference, "this computer and Nginx"},
			{"web1", "Nginx itself", 6, 0, Difference, "Nginx"},
		}, "Its cache says HIT"},
		{"Nginx's clock says more than ours", line("web1", `{"id":"`+id+`","seconds":0.009,"app_seconds":"-"}`), []Hop{
			{"lb1", "HAProxy, and the network", 2, 0, Difference, "this computer and Nginx"},
			{"web1", "Nginx itself", 2, 9, Difference, "Nginx"},
		}, "It is a file"},
		{"no line", nil, []Hop{{"lb1", "HAProxy and all behind it", 2, 8, Measured, here}}, "No web server wrote a line"},
		{"a line that only mentions it", line("web1", `{"id":"other","uri":"/`+id+`"}`), []Hop{{"lb1", "HAProxy and all behind it", 2, 8, Measured, here}}, "No web server wrote a line"},
	} {
		tr := Trace{Visit: visit(ha(t)), Holder: "lb1", Lines: c.lines}
		want := append(append(append([]Hop{}, first...), c.want...), last)
		if diff := cmp.Diff(want, tr.Hops(), cmpopts.EquateApprox(0, 1e-6)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if notes := strings.Join(tr.Notes(), "\n"); !strings.Contains(notes, c.note) {
			t.Errorf("%s: notes do not say %q:\n%s", c.name, c.note, notes)
		}
		if whole := len(c.want) > 1; tr.Whole() != whole {
			t.Errorf("%s: whole %t, want %t", c.name, tr.Whole(), whole)
		}
	}
}

func TestNotes(t *testing.T) {
	silent := Trace{Visit: Visit{RequestID: id}, Silent: map[string]string{"web2": "it is powered off"}}
	if notes := strings.Join(silent.Notes(), "\n"); !strings.Contains(notes, "The logs of web2 were not read: it is powered off.") {
		t.Errorf("notes:\n%s", notes)
	}
	if notes := (Trace{}).Notes(); len(notes) != 1 || !strings.Contains(notes[0], "no X-Request-ID") {
		t.Errorf("notes %q", notes)
	}
}

func TestWaterfall(t *testing.T) {
	r := Follow("www.foobar.com", *trace(visit(ha(t))))
	r.Notes, r.Lines = nil, nil
	var out strings.Builder
	Waterfall(&out, r)
	want := `GET https://www.foobar.com/readyz: 200, HTTP/2.0 over TLS 1.3, 10.5 ms
request ` + id + `

where          what                            ms
this computer  TCP connection                 0.2  =
this computer  TLS handshake with HAProxy     1.8  ====
lb1            HAProxy, and the network   ~   2.0      ====
web1           Nginx itself               ~   2.0        ====
?              HAProxy, app and database      4.0          ========
this computer  rest of the answer             0.5                      =

Without ~: measured. ~: a difference of two measured figures; where within the
longer bar it lies is assumed.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A bar never leaves its column, whatever was measured.
func TestBar(t *testing.T) {
	for _, h := range []Hop{{Start: 0, MS: 0}, {Start: 10, MS: 0}, {Start: 0, MS: 10}, {Start: 12, MS: 5}, {Start: 9.9, MS: 9}, {Start: -1, MS: 1}} {
		if n := utf8.RuneCountInString(bar(h, 10)); n < 1 || n > barWidth {
			t.Errorf("%+v is %d characters long", h, n)
		}
	}
	if bar(Hop{MS: 1}, 0) != "" {
		t.Error("a bar in nothing")
	}
}
