package check

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill"
	"scaleup/internal/drill/record"
)

func TestDrilled(t *testing.T) {
	top := example(t, "ha.yaml")
	old := now.Add(-90 * day)
	ran := func(name string, ago time.Duration, v record.Verdict) Drilled { return Drilled{name, now.Add(-ago), v} }
	for _, c := range []struct {
		name    string
		history History
		want    []string
	}{
		{"none, on a young site", History{Since: now.Add(-6 * day)}, []string{"info: no drill was run to a verdict from this computer"}},
		{"none, after a week", History{Since: now.Add(-7 * day)}, []string{"warning: no drill was run to a verdict from this computer"}},
		{"none, and nobody knows since when", History{}, []string{"warning: no drill was run to a verdict from this computer"}},
		{"a month ago", History{old, []Drilled{ran("web-off", 30*day, record.Met)}}, nil},
		{"longer ago", History{old, []Drilled{ran("app-off", 80*day, record.Met), ran("web-off", 31*day, record.Met)}}, []string{"warning: the last drill, web-off, was run on 2026-04-03"}},
		{"a missed one", History{old, []Drilled{ran("web-off", day, record.Missed), ran("app-off", day, record.Met)}}, []string{"warning: the drill web-off missed an objective on 2026-05-03"}},
		{"only without a verdict", History{old, []Drilled{ran("web-off", day, record.Inconclusive), ran("app-off", day, record.Aborted)}}, []string{"warning: no drill was run to a verdict from this computer"}},
		{"only such as break nothing", History{old, []Drilled{ran("null", day, record.Missed), ran("blackhole", day, record.Met), ran("control-lost", day, record.Missed)}},
			[]string{"warning: no drill was run to a verdict from this computer"}},
	} {
		if diff := cmp.Diff(c.want, said(drilled(top, now, c.history))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// The drills that break nothing are the controls of the catalogue and the noise.
func TestBreaks(t *testing.T) {
	for _, d := range drill.Catalogue() {
		control := d.Control || strings.HasPrefix(d.Summary, "break nothing") || d.Name == "blackhole"
		if breaks(d.Name) == control {
			t.Errorf("%s (%s): breaks is %t", d.Name, d.Summary, breaks(d.Name))
		}
	}
}
