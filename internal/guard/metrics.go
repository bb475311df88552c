package guard

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// metric is one family of Prometheus's text format, version 0.0.4. What is not known
// has no sample: a zero would be a lie.
type metric struct {
	name, help, kind string
	samples          []sample
}

// sample is a value, told apart from others of its family by at most one label.
type sample struct {
	label, is string
	value     float64
}

// The kinds of metrics.
const (
	isGauge   = "gauge"
	isCounter = "counter"
)

// noRole stands for the role of a server outside the group: an empty label is none.
const noRole = "NONE"

// metrics are all that GET /metrics tells, in a fixed order. It is pure.
func (s *Snapshot) metrics(now time.Time) []metric {
	return slices.Concat(s.memberMetrics(now), s.groupMetrics(now), s.workMetrics(now))
}

// memberMetrics are about this server's MySQL, and what the load balancers are told of it.
func (s *Snapshot) memberMetrics(now time.Time) []metric {
	st := s.status(now)
	version := metric{name: "scaleup_guard_mysql_info", help: "MySQL's version, as a label.", kind: isGauge}
	if st.MySQLVersion != "" {
		version.samples = []sample{{"version", st.MySQLVersion, 1}}
	}
	role := st.Role
	if role == "" {
		role = noRole
	}
	return []metric{
		yesNo("scaleup_guard_mysql_answers", "Whether MySQL answered the last probe and that is fresh; /health.", s.answering(now) == ""),
		since("scaleup_guard_probe_age_seconds", "Time since the last probe was begun that MySQL answered.", s.Answered, now),
		version,
		oneHot("scaleup_guard_member_state", "The member's state: 1 for the one that it has. UNREACHABLE while MySQL does not answer.", "state", st.State,
			Online, Recovering, Offline, Failed, Unreachable),
		oneHot("scaleup_guard_member_role", "The member's role: 1 for the one that it has. NONE outside the group.", "role", role, Primary, Secondary, noRole),
		yesNo("scaleup_guard_primary", "Whether this member may take writes; /primary.", s.primary(now) == ""),
		yesNo("scaleup_guard_replica", "Whether this member is a replica that is up to date; /replica.", s.replica(now) == ""),
		yesNo("scaleup_guard_readable", "Whether this member may serve reads; /readable.", s.readable(now) == ""),
		yesNo("scaleup_guard_held", "Whether the member was told to stay out of the group.", s.Held),
	}
}

// groupMetrics are about the group as this member sees it.
func (s *Snapshot) groupMetrics(now time.Time) []metric {
	known := s.answering(now) == ""
	member := known && s.MySQL.active()
	seen := func(state string) (n float64) {
		for _, m := range s.MySQL.Members {
			if state == "" || m.State == state {
				n++
			}
		}
		return n
	}
	confirmed := time.Time{}
	if member && s.MySQL.Role == Primary {
		confirmed = s.Confirmed
	}
	peers := metric{name: "scaleup_guard_peer_age_seconds", help: "Time since another server's guard was asked and answered.", kind: isGauge}
	for _, name := range slices.Sorted(maps.Keys(s.Peers)) {
		if asked := s.Peers[name].Asked; !asked.IsZero() {
			peers.samples = append(peers.samples, sample{"server", name, now.Sub(asked).Seconds()})
		}
	}
	return []metric{
		yesNo("scaleup_guard_in_majority", "Whether this member is in the group together with more than half of its view.", known && s.MySQL.majority()),
		number("scaleup_guard_members", "Members of the group in this member's view, itself included.", seen(""), member),
		number("scaleup_guard_members_online", "Of these, ONLINE.", seen(Online), member),
		number("scaleup_guard_members_suspected", "Of these, UNREACHABLE: the group's failure detector suspects them.", seen(Unreachable), member),
		number("scaleup_guard_voters", "Database servers of the site, as the guard is configured.", float64(len(s.Voters)), true),
		number("scaleup_guard_queue_transactions", "Transactions that wait on this member for certification or the applier.", float64(s.MySQL.Queue), known),
		number("scaleup_guard_lag_seconds", "How far this member is behind.", s.lag(now).Seconds(), known),
		since("scaleup_guard_pulse_age_seconds", "Time since a write of the guard's last committed; on a writable primary.", s.Pulse.Last, now),
		since("scaleup_guard_pulse_failing_seconds", "For how long those writes have failed or hung; only while they do.", s.Pulse.Failing, now),
		since("scaleup_guard_confirmed_age_seconds", "Time since a majority last knew this member as its primary; on the primary.", confirmed, now),
		peers,
	}
}

// workMetrics are about what the guard knows for good, and what it does.
func (s *Snapshot) workMetrics(now time.Time) []metric {
	granted := metric{name: "scaleup_guard_granted_epoch", help: "The newest epoch promised, and to whom.", kind: isGauge}
	if g := s.Record.Granted; g.Epoch > 0 {
		granted.samples = []sample{{"to", g.To, float64(g.Epoch)}}
	}
	busy, began := metric{name: "scaleup_guard_doing", help: "What is under way: 1.", kind: isGauge}, time.Time{}
	if d := s.Account.doing; d != nil {
		busy.samples, began = []sample{{"kind", d.Kind, 1}}, d.Since
	}
	last := []metric{
		{name: "scaleup_guard_last_action_timestamp_seconds", help: "When what ended last was begun, since 1970.", kind: isGauge},
		{name: "scaleup_guard_last_action_duration_seconds", help: "How long it took.", kind: isGauge},
		{name: "scaleup_guard_last_action_failed", help: "Whether it failed.", kind: isGauge},
	}
	if n := len(s.Account.done); n > 0 {
		d := s.Account.done[n-1]
		for i, value := range []float64{float64(d.At.UnixMilli()) / 1000, d.Took, truth(d.Error != "")} {
			last[i].samples = []sample{{"kind", d.Kind, value}}
		}
	}
	all := metric{name: "scaleup_guard_actions_total", help: "Actions and requests that have ended since the guard was started.", kind: isCounter}
	failed := metric{name: "scaleup_guard_action_failures_total", help: "Of these, failed or refused.", kind: isCounter}
	for _, kind := range slices.Sorted(maps.Keys(s.Account.tally)) {
		t := s.Account.tally[kind]
		all.samples = append(all.samples, sample{"kind", kind, float64(t.all)})
		failed.samples = append(failed.samples, sample{"kind", kind, float64(t.failed)})
	}
	return slices.Concat([]metric{
		number("scaleup_guard_epoch", "Counts how often the group was formed; 0 before this server has seen one.", float64(s.Record.Epoch), true),
		granted,
		busy,
		since("scaleup_guard_doing_seconds", "For how long that has been under way.", began, now),
		number("scaleup_guard_failures", "Attempts to become ONLINE that failed in a row.", float64(s.Failures), true),
	}, last, []metric{all, failed})
}

func number(name, help string, value float64, known bool) metric {
	m := metric{name: name, help: help, kind: isGauge}
	if known {
		m.samples = []sample{{value: value}}
	}
	return m
}

func yesNo(name, help string, is bool) metric { return number(name, help, truth(is), true) }

func since(name, help string, t, now time.Time) metric {
	return number(name, help, now.Sub(t).Seconds(), !t.IsZero())
}

// oneHot has a sample for each value that there is, and one for any other that it has.
func oneHot(name, help, label, is string, values ...string) metric {
	m := metric{name: name, help: help, kind: isGauge}
	if !slices.Contains(values, is) {
		values = append(values, is)
	}
	for _, v := range values {
		m.samples = append(m.samples, sample{label, v, truth(v == is)})
	}
	return m
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// The format escapes in label values what would end them, and in help what would end it.
var (
	escapeLabel = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
)

func writeMetrics(w io.Writer, metrics []metric) error {
	out := bufio.NewWriter(w)
	for _, m := range metrics {
		fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", m.name, escapeHelp.Replace(m.help), m.name, m.kind)
		for _, s := range m.samples {
			labels := ""
			if s.label != "" {
				labels = fmt.Sprintf(`{%s="%s"}`, s.label, escapeLabel.Replace(s.is))
			}
			fmt.Fprintf(out, "%s%s %s\n", m.name, labels, strconv.FormatFloat(s.value, 'g', -1, 64))
		}
	}
	return out.Flush()
}
