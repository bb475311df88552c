package drill

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scaleup/internal/drill/ledger"
	"scaleup/internal/drill/record"
)

// recorded writes a run of one trial: orders that are where they should be, on two
// members.
func recorded(t *testing.T, change func(*record.Trial, *Holdings)) (*folder, record.Result) {
	t.Helper()
	f, err := newFolder(t.TempDir(), "null")
	if err != nil {
		t.Fatal(err)
	}
	trial := wellRecorded()
	trial.SelfHealing = true
	h := Holdings{Run: "run-1", Orders: []ledger.Holding{{Member: "db1"}, {Member: "db2"}}, RowClass: record.SQL, Members: []string{"db1", "db2"}}
	for _, o := range trial.Ops {
		if o.Class == record.Write {
			row := ledger.Row{Key: record.Key("run-1", o.Seq), Value: record.Quantity(o.Seq)}
			h.Orders[0].Rows, h.Orders[1].Rows = append(h.Orders[0].Rows, row), append(h.Orders[1].Rows, row)
		}
	}
	change(&trial, &h)
	trial.Ledger, trial.Tool = ledgerOf(h, trial.Ops), toolOf(trial.Ops)
	c := conditions{Result: record.Result{Schema: 1, Drill: "null", Site: "www.foobar.com"}, Promises: promised(t, "null")}
	result := concluded(c.Result, []record.TrialResult{judge(trial, c.Promises)}, []record.Trial{trial})
	f.trials = append(f.trials, trial)
	for _, err := range []error{f.conditions(c), f.trial(trial, h), f.report(result)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return f, result
}

func TestVerifyJudgesTheSameAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*record.Trial, *Holdings)
		want   record.Verdict
	}{
		"all is well": {func(*record.Trial, *Holdings) {}, record.Met},
		"an order is missing on one member": {func(_ *record.Trial, h *Holdings) {
			h.Orders[1].Rows = h.Orders[1].Rows[1:]
		}, record.Missed},
		"requests failed":            {func(t *record.Trial, _ *Holdings) { refuse(t, 7*time.Second, 7100*time.Millisecond) }, record.Missed},
		"a member could not be read": {func(_ *record.Trial, h *Holdings) { h.Error = "db2: no answer" }, record.Inconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			f, result := recorded(t, c.change)
			again, differs, err := Verify(f.dir)
			if err != nil || len(differs) > 0 || again.Verdict != c.want || result.Verdict != c.want {
				t.Errorf("%s, verified as %s (differs: %v, %v), want %s", result.Verdict, again.Verdict, differs, err, c.want)
			}
			if page, err := os.ReadFile(filepath.Join(f.dir, reportFile)); err != nil || !strings.Contains(string(page), string(c.want)) {
				t.Errorf("the report does not say %s (%v)", c.want, err)
			}
		})
	}
}

// Whoever polishes the result, or the operations under it, is found out.
func TestVerifyFindsWhatWasChanged(t *testing.T) {
	f, _ := recorded(t, func(t *record.Trial, _ *Holdings) { refuse(t, 7*time.Second, 7100*time.Millisecond) })
	path := filepath.Join(f.dir, resultFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), "MISSED", "MET", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	result, differs, err := Verify(f.dir)
	if err != nil || result.Verdict != record.Missed || len(differs) == 0 {
		t.Errorf("%s, differs %v, %v; want MISSED, and a difference", result.Verdict, differs, err)
	}
}

// A run that was killed has no result; what it has is judged.
func TestVerifyOfARunThatWasCutOff(t *testing.T) {
	f, _ := recorded(t, func(*record.Trial, *Holdings) {})
	if err := os.Remove(filepath.Join(f.dir, resultFile)); err != nil {
		t.Fatal(err)
	}
	if result, differs, err := Verify(f.dir); err != nil || result.Verdict != record.Met || differs != nil {
		t.Errorf("%s, %v, %v", result.Verdict, differs, err)
	}
	if _, _, err := Verify(t.TempDir()); err == nil {
		t.Error("an empty folder is verified")
	}
}
