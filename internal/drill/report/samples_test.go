package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"scaleup/internal/drill/record"
)

var samples = flag.String("samples", "", "write reports of made-up drills into this directory, to look at")

// largest is what a report of three trials of 90 s at 200 requests per second may
// weigh: it is sent by mail.
const largest = 1 << 20

// TestSamples writes the reports of made-up drills and weighs them.
func TestSamples(t *testing.T) {
	dir := *samples
	if dir == "" {
		dir = t.TempDir()
	}
	lb, lbTrials := lbDrill()
	met, metTrials := primaryDrill(8000)
	missed, missedTrials := primaryDrill(5000)
	missed.Drill = "database-primary-kill-5s"
	open, openTrials := openDrill()
	s := record.Summary{Schema: 1, Site: lb.Site, Drills: []record.Result{lb, met, missed, open}, Verdict: record.Missed}
	for _, d := range []struct {
		result record.Result
		trials []record.Trial
	}{{lb, lbTrials}, {met, metTrials}, {missed, missedTrials}, {open, openTrials}} {
		var page, text bytes.Buffer
		if err := HTML(&page, d.result, d.trials); err != nil {
			t.Fatal(err)
		}
		if page.Len() > largest {
			t.Errorf("%s: %d bytes, more than %d", d.result.Drill, page.Len(), largest)
		}
		if err := Text(&text, d.result, false); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, d.result.Drill, "report.html"), page.Bytes())
		write(t, filepath.Join(dir, d.result.Drill, "report.txt"), text.Bytes())
		t.Logf("%s: %d bytes", d.result.Drill, page.Len())
	}
	from, to, _ := Closeup(metTrials[1])
	write(t, filepath.Join(dir, "timeline.svg"), TimelineSVG(metTrials[1], Picture{ID: "t", From: from, To: to, Standalone: true}))
	var page, text bytes.Buffer
	if err := SummaryHTML(&page, s); err != nil {
		t.Fatal(err)
	}
	if err := SummaryText(&text, s, false); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "summary.html"), page.Bytes())
	write(t, filepath.Join(dir, "summary.txt"), text.Bytes())
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
