package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaleup/internal/drill/record"
)

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// wellFormed parses SVG and returns its words by element, and its ids.
func wellFormed(t failer, svg []byte) (words map[string][]string, ids []string) {
	t.Helper()
	words = map[string][]string{}
	var open []string
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return words, ids
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			open = append(open, e.Name.Local)
			for _, a := range e.Attr {
				if a.Name.Local == "id" {
					ids = append(ids, a.Value)
				}
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				words[open[len(open)-1]] = append(words[open[len(open)-1]], string(e))
			}
		}
	}
}

func TestTimeline(t *testing.T) {
	trial := fakePrimary(2, 6.81)
	from, to, ok := Closeup(trial)
	if !ok {
		t.Fatal("no close-up of a short trouble in a long trial")
	}
	for name, p := range map[string]Picture{
		"whole": {ID: "a"}, "close-up": {ID: "a", From: from, To: to},
		"narrow": {ID: "a", Width: PhoneWidth}, "file": {ID: "a", Standalone: true, Title: "A & B"},
	} {
		t.Run(name, func(t *testing.T) {
			svg := TimelineSVG(trial, p)
			words, ids := wellFormed(t, svg)
			texts := strings.Join(words["text"], "|")
			for _, want := range []string{"Reads", "Writes", "Latency", "longest outage 6.81 s", "PRIMARY", "lb1", "seconds since the fault was injected", "1 s", "inject"} {
				if !strings.Contains(texts, want) {
					t.Errorf("%q is not in the picture: %s", want, texts)
				}
			}
			desc := strings.Join(words["desc"], "")
			for _, want := range []string{"Writes:", "Longest outage 6.81 s, of write over", "db2: ONLINE SECONDARY, then ONLINE PRIMARY from +5.12 s."} {
				if !strings.Contains(desc, want) {
					t.Errorf("%q is not in the description: %s", want, desc)
				}
			}
			if len(ids) != 2 || ids[0] != "a-title" || ids[1] != "a-desc" || !bytes.Contains(svg, []byte(`role="img" aria-labelledby="a-title a-desc"`)) {
				t.Errorf("ids %v do not name the picture", ids)
			}
			file := bytes.Contains(svg, []byte("<style>")) && bytes.Contains(svg, []byte("xmlns="))
			if file != p.Standalone {
				t.Errorf("file of its own: %v, want %v", file, p.Standalone)
			}
		})
	}
}

// TestTimelineOfAnything: whatever a trial holds, the picture is well-formed, says
// no more than its escaped words, and has no coordinate outside or undefined.
func TestTimelineOfAnything(t *testing.T) {
	moment := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(2*time.Minute)).Draw(t, "ns"))
	})
	rapid.Check(t, func(t *rapid.T) {
		trial := record.Trial{Marks: record.Marks{Inject: moment.Draw(t, "inject"), Bite: moment.Draw(t, "bite"), Heal: moment.Draw(t, "heal"), Healed: moment.Draw(t, "healed"), End: moment.Draw(t, "end")}}
		for i := range rapid.IntRange(0, 50).Draw(t, "ops") {
			o := record.Op{Seq: i, Due: moment.Draw(t, "due"), Class: record.Class(rapid.IntRange(0, 4).Draw(t, "class")), Outcome: record.Outcome(rapid.IntRange(0, 5).Draw(t, "outcome"))}
			o.Done = o.Due + moment.Draw(t, "took")/10
			trial.Ops = append(trial.Ops, o)
		}
		for range rapid.IntRange(0, 20).Draw(t, "events") {
			trial.Events = append(trial.Events, record.Event{
				At: moment.Draw(t, "at"), Server: rapid.SampledFrom([]string{"lb1", "lb2", "<&\x00"}).Draw(t, "server"),
				Kind:  rapid.SampledFrom([]record.EventKind{record.EventVIP, record.EventBackend, record.EventMember, record.EventWatch}).Draw(t, "kind"),
				Name:  rapid.SampledFrom([]string{"public", "web/web1", "haproxy", "db1"}).Draw(t, "name"),
				State: rapid.SampledFrom([]string{"held", "free", "up", "down", "silent", "answers", `"<script>`}).Draw(t, "state"),
			})
		}
		p := Picture{ID: "x", Width: rapid.SampledFrom([]float64{PhoneWidth, WideWidth}).Draw(t, "width")}
		svg := TimelineSVG(inOrder(trial), p)
		wellFormed(t, svg)
		if bytes.Contains(svg, []byte("<script")) || bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
			t.Fatalf("%s", svg)
		}
		for _, m := range regexp.MustCompile(` (?:x|width)="([-0-9.]+)"`).FindAllSubmatch(svg, -1) {
			if x, err := strconv.ParseFloat(string(m[1]), 64); err != nil || x < -20 || x > p.Width {
				t.Fatalf("coordinate %s in a picture %v wide", m[1], p.Width)
			}
		}
	})
}

func TestCloseup(t *testing.T) {
	// busy is a trial of a minute with a fault at 30 s and requests that were not ok.
	busy := func(bad ...float64) record.Trial {
		trial := record.Trial{Marks: record.Marks{Inject: at(30), Bite: at(30.02), End: at(60)}}
		for _, due := range bad {
			trial.Ops = append(trial.Ops, record.Op{Due: at(due), Done: at(due + 0.1), Outcome: record.Failed})
		}
		return trial
	}
	long := busy(11, 13.5, 16, 18.5, 21, 23.5, 26, 28.5, 31, 33.5, 36, 38.5, 41, 43.5, 46, 48.5, 51)
	long.Marks.Inject, long.Marks.Bite = at(10), at(10.1)
	for name, c := range map[string]struct {
		trial    record.Trial
		from, to float64
		ok       bool
	}{
		"short":                           {busy(30.03, 30.06), 29.2, 30.8, true},
		"long":                            {busy(30.1, 32.5, 35), 28, 37, true},
		"what comes later is another one": {busy(30.1, 50, 51), 29.2, 30.9, true},
		"what came before is not of it":   {busy(3, 30.1), 29.2, 30.9, true},
		"most of the trial":               {long, 8, 53, false},
		"nothing was felt":                {busy(), 29.2, 30.8, false},
	} {
		t.Run(name, func(t *testing.T) {
			from, to, ok := Closeup(c.trial)
			if from != at(c.from) || to != at(c.to) || ok != c.ok {
				t.Errorf("from %v to %v, %v; want %v to %v, %v", from, to, ok, at(c.from), at(c.to), c.ok)
			}
		})
	}
}

func TestSteps(t *testing.T) {
	d := &drawing{Picture: Picture{Width: WideWidth}, x: scale{from: 0, to: 0.4, a: 0, b: 40}}
	g := gridOf(0, at(0.4), 0, 100*time.Millisecond)
	y := scale{from: 0, to: 10, a: 100, b: 0}
	for want, c := range map[string][2][]int{
		"":                                    {{1, 1, 1, 1}, {1, 1, 1, 1}},
		"M0 100V50H40V100H0z":                 {{0, 0, 0, 0}, {5, 5, 5, 5}},
		"M10 100V50H20V80H30V100H10z":         {{0, 0, 0, 0}, {0, 5, 2, 0}},
		"M0 90V50H10V90H0zM30 90V0H40V90H30z": {{1, 3, 3, 1}, {5, 3, 3, 10}},
	} {
		if got := d.steps(c[0], c[1], g, y); got != want {
			t.Errorf("steps of %v are %q, want %q", c, got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	trial := fakeLB(1, 0.02)
	for i := range trial.Ops {
		trial.Ops[i].Outcome = record.OK
	}
	trial.Marks = record.Marks{End: at(60)}
	trial.Events = told(t, "0 lb1 vip public held", "0 db1 member db1 ONLINE PRIMARY")
	want := "From 0 s to +60 s. Reads: all 9,000 ok. Writes: all 3,000 ok. public address: lb1."
	if got := describe(trial, 0, at(60)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// box is about where a text stands.
type box struct {
	text              string
	left, right, base float64
}

// boxes are the texts of a picture.
func boxes(t *testing.T, svg []byte) []box {
	t.Helper()
	var all []box
	for _, m := range regexp.MustCompile(`<text x="([-0-9.]+)" y="([-0-9.]+)" class="[^"]*" text-anchor="(\w+)">([^<]*)</text>`).FindAllSubmatch(svg, -1) {
		x, err := strconv.ParseFloat(string(m[1]), 64)
		y, err2 := strconv.ParseFloat(string(m[2]), 64)
		if err != nil || err2 != nil {
			t.Fatalf("coordinates of %s", m[0])
		}
		w := textWidth(string(m[4]))
		left := map[string]float64{begin: x, middle: x - w/2, end: x - w}[string(m[3])]
		all = append(all, box{string(m[4]), left, left + w, y})
	}
	return all
}

// TestTextsDoNotOverlap: no two texts of a picture lie over one another, and none
// is outside.
func TestTextsDoNotOverlap(t *testing.T) {
	for _, trial := range []record.Trial{fakeLB(1, 0.02), fakeLB(2, 0.03), fakePrimary(1, 6.6), fakePrimary(2, 2), {}} {
		from, to, _ := Closeup(trial)
		for _, p := range []Picture{{}, {From: from, To: to}, {Width: PhoneWidth}, {From: from, To: to, Width: PhoneWidth}} {
			svg := TimelineSVG(trial, p)
			all := boxes(t, svg)
			if want := bytes.Count(svg, []byte("<text")); len(all) != want || want == 0 {
				t.Fatalf("found %d of %d texts", len(all), want)
			}
			for i, b := range all {
				if b.left < -12 || b.right > max(p.Width, PhoneWidth)+12 && p.Width > 0 {
					t.Errorf("%+v is outside of %+v", b, p)
				}
				for _, c := range all[:i] {
					if math.Abs(b.base-c.base) < 11 && b.left < c.right && c.left < b.right {
						t.Errorf("%s, %+v: %+v lies over %+v", trial.Fault, p, b, c)
					}
				}
			}
		}
	}
}
