package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

// missedDrill is a drill of two trials whose second one took too long.
func missedDrill() record.Result {
	noise := 8.0
	r := record.Result{
		Schema: 1, Drill: "database-primary-kill", Site: "www.foobar.com", Verdict: record.Missed, Seed: 32570, Version: "v0.4.0",
		Summary: "Kills MySQL on the primary of the database group.", Targets: []string{"db1"}, Worst: 1, NoiseFloorMS: &noise,
		Why:       []string{"Of these, 5 s are the suspicion and 5 s the expel timeout of Group Replication (db1's journal, 12:04:31)."},
		Audit:     []record.AuditItem{{Name: "db1 sync_binlog", Value: "1", Good: true}, {Name: "db1 group_replication_member_expel_timeout", Value: "5"}},
		NotTested: []string{"Power loss below the page cache.", "More than one fault at a time."},
		Reproduce: "scaleup drill database-primary-kill -f examples/ha.yaml --trials 2 --seed 32570",
		Dir:       ".scaleup/foobar-ha/drills/20260314T120400Z/database-primary-kill",
	}
	r.Rate.Read, r.Rate.Write = 150, 50
	r.Tool.SendLagP99MS, r.Tool.SendLagMaxMS = 1.1, 4.2
	for i, outage := range []float64{9000, 11900} {
		t := record.TrialResult{
			DetectMS: 5300, FailoverMS: outage + 40, RecoverMS: 31000, DegradedMS: outage, InFlight: 2, FailedBeyond: 1350,
			Requests: map[string]int{"ok": 28414, "slow": 206, "stale": 0, "failed": 1353, "indeterminate": 27, "unsent": 0},
			Ledger:   record.Ledger{Acked: 6150, Recovered: 25, Members: []string{"db1", "db2", "db3"}},
			Bite:     "mysql.service on db1: process 388 is gone", Heal: "mysql.service on db1: process 1204 answers",
			Objectives: []record.Objective{
				{Name: "read_outage_ms", Limit: 500, Measured: 400, Met: true},
				{Name: "write_outage_ms", Limit: 10000, Measured: outage, Met: outage <= 10000},
				{Name: "lost", Met: true},
			},
			Verdict: []record.Verdict{record.Met, record.Missed}[i],
		}
		t.OutageMS.Read, t.OutageMS.Write = 400, outage
		r.Trials = append(r.Trials, t)
	}
	r.Objectives = r.Trials[1].Objectives
	return r
}

// metDrill has one trial, and kept all its promises.
func metDrill() record.Result {
	r := missedDrill()
	r.Verdict, r.Why, r.Worst, r.Trials, r.Audit = record.Met, nil, 0, r.Trials[:1], r.Audit[:1]
	return r
}

// inconclusiveDrill has only void trials.
func inconclusiveDrill() record.Result {
	r := missedDrill()
	r.Verdict, r.NoiseFloorMS = record.Inconclusive, nil
	r.Why = []string{"The load generator itself was late: 14.0 ms at the 99th percentile, the limit is 10 ms; this computer is too busy.", "Trial 2 the same."}
	for i := range r.Trials {
		r.Trials[i].Verdict, r.Trials[i].Void = record.Inconclusive, "the load generator itself was late"
	}
	return r
}

// abortedDrill never came to a trial.
func abortedDrill() record.Result {
	r := missedDrill()
	r.Verdict, r.Trials, r.Objectives, r.Why = record.Aborted, nil, nil, []string{"Stopped by the operator before the first trial."}
	return r
}

var drills = map[string]func() record.Result{"missed": missedDrill, "met": metDrill, "inconclusive": inconclusiveDrill, "aborted": abortedDrill}

func series() record.Summary {
	return record.Summary{
		Schema: 1, Site: "www.foobar.com", Verdict: record.Missed,
		Drills: []record.Result{metDrill(), missedDrill(), inconclusiveDrill(), abortedDrill()},
	}
}

var ansi = regexp.MustCompile("\x1b\\[[0-9]*m")

// golden compares a text with its file, and checks what holds of every text: it is
// the same with and without colour, and fits the terminal.
func golden(t *testing.T, name string, render func(w *bytes.Buffer, color bool) error) {
	t.Helper()
	var plain, colored bytes.Buffer
	if err := render(&plain, false); err != nil {
		t.Fatal(err)
	}
	if err := render(&colored, true); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(plain.String(), ansi.ReplaceAllString(colored.String(), "")); d != "" {
		t.Errorf("colour changes more than the colour:\n%s", d)
	}
	if ansi.Match(plain.Bytes()) || !ansi.Match(colored.Bytes()) {
		t.Error("colours where none are wanted, or none where they are")
	}
	for l := range strings.Lines(plain.String()) {
		copied := strings.HasPrefix(l, " reproduce") || strings.HasPrefix(l, " raw data")
		if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > columns && !copied {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	path := filepath.Join("testdata", name+".txt")
	if *update {
		write(t, path, plain.Bytes())
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), plain.String()); d != "" {
		t.Errorf("%s (run with -update, and read the difference):\n%s", path, d)
	}
}

func TestText(t *testing.T) {
	for name, drill := range drills {
		t.Run(name, func(t *testing.T) {
			golden(t, name, func(w *bytes.Buffer, color bool) error { return Text(w, drill(), color) })
		})
	}
}

func TestSummaryText(t *testing.T) {
	golden(t, "summary", func(w *bytes.Buffer, color bool) error { return SummaryText(w, series(), color) })
}

// TestTextOfHostileWords: nothing that a server says can drive the terminal.
func TestTextOfHostileWords(t *testing.T) {
	r, _ := hostile()
	var b bytes.Buffer
	if err := Text(&b, r, false); err != nil {
		t.Fatal(err)
	}
	if err := SummaryText(&b, record.Summary{Site: r.Site, Drills: []record.Result{r}}, false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x00") {
		t.Error("a control character came through")
	}
	if !strings.Contains(b.String(), `<script>alert("x&y")`) {
		t.Error("the words themselves are missing")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestWriteErrors(t *testing.T) {
	r, trials := lbDrill()
	for name, err := range map[string]error{
		"Text": Text(full{}, r, false), "HTML": HTML(full{}, r, trials),
		"SummaryText": SummaryText(full{}, series(), false), "SummaryHTML": SummaryHTML(full{}, series()),
	} {
		if err == nil {
			t.Errorf("%s does not tell that it could not write", name)
		}
	}
}
