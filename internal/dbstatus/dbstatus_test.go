package dbstatus

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/guard"
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
		{"an election", 1, map[string]status.Answer{"db1": said1(`{"state":"ONLINE"}`)}, "no primary: no majority of the members names one", "", "1 of 1 ONLINE, tolerates 0 failures"},
		{"two minds", 3, map[string]status.Answer{"db1": said1(primary), "db2": said1(secondary), "db3": said1(`{"state":"ONLINE","primary":"db3"}`)},
			"not settled: the members name different primaries", "db1", "3 of 3 ONLINE, tolerates 1 failure"},
		{"an expelled one names itself", 3, map[string]status.Answer{"db1": said1(primary), "db2": said1(secondary), "db3": said1(`{"state":"ERROR","primary":"db3"}`)},
			"degraded: 2 of 3 members ONLINE", "db1", "2 of 3 ONLINE, tolerates 0 failures"},
		{"one has not heard that it was expelled", 3, map[string]status.Answer{
			"db1": said1(`{"state":"ONLINE","role":"SECONDARY","primary":"db2","view":"1:3","members":[{"server":"db1"},{"server":"db2"},{"server":"db3"}]}`),
			"db2": said1(`{"state":"ONLINE","role":"PRIMARY","primary":"db2","view":"1:4","members":[{"server":"db2"},{"server":"db3"}]}`)},
			"degraded: 1 of 3 members ONLINE", "db2", "1 of 3 ONLINE, tolerates 0 failures"},
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

// guardSays is an answer in the guard's own words.
func guardSays(t *testing.T, st guard.Status) status.Answer {
	t.Helper()
	data, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	return said1(string(data))
}

func at(second int) time.Time { return time.Date(2026, 3, 1, 4, 5, second, 0, time.UTC) }

// Every server is a row, whatever it says; what cannot be read hides nothing else.
func TestServers(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer status.Answer
		want   Server
	}{
		{"all there is", guardSays(t, guard.Status{State: "RECOVERING", Role: "SECONDARY", LagTransactions: 7, LagSeconds: 1.5, Epoch: 3, MySQLVersion: "9.7.4", Held: true, Message: "join: catches up",
			Doing:   &guard.Doing{Kind: "join", Reason: "catches up", Since: at(9)},
			Actions: []guard.Done{{At: at(1), Kind: "set-aside", Reason: "diverged", Took: 4, Error: "no room"}, {At: at(6), Kind: "leave", Took: 0.5}},
			Aside:   []guard.Copy{{At: at(3), Path: guard.AsideDir + "/1", Transactions: "a:1"}}}),
			Server{State: "RECOVERING", Role: "SECONDARY", LagTransactions: 7, LagSeconds: 1.5, Epoch: 3, Version: "9.7.4", Held: true, Waits: "join: catches up",
				Doing:   &Doing{Kind: "join", Reason: "catches up", Since: at(9)},
				Actions: []Done{{At: at(1), Kind: "set-aside", Reason: "diverged", Took: 4, Error: "no room"}, {At: at(6), Kind: "leave", Took: 0.5}},
				Aside:   []Copy{{At: at(3), Path: guard.AsideDir + "/1", Transactions: "a:1"}}}},
		{"nothing to tell", guardSays(t, guard.Status{State: "ONLINE", Role: "SECONDARY", Primary: "db1"}), Server{State: "ONLINE", Role: "SECONDARY"}},
		{"of another version", said1(`{"state":"ONLINE","epoch":2,"tomorrow":{"x":1}}`), Server{State: "ONLINE", Epoch: 2}},
		{"in another form", said1(`{"state":"ONLINE","message":"waits","aside":"/x"}`), Server{State: "ONLINE",
			Waits: "waits; the rest of what its guard says cannot be read: json: cannot unmarshal string into Go struct field said.aside of type []dbstatus.Copy"}},
		{"no guard", status.Answer{}, Server{State: "UNKNOWN", Waits: "its guard does not answer"}},
		{"off", status.Answer{Off: true}, Server{State: "off", Waits: "its machine is powered off"}},
		{"silent", status.Answer{Err: errors.New("no route")}, Server{State: "unreachable", Waits: "no route"}},
	} {
		c.want.Server = "db1"
		if c.want.Actions == nil {
			c.want.Actions, c.want.Aside = []Done{}, []Copy{}
		}
		r := Assess(databases(t, 1), map[string]status.Answer{"db1": c.answer}, 10)
		if diff := cmp.Diff([]Server{c.want}, r.Servers); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// What is read here and what the guard sends are the same, field by field.
func TestSaidIsWhatGuardsSay(t *testing.T) {
	full := guard.Status{LagSeconds: 1.5, Epoch: 3, Held: true,
		Doing:   &guard.Doing{Kind: "join", Reason: "x", Since: at(1)},
		Actions: []guard.Done{{At: at(1), Kind: "join", Reason: "x", Took: 2, Error: "y"}},
		History: []guard.Change{{At: at(1), Epoch: 3, Members: []string{"db1"}, Primary: "db1"}},
		Aside:   []guard.Copy{{At: at(1), Path: "/x", Transactions: "a:1"}}}
	var s said
	if err := json.Unmarshal(guardSays(t, full).Response.Member, &s); err != nil {
		t.Fatal(err)
	}
	sent, read := map[string]any{}, map[string]any{}
	for into, from := range map[*map[string]any]any{&sent: full, &read: s} {
		data, err := json.Marshal(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	for field, value := range read {
		if diff := cmp.Diff(sent[field], value); diff != "" {
			t.Errorf("%s (-sent +read):\n%s", field, diff)
		}
	}
	if len(read) != 7 {
		t.Errorf("read are %v", read)
	}
}

func TestHistory(t *testing.T) {
	cet := time.FixedZone("", 3600)
	one, two := []string{"db1"}, []string{"db1", "db2"}
	db1 := guardSays(t, guard.Status{State: "ONLINE", History: []guard.Change{
		{At: at(0), Epoch: 1, Primary: "db1", Members: one},
		{At: at(2).In(cet), Epoch: 1, Primary: "db1", Members: two},
		{At: at(20), Epoch: 1, Primary: "db2", Members: two},
		{At: at(25), Epoch: 1, Primary: "db1", Members: two},
		{At: at(28), Epoch: 1, Primary: "db2", Members: two},
	}})
	db2 := guardSays(t, guard.Status{State: "ONLINE", History: []guard.Change{
		{At: at(4), Epoch: 1, Primary: "db1", Members: two},
		{At: at(21), Epoch: 1, Primary: "db2", Members: two},
		{At: at(50), Epoch: 2, Primary: "db2", Members: two},
	}})
	both, whole := Names{"db1", "db2"}, []Change{
		{At: at(0), Epoch: 1, Primary: "db1", Members: Names{"db1"}, SeenBy: Names{"db1"}},
		{At: at(2).In(cet), Epoch: 1, Primary: "db1", Members: Names{"db1", "db2"}, SeenBy: Names{"db1", "db2"}},
		{At: at(20), Epoch: 1, Primary: "db2", Members: Names{"db1", "db2"}, SeenBy: Names{"db1", "db2"}},
		// The primary came back and went again: changes of their own, however soon.
		{At: at(25), Epoch: 1, Primary: "db1", Members: Names{"db1", "db2"}, SeenBy: Names{"db1"}},
		{At: at(28), Epoch: 1, Primary: "db2", Members: Names{"db1", "db2"}, SeenBy: Names{"db1"}},
		{At: at(50), Epoch: 2, Primary: "db2", Members: Names{"db1", "db2"}, SeenBy: Names{"db2"}},
	}
	if both.String() != "db1, db2" {
		t.Errorf("names read %q", both)
	}
	for most, want := range map[int][]Change{10: whole, 2: whole[4:], 0: {}} {
		r := Assess(databases(t, 3), map[string]status.Answer{"db1": db1, "db2": db2}, most)
		if diff := cmp.Diff(want, r.History); diff != "" {
			t.Errorf("the last %d (-want +got):\n%s", most, diff)
		}
	}
}
