package guard

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// busyPrimary is a snapshot of which everything is known.
func busyPrimary() *Snapshot {
	ago := func(d time.Duration) time.Time { return testNow.Add(-d) }
	account := account{}.begin("join", "a group is alive", ago(time.Hour)).end(nil, 1800*time.Millisecond).
		begin("join", "a group is alive", time.Unix(1_700_000_000, 250_000_000)).end(errors.New("refused"), 2*time.Second).
		begin("switch", "", ago(250*time.Millisecond))
	members := online("db1", "db2", "db3")
	members[2].State = Unreachable
	return &Snapshot{
		Server: "db1", Probed: ago(100 * time.Millisecond), Answered: ago(100 * time.Millisecond), Confirmed: ago(500 * time.Millisecond),
		MySQL:  MySQL{Reachable: true, Version: "9.7.4", State: Online, Role: Primary, ViewID: "7:3", Members: members, Queue: 12, Applying: 0.5},
		Record: Record{Epoch: 4, Granted: Grant{Epoch: 3, To: "db2"}}, Voters: []string{"db1", "db2", "db3"},
		Pulse: Pulse{Last: ago(4 * time.Second), Failing: ago(3 * time.Second)}, Failures: 2, Account: account,
		Peers: map[string]Peer{"db3": {Asked: ago(2 * time.Second)}, "db2": {Asked: ago(time.Second)}, "db4": {}},
	}
}

func written(t *testing.T, metrics []metric) string {
	t.Helper()
	var out strings.Builder
	if err := writeMetrics(&out, metrics); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// samplesOf are the lines that are no comments.
func samplesOf(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func TestMetrics(t *testing.T) {
	want := `scaleup_guard_mysql_answers 1
scaleup_guard_probe_age_seconds 0.1
scaleup_guard_mysql_info{version="9.7.4"} 1
scaleup_guard_member_state{state="ONLINE"} 1
scaleup_guard_member_state{state="RECOVERING"} 0
scaleup_guard_member_state{state="OFFLINE"} 0
scaleup_guard_member_state{state="ERROR"} 0
scaleup_guard_member_state{state="UNREACHABLE"} 0
scaleup_guard_member_role{role="PRIMARY"} 1
scaleup_guard_member_role{role="SECONDARY"} 0
scaleup_guard_member_role{role="NONE"} 0
scaleup_guard_primary 1
scaleup_guard_replica 0
scaleup_guard_readable 1
scaleup_guard_held 0
scaleup_guard_in_majority 1
scaleup_guard_members 3
scaleup_guard_members_online 2
scaleup_guard_members_suspected 1
scaleup_guard_voters 3
scaleup_guard_queue_transactions 12
scaleup_guard_lag_seconds 0.5
scaleup_guard_pulse_age_seconds 4
scaleup_guard_pulse_failing_seconds 3
scaleup_guard_confirmed_age_seconds 0.5
scaleup_guard_peer_age_seconds{server="db2"} 1
scaleup_guard_peer_age_seconds{server="db3"} 2
scaleup_guard_epoch 4
scaleup_guard_granted_epoch{to="db2"} 3
scaleup_guard_doing{kind="switch"} 1
scaleup_guard_doing_seconds 0.25
scaleup_guard_failures 2
scaleup_guard_last_action_timestamp_seconds{kind="join"} 1.70000000025e+09
scaleup_guard_last_action_duration_seconds{kind="join"} 2
scaleup_guard_last_action_failed{kind="join"} 1
scaleup_guard_actions_total{kind="join"} 2
scaleup_guard_action_failures_total{kind="join"} 1`
	if diff := cmp.Diff(strings.Split(want, "\n"), samplesOf(written(t, busyPrimary().metrics(testNow)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of a MySQL that does not answer only that is told, and what does not depend on it.
func TestMetricsWithoutMySQL(t *testing.T) {
	down := busyPrimary()
	down.MySQL, down.Pulse, down.Account = MySQL{Error: "refused"}, Pulse{}, account{}
	old := busyPrimary()
	old.Probed, old.Answered = testNow.Add(-time.Minute), testNow.Add(-time.Minute)
	for _, c := range []struct {
		name         string
		snapshot     *Snapshot
		tells, hides []string
	}{
		{"down", down, []string{`scaleup_guard_mysql_answers 0`, `scaleup_guard_member_state{state="UNREACHABLE"} 1`, `scaleup_guard_member_role{role="NONE"} 1`,
			`scaleup_guard_in_majority 0`, `scaleup_guard_epoch 4`}, []string{"members", "queue", "lag", "pulse", "confirmed", "doing", "last_action", "actions", "mysql_info"}},
		{"asked long ago", old, []string{`scaleup_guard_mysql_answers 0`, `scaleup_guard_probe_age_seconds 60`, `scaleup_guard_member_state{state="ONLINE"} 0`,
			`scaleup_guard_primary 0`, `scaleup_guard_in_majority 0`}, []string{"members", "queue", "lag", "confirmed"}},
		{"never asked", &Snapshot{}, []string{`scaleup_guard_mysql_answers 0`, `scaleup_guard_epoch 0`}, []string{"probe_age", "queue", "granted", "peer"}},
		{"outside the group", &Snapshot{Probed: testNow, MySQL: MySQL{Reachable: true, State: Offline}}, []string{`scaleup_guard_mysql_answers 1`,
			`scaleup_guard_member_state{state="OFFLINE"} 1`, `scaleup_guard_queue_transactions 0`}, []string{"members", "confirmed"}},
		{"a state of tomorrow", &Snapshot{Probed: testNow, MySQL: MySQL{Reachable: true, State: "ASLEEP"}},
			[]string{`scaleup_guard_member_state{state="ONLINE"} 0`, `scaleup_guard_member_state{state="ASLEEP"} 1`}, nil},
	} {
		lines := samplesOf(written(t, c.snapshot.metrics(testNow)))
		for _, want := range c.tells {
			if !slices.Contains(lines, want) {
				t.Errorf("%s: %q is not in\n%s", c.name, want, strings.Join(lines, "\n"))
			}
		}
		for _, hidden := range c.hides {
			if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "scaleup_guard_"+hidden) }); i >= 0 {
				t.Errorf("%s: it tells %q", c.name, lines[i])
			}
		}
	}
}

// The lines of Prometheus's text format 0.0.4, as far as the guard has use for them.
var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (?:[^\\]|\\\\|\\n)+$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (gauge|counter)$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\\\|\\"|\\n)*"\})? [-+]?[0-9]+(?:\.[0-9]+)?(?:e[-+][0-9]+)?$`)
)

// checkExposition parses every line: each family has help, a type, and then its samples,
// none of them twice.
func checkExposition(t *testing.T, text string) {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		t.Errorf("the last line does not end: %q", text[max(0, len(text)-80):])
	}
	families, seen := map[string]string{}, map[string]bool{}
	helped, family := "", ""
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		help, kind, value := helpLine.FindStringSubmatch(line), typeLine.FindStringSubmatch(line), sampleLine.FindStringSubmatch(line)
		switch {
		case help != nil:
			helped = help[1]
		case kind != nil:
			family = kind[1]
			if family != helped || families[family] != "" {
				t.Errorf("%q: a family without help, or once more", line)
			}
			if families[family] = kind[2]; (kind[2] == isCounter) != strings.HasSuffix(family, "_total") {
				t.Errorf("%q: a counter ends in _total, nothing else does", line)
			}
		case value != nil:
			name, _, _ := strings.Cut(line, " ")
			if labels := strings.LastIndex(line, "} "); labels > 0 {
				name = line[:labels+1]
			}
			if value[1] != family || seen[name] {
				t.Errorf("%q: of another family, or once more", line)
			}
			seen[name] = true
		default:
			t.Errorf("%q is no line of the format", line)
		}
	}
	if len(families) < 20 || len(seen) < 10 {
		t.Errorf("%d families, %d samples: %v", len(families), len(seen), slices.Sorted(maps.Keys(families)))
	}
}

func TestMetricsAreWellFormed(t *testing.T) {
	odd := busyPrimary()
	odd.MySQL.Version = "9.7 \"x\"\\\nscaleup_guard_primary 7"
	odd.MySQL.State, odd.MySQL.Applying = "a\\b\"", 1e-9
	odd.Record.Granted.To, odd.Record.Epoch = "", 1<<63
	for name, s := range map[string]*Snapshot{"primary": busyPrimary(), "odd": odd, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			text := written(t, s.metrics(testNow))
			checkExposition(t, text)
			for range 5 {
				if again := written(t, s.metrics(testNow)); again != text {
					t.Fatalf("another order:\n%s", cmp.Diff(text, again))
				}
			}
		})
	}
	if text := written(t, odd.metrics(testNow)); !strings.Contains(text, `scaleup_guard_mysql_info{version="9.7 \"x\"\\\nscaleup_guard_primary 7"} 1`+"\n") {
		t.Errorf("the version is not escaped:\n%s", text)
	}
	help := written(t, []metric{{name: "x", help: "a\nb\\c", kind: isGauge}})
	if help != "# HELP x a\\nb\\\\c\n# TYPE x gauge\n" {
		t.Errorf("help is written as %q", help)
	}
}
