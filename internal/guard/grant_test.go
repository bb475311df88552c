package guard

import (
	"strings"
	"testing"
)

func TestPromise(t *testing.T) {
	record := inView(4, "77:3", "db1", "db1", "db2", "db3")
	record.Group = worldGroup
	for _, c := range []struct {
		name   string
		change func(q *GrantRequest, r *Record, my *MySQL)
		says   string // "" : promised
	}{
		{"as it should be", func(*GrantRequest, *Record, *MySQL) {}, ""},
		{"again to the same", func(_ *GrantRequest, r *Record, _ *MySQL) { r.Granted = Grant{5, "db1"} }, ""},
		{"promised to another", func(_ *GrantRequest, r *Record, _ *MySQL) { r.Granted = Grant{5, "db3"} }, "promised epoch 5 to db3"},
		{"promised a later one", func(_ *GrantRequest, r *Record, _ *MySQL) { r.Granted = Grant{6, "db1"} }, "promised epoch 6"},
		{"epoch has been", func(q *GrantRequest, _ *Record, _ *MySQL) { q.Epoch = 4 }, "has been"},
		{"knows a newer view", func(_ *GrantRequest, r *Record, _ *MySQL) { r.ViewID = "77:4" }, "newer view"},
		{"knows an older view", func(_ *GrantRequest, r *Record, _ *MySQL) { r.ViewID = "77:2" }, ""},
		{"is in a group", func(_ *GrantRequest, _ *Record, my *MySQL) { my.State = Recovering }, "RECOVERING"},
		{"has an error", func(_ *GrantRequest, _ *Record, my *MySQL) { my.State = Failed }, "ERROR"},
		{"is forming", func(_ *GrantRequest, _ *Record, my *MySQL) { my.Bootstrapping = true }, "OFFLINE in Group"},
		{"MySQL is down", func(_ *GrantRequest, _ *Record, my *MySQL) { *my = MySQL{Group: worldGroup} }, "does not answer"},
		{"its data is gone", func(_ *GrantRequest, r *Record, my *MySQL) { r.Filled, my.Executed = true, "" }, "data of db2 is gone"},
		{"it never had any", func(_ *GrantRequest, _ *Record, my *MySQL) { my.Executed = "" }, ""},
		{"has more", func(_ *GrantRequest, _ *Record, my *MySQL) { my.Received = gtids("11") }, "lacks transactions that db2 has: " + gtids("11")},
		{"another group", func(q *GrantRequest, _ *Record, _ *MySQL) { q.Newest.Group = "other" }, "about group"},
		{"a stranger", func(q *GrantRequest, _ *Record, _ *MySQL) { q.Candidate = "db9" }, "not a voter"},
		{"damaged set", func(q *GrantRequest, _ *Record, _ *MySQL) { q.GTIDs = "x" }, "parse"},
	} {
		q := GrantRequest{Epoch: 5, Candidate: "db1", Newest: record, GTIDs: gtids("1-10")}
		r, my := record, MySQL{Reachable: true, Group: worldGroup, State: Offline, Executed: gtids("1-9")}
		c.change(&q, &r, &my)
		got, err := Promise(q, r, my, worldPolicy("db2"))
		switch {
		case c.says == "" && (err != nil || got.Granted != Grant{5, "db1"}):
			t.Errorf("%s: Promise = %+v, %v, want it granted", c.name, got.Granted, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: Promise: %v, want an error about %q", c.name, err, c.says)
		case c.says != "" && got.Granted != r.Granted:
			t.Errorf("%s: a refused request left the promise %+v", c.name, got.Granted)
		}
	}
}

func TestObserve(t *testing.T) {
	member := MySQL{Reachable: true, State: Online, Role: Secondary, ViewID: "77:3", Members: online("db1", "db2", "db3")}
	alone := MySQL{Reachable: true, State: Online, Role: Primary, ViewID: "90:1", Members: online("db1")}
	knows := func(r Record) map[string]Peer {
		return map[string]Peer{"db2": {Asked: testNow, Answer: Answer{Record: r}}, "db3": {Asked: testNow}}
	}
	for _, c := range []struct {
		name      string
		record    Record
		mysql     MySQL
		peers     map[string]Peer
		wantEpoch uint64
		wantView  string
		wantEver  bool
	}{
		{"outside a group", Record{}, MySQL{Reachable: true, State: Offline}, nil, 0, "", false},
		{"MySQL down", inView(4, "77:3", ""), MySQL{}, nil, 4, "77:3", true},
		{"next view of the same forming", inView(4, "77:2", ""), member, nil, 4, "77:3", true},
		{"epoch from a peer", Record{}, member, knows(inView(6, "77:2", "")), 6, "77:3", true},
		{"nobody knows yet", Record{}, member, nil, 0, "", true},
		{"formed it by promise", Record{Epoch: 4, ViewID: "77:9", Granted: Grant{6, "db1"}}, alone, nil, 6, "90:1", true},
		{"formed by hand", Record{Epoch: 4, ViewID: "77:9", Granted: Grant{6, "db2"}}, alone, nil, 7, "90:1", true},
		{"formed by hand, all were heard", Record{Epoch: 2}, member, knows(inView(5, "66:2", "")), 6, "77:3", true},
	} {
		got := Observe(c.record, c.mysql, c.peers, worldPolicy("db1"))
		if got.Epoch != c.wantEpoch || got.ViewID != c.wantView || got.EverMember != c.wantEver {
			t.Errorf("%s: Observe = %+v, want epoch %d, view %q, ever %t", c.name, got, c.wantEpoch, c.wantView, c.wantEver)
		}
	}
}

func TestObserveDoesNotBelieveAStoppingMember(t *testing.T) {
	record := inView(4, "77:3", "db2", "db1", "db2", "db3")
	stopping := MySQL{Reachable: true, State: Online, Role: Secondary, ViewID: "77:3", Members: online("db1")}
	if got := Observe(record, stopping, nil, worldPolicy("db1")); !sameRecord(got, record) {
		t.Errorf("a stopping member left the record %+v", got)
	}
	alone := stopping
	alone.ViewID = "77:5"
	if got := Observe(record, alone, nil, worldPolicy("db1")); len(got.Members) != 1 || got.ViewID != "77:5" {
		t.Errorf("the last member of the group left the record %+v", got)
	}
	for _, c := range []struct {
		name     string
		own      Record
		peer     Record // db2's
		role     string
		view     string
		recorded bool
	}{
		{"two members less in one view", record, Record{}, Secondary, "77:4", false},
		{"one of two has left", inView(4, "77:3", "db2", "db1", "db2"), Record{}, Primary, "77:4", true},
		{"the first view seen, and db2 knows one that cannot have led to it", Record{}, inView(4, "77:4", "db2", "db2"), Primary, "77:5", false},
		{"the first view seen, and db2 knows one with both", Record{}, inView(4, "77:5", "db2", "db1", "db2"), Primary, "77:5", false},
		{"the first view seen, and db2 may have left", Record{}, inView(4, "77:4", "db2", "db2"), Primary, "77:6", true},
		{"the first view seen, and nobody knows any of that group", Record{}, inView(3, "66:1", "db2", "db2"), Secondary, "77:5", false},
		{"formed by hand", Record{}, inView(3, "66:1", "db2", "db2"), Primary, "77:1", true},
	} {
		my := stopping
		my.ViewID, my.Role = c.view, c.role
		got := Observe(c.own, my, map[string]Peer{"db2": {Asked: testNow, Answer: Answer{Record: c.peer}}}, worldPolicy("db1"))
		if (got.ViewID == c.view) != c.recorded {
			t.Errorf("%s: left the record %+v", c.name, got)
		}
	}
	switched := MySQL{Reachable: true, State: Online, Role: Primary, ViewID: "77:3", Members: online("db1", "db2", "db3")}
	switched.Members[0].Role = Primary
	if got := Observe(record, switched, nil, worldPolicy("db1")); got.Primary != "db1" || got.Role != Primary {
		t.Errorf("a switch left the record %+v", got)
	}
}

// TestStillAble: a guard that stood still between the promises and START does not form the
// group with other data than it was promised for.
func TestStillAble(t *testing.T) {
	had, err := ParseGTIDSet(gtids("1-10"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		now  MySQL
		able bool
	}{
		{"as it was", MySQL{Reachable: true, State: Offline, Bootstrapping: true, Executed: gtids("1-10")}, true},
		{"some of it received", MySQL{Reachable: true, State: Offline, Executed: gtids("1-8"), Received: gtids("9-10")}, true},
		{"wiped", MySQL{Reachable: true, State: Offline}, false},
		{"an older copy", MySQL{Reachable: true, State: Offline, Executed: gtids("1-9")}, false},
		{"in a group", MySQL{Reachable: true, State: Online, Executed: gtids("1-10")}, false},
		{"silent", MySQL{Error: "no answer"}, false},
		{"not to be read", MySQL{Reachable: true, State: Offline, Executed: "nonsense"}, false},
	} {
		if err := stillAble(c.now, had); (err == nil) != c.able {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
