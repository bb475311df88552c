package dbstatus

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/remote"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

func databases(t *testing.T, n int) *topology.Topology {
	t.Helper()
	top, err := topology.Build(componenttest.Site(1, 1, 1, n))
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func said1(text string) status.Answer {
	return status.Answer{Response: remote.Response{Member: json.RawMessage(text)}}
}

const (
	primary   = `{"state":"ONLINE","role":"PRIMARY","primary":"db1"}`
	secondary = `{"state":"ONLINE","role":"SECONDARY","primary":"db1"}`
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name    string
		members int
		answers map[string]status.Answer
		verdict string
		primary string
		quorum  string
	}{
		{"three", 3, map[string]status.Answer{"db1": said1(primary), "db2": said1(secondary), "db3": said1(secondary)},
			"healthy", "db1", "3 of 3 ONLINE, tolerates 1 failure"},
		{"one is off", 3, map[string]status.Answer{"db1": said1(primary), "db2": said1(secondary), "db3": {Off: true}},
			"degraded: 2 of 3 members ONLINE", "db1", "2 of 3 ONLINE, tolerates 0 failures"},
		{"one does not answer", 3, map[string]status.Answer{"db1": said1(primary), "db2": {Err: errors.New("timeout")}, "db3": said1(secondary)},
			"degraded: 2 of 3 members ONLINE", "db1", "2 of 3 ONLINE, tolerates 0 failures"},
		{"five", 5, map[string]status.Answer{"db1": said1(primary), "db2": said1(secondary), "db3": said1(secondary), "db4": said1(secondary), "db5": said1(secondary)},
			"healthy", "db1", "5 of 5 ONLINE, tolerates 2 failures"},
		{"a single one", 1, map[string]status.Answer{"db1": said1(primary)}, "healthy", "db1", "1 of 1 ONLINE, tolerates 0 failures"},
		{"an election", 1, map[string]status.Answer{"db1": said1(`{"state":"ONLINE"}`)}, "no primary: the members have not elected one", "", "1 of 1 ONLINE, tolerates 0 failures"},
		{"two minds", 3, map[string]status.Answer{"db1": said1(primary), "db2": said1(secondary), "db3": said1(`{"state":"ONLINE","primary":"db3"}`)},
			"not settled: the members name different primaries", "db1", "3 of 3 ONLINE, tolerates 1 failure"},
		{"an expelled one names itself", 3, map[string]status.Answer{"db1": said1(primary), "db2": said1(secondary), "db3": said1(`{"state":"ERROR","primary":"db3"}`)},
			"degraded: 2 of 3 members ONLINE", "db1", "2 of 3 ONLINE, tolerates 0 failures"},
		{"nobody", 3, nil, "down: no member is ONLINE", "", "0 of 3 ONLINE, tolerates 0 failures"},
	} {
		r := Assess(databases(t, c.members), c.answers, 10)
		if r.Verdict != c.verdict || r.Primary != c.primary || r.Quorum.String() != c.quorum || r.Healthy != (c.verdict == "healthy") {
			t.Errorf("%s: %q, primary %q, %s, healthy %t", c.name, r.Verdict, r.Primary, r.Quorum, r.Healthy)
		}
		if len(r.Servers) != c.members {
			t.Errorf("%s: %d rows for %d servers", c.name, len(r.Servers), c.members)
		}
	}
}

// Every server is a row, whatever it says; what cannot be read hides nothing else.
func TestServers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer status.Answer
		want   Server
	}{
		{"all there is", said1(`{"state":"RECOVERING","role":"SECONDARY","lag_transactions":7,"lag_seconds":1.5,"epoch":3,"mysql_version":"9.7.4","held":true,
			"message":"catches up","lease":{"held":true,"granted_by":["db2","db3"],"until_ms":2500},"aside":["/var/lib/mysql.aside"],"tomorrow":{"x":1}}`),
			Server{State: "RECOVERING", Role: "SECONDARY", LagTransactions: 7, LagSeconds: 1.5, Epoch: 3, Version: "9.7.4", Held: true, Waits: "catches up",
				Lease: &Lease{Held: true, GrantedBy: Names{"db2", "db3"}, Until: 2500}, Aside: Names{"/var/lib/mysql.aside"}}},
		{"an older guard", said1(secondary), Server{State: "ONLINE", Role: "SECONDARY"}},
		{"another form of what is new", said1(`{"state":"ONLINE","epoch":2,"lease":"yes","aside":{"a":1},"history":{}}`), Server{State: "ONLINE", Epoch: 2}},
		{"nothing set aside", said1(`{"state":"ONLINE","lease":null,"aside":null,"history":null}`), Server{State: "ONLINE"}},
		{"no guard", status.Answer{}, Server{State: "UNKNOWN", Waits: "its guard does not answer"}},
		{"off", status.Answer{Off: true}, Server{State: "off", Waits: "its machine is powered off"}},
		{"silent", status.Answer{Err: errors.New("no route")}, Server{State: "unreachable", Waits: "no route"}},
	} {
		c.want.Server = "db1"
		r := Assess(databases(t, 1), map[string]status.Answer{"db1": c.answer}, 10)
		if diff := cmp.Diff([]Server{c.want}, r.Servers); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestHistory(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 3, 1, 4, 5, second, 0, time.UTC) }
	db1 := said1(`{"state":"ONLINE","history":[
		{"at":"2026-03-01T04:05:00Z","epoch":1,"view":"7:1","role":"PRIMARY","primary":"db1","members":["db1"]},
		{"at":"2026-03-01T05:05:02+01:00","epoch":1,"view":"7:2","role":"PRIMARY","primary":"db1","members":["db2","db1"]},
		{"at":"2026-03-01T04:05:20Z","epoch":1,"view":"7:2","role":"SECONDARY","primary":"db2","members":["db1","db2"]},
		{"at":"2026-03-01T04:05:40Z","epoch":1,"view":"7:2","role":"PRIMARY","primary":"db1","members":["db1","db2"]}]}`)
	db2 := said1(`{"state":"ONLINE","history":[
		{"at":1772337904000,"epoch":1,"view":"7:2","primary":"db1","members":[{"server":"db1"},{"server":"db2"}]},
		{"at":"yesterday"}, 7,
		{"at":"2026-03-01T04:05:21Z","epoch":1,"view":"7:2","primary":"db2","members":["db1","db2"]}]}`)
	both, whole := Names{"db1", "db2"}, []Change{
		{At: at(0), Epoch: 1, View: "7:1", Primary: "db1", Members: Names{"db1"}, SeenBy: Names{"db1"}},
		{At: at(2), Epoch: 1, View: "7:2", Primary: "db1", Members: Names{"db1", "db2"}, SeenBy: Names{"db1", "db2"}},
		{At: at(20), Epoch: 1, View: "7:2", Primary: "db2", Members: Names{"db1", "db2"}, SeenBy: Names{"db1", "db2"}},
		// The primary came back within the view: a change of its own.
		{At: at(40), Epoch: 1, View: "7:2", Primary: "db1", Members: Names{"db1", "db2"}, SeenBy: Names{"db1"}},
	}
	if both.String() != "db1, db2" {
		t.Errorf("names read %q", both)
	}
	for most, want := range map[int][]Change{10: whole, 2: whole[2:], 0: {}} {
		r := Assess(databases(t, 3), map[string]status.Answer{"db1": db1, "db2": db2}, most)
		if diff := cmp.Diff(want, r.History); diff != "" {
			t.Errorf("the last %d (-want +got):\n%s", most, diff)
		}
	}
}
