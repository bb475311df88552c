package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"scaleup/internal/drill/record"
)

// element is a start tag with its attributes.
type element struct {
	name string
	attr map[string]string
}

// tags parses a page, which is written so that every element but the void ones is
// closed, and returns its elements and its text.
func tags(t *testing.T, page []byte) (all []element, text string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var words strings.Builder
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all, words.String()
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			one := element{e.Name.Local, map[string]string{}}
			for _, a := range e.Attr {
				one.attr[a.Name.Local] = a.Value
			}
			all, open = append(all, one), append(open, e.Name.Local)
		case xml.EndElement:
			if open[len(open)-1] != e.Name.Local {
				t.Fatalf("</%s> closes <%s>", e.Name.Local, open[len(open)-1])
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] != "style" {
				words.Write(e)
				words.WriteByte(' ')
			}
		}
	}
}

// pages are all kinds of pages, rendered once.
var pages = sync.OnceValue(func() map[string][]byte {
	all := map[string][]byte{}
	add := func(name string, render func(io.Writer) error) {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			panic(name + ": " + err.Error())
		}
		all[name] = b.Bytes()
	}
	drill := func(name string, r record.Result, trials []record.Trial) {
		add(name, func(w io.Writer) error { return HTML(w, r, trials) })
	}
	for name, r := range drills {
		drill(name+" without operations", r(), nil)
	}
	met, trials := lbDrill()
	drill("met", met, trials)
	missed, trials := primaryDrill(5000)
	drill("missed", missed, trials)
	open, trials := openDrill()
	drill("inconclusive", open, trials)
	evil, trials := hostile()
	drill("hostile", evil, trials)
	add("summary", func(w io.Writer) error { return SummaryHTML(w, series()) })
	add("hostile summary", func(w io.Writer) error {
		return SummaryHTML(w, record.Summary{Site: evil.Site, Verdict: record.Missed, Drills: []record.Result{evil}})
	})
	return all
})

// TestPages checks what holds of every page: it is whole, loads nothing, runs
// nothing, and can be used with a keyboard and a screen reader.
func TestPages(t *testing.T) {
	for name, page := range pages() {
		t.Run(name, func(t *testing.T) {
			all, _ := tags(t, page)
			count := map[string]int{}
			ids := map[string]bool{}
			for _, e := range all {
				count[e.name]++
				if id := e.attr["id"]; id != "" {
					if ids[id] {
						t.Errorf("the id %s is there twice", id)
					}
					ids[id] = true
				}
			}
			for _, e := range all {
				checkElement(t, e, ids)
			}
			for _, name := range []string{"main", "h1", "title", "style"} {
				if count[name] < 1 {
					t.Errorf("no <%s>", name)
				}
			}
			for _, name := range []string{"script", "link", "img", "iframe", "object", "image", "use", "form"} {
				if count[name] > 0 {
					t.Errorf("there is a <%s>", name)
				}
			}
			if first := all[slices.IndexFunc(all, func(e element) bool { return e.name == "body" })+1]; first.attr["href"] != "#main" {
				t.Errorf("the first thing to reach is %v, not the way to the content", first)
			}
			if !bytes.Contains(page, []byte(`content="default-src 'none'; style-src 'unsafe-inline'"`)) {
				t.Error("the page does not forbid itself to load anything")
			}
			if bytes.Contains(page, []byte("ZgotmplZ")) || regexp.MustCompile(`url\(|@import`).Match(page) {
				t.Error("something in the style is not plain")
			}
		})
	}
}

// checkElement checks one tag: where it leads, whether the keyboard reaches it and
// whether it has a name.
func checkElement(t *testing.T, e element, ids map[string]bool) {
	t.Helper()
	for name, value := range e.attr {
		switch {
		case name == "src" || name == "srcset" || name == "action" || name == "data" || name == "style":
			t.Errorf("<%s %s>", e.name, name)
		case strings.HasPrefix(name, "on"):
			t.Errorf("<%s> runs something on %s", e.name, name)
		case name == "href" && strings.HasPrefix(value, "#") && !ids[value[1:]]:
			t.Errorf("nothing is at %s", value)
		case name == "href" && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, "./"):
			t.Errorf("a link leads away: %s", value)
		case name == "aria-labelledby":
			for id := range strings.FieldsSeq(value) {
				if !ids[id] {
					t.Errorf("<%s> is named by %s, which is not there", e.name, id)
				}
			}
		}
	}
	named := e.attr["aria-labelledby"] != "" || e.attr["aria-label"] != ""
	switch {
	case e.name == "html" && e.attr["lang"] != "en":
		t.Error("the language is not told")
	case e.name == "th" && e.attr["scope"] == "":
		t.Error("a heading cell does not say of what")
	case e.name == "svg" && e.attr["aria-hidden"] != "true" && (e.attr["role"] != "img" || !named):
		t.Errorf("a picture without a name: %v", e.attr)
	case e.attr["class"] == "scroll" && (e.attr["tabindex"] != "0" || e.attr["role"] != "region" || !named):
		t.Errorf("the keyboard cannot scroll %v", e.attr)
	}
}

// TestHostileWords: words from the site stay words.
func TestHostileWords(t *testing.T) {
	all := pages()
	for _, name := range []string{"hostile", "hostile summary"} {
		if bytes.Contains(all[name], []byte("<script")) || bytes.ContainsAny(all[name], "\x00\x1b") {
			t.Errorf("%s: a word became markup", name)
		}
		if _, text := tags(t, all[name]); !strings.Contains(text, `<script>alert("x&y")</script>'`) {
			t.Errorf("%s: the words themselves are missing", name)
		}
	}
}

// TestContent: the verdict comes first, then the rest in its order.
func TestContent(t *testing.T) {
	all := pages()
	for name, want := range map[string][]string{
		"missed": {
			"database-primary-kill", "MISSED", "longest write outage: 6.81 s, promised ≤ 5 s", "Objectives", "✗ missed longest write outage 6.81 s ≤ 5 s",
			"The worst trial, 2 of 3", "SIGKILL to mysql.service on db1", "process 388 is gone", "Trial 2, close-up", "Longest outage 6.81 s, of write over", "Trial 2, whole",
			"The picture in figures", "What the servers told", "ONLINE PRIMARY", "The first requests that were not ok", "no primary", "The first 20 of",
			"The writes", "acknowledged 4,190", "By class of request", "The other trials", "MISSED Trial 1", "MISSED Trial 3", "All requests", "indeterminate",
			"Quality of the measurement", "send lag, p99", "noise floor", "Settings the promises rest on", "✗ no db3 group_replication_unreachable", "Not tested", "Power loss",
			"How to run it again", "scaleup drill database-primary-kill", "32570", ".scaleup/foobar-ha/drills/",
		},
		"met":                        {"MET", "6 promises kept in each of 3 trials", "✓ met longest read outage", "lb2", "MET Trial"},
		"inconclusive":               {"INCONCLUSIVE", "? open", "Void."},
		"aborted without operations": {"ABORTED", "Stopped by the operator before the first trial."},
		"missed without operations":  {"MISSED", "The operations of this trial are not at hand"},
		"summary":                    {"www.foobar.com", "MISSED", "1 of 4 drills met, 1 missed, 2 without a verdict; 5 of 9 promises kept, 1 broken, 3 not judged", "MET database-primary-kill", "0 of 6,150 promised none", "MISSED", "✗ missed longest write outage 11.9 s promised ≤ 10 s", "INCONCLUSIVE", "ABORTED"},
	} {
		_, text := tags(t, all[name])
		text = strings.Join(strings.Fields(text), " ")
		for rest, i := text, 0; i < len(want); i++ {
			_, after, ok := strings.Cut(rest, want[i])
			if !ok {
				t.Errorf("%s: %q is not there, or not in its place", name, want[i])
				break
			}
			rest = after
		}
	}
	if !bytes.Contains(all["summary"], []byte(`href="./database-primary-kill/report.html"`)) {
		t.Error("the summary does not lead to the reports")
	}
}

// TestLedgerError: of a ledger that could not be read nothing is claimed.
func TestLedgerError(t *testing.T) {
	rows := ledgerRows(record.Ledger{Acked: 5, Error: "db2 does not answer"})
	if len(rows) != 1 || !rows[0].Bad || rows[0].Value != "db2 does not answer" {
		t.Errorf("got %+v", rows)
	}
	bad := 0
	for _, r := range ledgerRows(record.Ledger{Lost: 1, Duplicated: 1, Phantom: 1, Corrupt: 1, Unexpected: 1, Differ: true, Invariants: []string{"stock"}, Registers: "violated"}) {
		if r.Bad {
			bad++
		}
	}
	if bad != 8 {
		t.Errorf("%d of 8 wrongs are marked", bad)
	}
}
