package record

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestResultJSON holds the contract of `drill NAME --json`: the names and units that
// others read.
func TestResultJSON(t *testing.T) {
	fresh, noise := true, 0.0
	trial := TrialResult{
		InjectedAt: "2026-03-14T12:04:31Z", DegradedMS: 100, DetectMS: 45, FailoverMS: 70, RecoverMS: -1,
		Requests: map[string]int{"ok": 1}, Ledger: Ledger{Acked: 1, Members: []string{"db1"}}, Bite: "gone", Heal: "back", InFlight: 2, FailedBeyond: 1,
		Classes:    []ClassResult{{Class: "write", Fresh: &fresh, Requests: map[string]int{"ok": 1}, OutageMS: 70, P50MS: 1, P99MS: 2, MaxMS: 3}},
		Objectives: []Objective{{Name: "lost", Limit: 0, Measured: 1, Why: "one is missing"}}, Verdict: Missed,
	}
	trial.OutageMS.Read, trial.OutageMS.Write = 60, 70
	r := Result{
		Schema: 1, Drill: "null", Verdict: Missed, Objectives: trial.Objectives, Trials: []TrialResult{trial}, Seed: 7, Dir: "d", Site: "s", Summary: "x",
		Targets: []string{"db1"}, Version: "v", Why: []string{"w"}, Audit: []AuditItem{{"n", "v", true}}, NotTested: []string{"p"}, Reproduce: "c", NoiseFloorMS: &noise,
	}
	r.Tool.SendLagP99MS, r.Tool.Unsent, r.Tool.SendLagMaxMS, r.Tool.Again = 1.5, 2, 3.5, 4
	r.Rate.Read, r.Rate.Write = 150, 50
	const want = `{"schema":1,"site":"s","drills":[{"schema":1,"drill":"null","verdict":"MISSED",
		"objectives":[{"name":"lost","limit":0,"measured":1,"met":false,"why":"one is missing"}],
		"trials":[{"injected_at":"2026-03-14T12:04:31Z","outage_ms":{"read":60,"write":70},"degraded_ms":100,"detect_ms":45,"failover_ms":70,"recover_ms":-1,
			"requests":{"ok":1},"ledger":{"acked":1,"lost":0,"duplicated":0,"recovered":0,"phantom":0,"corrupt":0,"unexpected":0,"members":["db1"],"differ":false,"invariants":null,"registers":"","notes":null,"error":""},
			"bite":"gone","heal":"back","in_flight":2,"failed_beyond_in_flight":1,
			"classes":[{"class":"write","fresh":true,"requests":{"ok":1},"outage_ms":70,"p50_ms":1,"p99_ms":2,"max_ms":3}],
			"objectives":[{"name":"lost","limit":0,"measured":1,"met":false,"why":"one is missing"}],"verdict":"MISSED"}],
		"tool":{"send_lag_p99_ms":1.5,"unsent":2,"send_lag_max_ms":3.5,"again":4},"seed":7,"dir":"d","site":"s","summary":"x","targets":["db1"],
		"rate":{"read":150,"write":50},"version":"v","why":["w"],"audit":[{"name":"n","value":"v","good":true}],"not_tested":["p"],"reproduce":"c","noise_floor_ms":0,"worst":0}],
		"verdict":"MISSED"}`
	got, err := json.Marshal(Summary{Schema: 1, Site: "s", Drills: []Result{r}, Verdict: Missed})
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b, a); d != "" {
		t.Error(d)
	}
}
