package record

// Verdict is what a drill, a trial or a whole series says about the site.
type Verdict string

// The verdicts. MISSED beats INCONCLUSIVE: a broken promise stays one, however
// the other trials went.
const (
	Met          Verdict = "MET"
	Missed       Verdict = "MISSED"
	Inconclusive Verdict = "INCONCLUSIVE" // the measurement itself is in doubt
	Aborted      Verdict = "ABORTED"      // the trial ended before there was anything to judge
)

// Objective is one promise and what was measured. Limit and Measured are in the
// unit the name ends in (_ms: milliseconds), otherwise they are counts.
type Objective struct {
	Name     string  `json:"name"` // as in site.yaml: read_outage_ms, failed, lost
	Limit    float64 `json:"limit"`
	Measured float64 `json:"measured"` // negative: it never came to that
	Met      bool    `json:"met"`
	Why      string  `json:"why,omitempty"` // one sentence, where the two numbers do not tell
}

// ClassResult is what the users of one class of requests saw.
type ClassResult struct {
	Class    string         `json:"class"`           // by its name, such as "api-read"
	Fresh    *bool          `json:"fresh,omitempty"` // over connections of their own, or kept ones; absent: all of the class
	Requests map[string]int `json:"requests"`        // by the name of the outcome
	OutageMS float64        `json:"outage_ms"`       // longest time without a success, in milliseconds
	P50MS    float64        `json:"p50_ms"`          // latencies of served requests from when they were due, in milliseconds
	P99MS    float64        `json:"p99_ms"`
	MaxMS    float64        `json:"max_ms"`
}

// TrialResult is one trial, judged. Times that end in MS are milliseconds; -1
// says that one does not apply.
type TrialResult struct {
	InjectedAt string `json:"injected_at"` // RFC 3339
	OutageMS   struct {
		Read  float64 `json:"read"`
		Write float64 `json:"write"`
	} `json:"outage_ms"` // the longest of any class of reads, and of writes
	DegradedMS   float64        `json:"degraded_ms"` // 100 ms bins with too few good answers, added up
	DetectMS     float64        `json:"detect_ms"`   // from the proven fault to the first change of state anywhere
	FailoverMS   float64        `json:"failover_ms"` // from the proven fault to the first lasting success
	RecoverMS    float64        `json:"recover_ms"`  // to full redundancy
	Requests     map[string]int `json:"requests"`    // by the name of the outcome, all six present
	Ledger       Ledger         `json:"ledger"`
	Bite         string         `json:"bite"`                    // what proved that the fault bit
	Heal         string         `json:"heal"`                    // what proved that it was gone
	InFlight     int            `json:"in_flight"`               // requests under way when the fault bit
	FailedBeyond int            `json:"failed_beyond_in_flight"` // failed requests that were not
	Classes      []ClassResult  `json:"classes"`
	Objectives   []Objective    `json:"objectives"`
	Verdict      Verdict        `json:"verdict"`
	Void         string         `json:"void,omitempty"` // why the trial says nothing about the site
}

// AuditItem is one setting of the running site that a promise rests on.
type AuditItem struct {
	Name  string `json:"name"`  // "db1 sync_binlog"
	Value string `json:"value"` // as the server told it
	Good  bool   `json:"good"`
}

// Result is the document of `drill NAME --json`.
type Result struct {
	Schema     int           `json:"schema"`
	Drill      string        `json:"drill"`
	Verdict    Verdict       `json:"verdict"`
	Objectives []Objective   `json:"objectives"` // each of the trial that did worst at it
	Trials     []TrialResult `json:"trials"`
	Tool       struct {
		SendLagP99MS float64 `json:"send_lag_p99_ms"` // how late the generator was, in milliseconds
		Unsent       int     `json:"unsent"`          // requests it could not send
		SendLagMaxMS float64 `json:"send_lag_max_ms"`
		Again        int     `json:"again"` // requests the client sent again by itself
	} `json:"tool"` // the worst of all trials; counts are sums
	Seed    uint64   `json:"seed"`
	Dir     string   `json:"dir"` // where the raw operations lie
	Site    string   `json:"site"`
	Summary string   `json:"summary"` // one sentence: what the drill does
	Targets []string `json:"targets"` // servers the fault was on
	Rate    struct {
		Read  float64 `json:"read"`
		Write float64 `json:"write"`
	} `json:"rate"` // requests per second
	Version      string      `json:"version"` // of scaleup
	Why          []string    `json:"why"`     // why it was missed or inconclusive, in sentences
	Audit        []AuditItem `json:"audit"`
	NotTested    []string    `json:"not_tested"`     // what the drill does not show, in words
	Reproduce    string      `json:"reproduce"`      // the command that runs the same drill again
	NoiseFloorMS *float64    `json:"noise_floor_ms"` // outage that the last null drill measured, in milliseconds; null: none was run
	Worst        int         `json:"worst"`          // index of the worst trial
}

// Summary is the document of `drill --all --json`.
type Summary struct {
	Schema  int      `json:"schema"`
	Site    string   `json:"site"`
	Drills  []Result `json:"drills"`
	Verdict Verdict  `json:"verdict"`
}
