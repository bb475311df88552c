package guard

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestChecks(t *testing.T) {
	member := func(role string, change func(s *Snapshot)) *Snapshot {
		s := &Snapshot{Server: "db1", Probed: testNow, Confirmed: testNow, MySQL: MySQL{Reachable: true, State: Online, Role: role, SuperReadOnly: role == Secondary,
			ViewID: "7:3", Members: online("db1", "db2", "db3")}}
		if change != nil {
			change(s)
		}
		return s
	}
	for _, c := range []struct {
		name                       string
		snapshot                   *Snapshot
		primary, replica, readable string // "" is 200, else part of the reason
	}{
		{"primary", member(Primary, nil), "", "member is PRIMARY", ""},
		{"secondary", member(Secondary, nil), "member is SECONDARY", "", ""},
		{"never probed", member(Primary, func(s *Snapshot) { s.Probed = time.Time{} }), "not asked", "not asked", "not asked"},
		{"old probe", member(Primary, func(s *Snapshot) { s.Probed = testNow.Add(-1100 * time.Millisecond) }), "1.1 s old", "1.1 s old", "1.1 s old"},
		{"slow primary", member(Primary, func(s *Snapshot) {
			s.Claims, s.Claim, s.Claimed = true, s.MySQL, testNow.Add(-1900*time.Millisecond)
			s.MySQL, s.Probed = MySQL{Error: "deadline", Hangs: true}, testNow.Add(-1100*time.Millisecond)
		}), "", "1.1 s old", "1.1 s old"},
		{"too slow a primary", member(Primary, func(s *Snapshot) {
			s.Claims, s.Claim, s.Claimed = true, s.MySQL, testNow.Add(-2100*time.Millisecond)
			s.MySQL = MySQL{Error: "deadline", Hangs: true}
		}), "deadline", "deadline", "deadline"},
		{"slow primary whose lease ends", member(Primary, func(s *Snapshot) {
			s.Claims, s.Claim, s.Claimed, s.Confirmed = true, s.MySQL, testNow.Add(-time.Second), testNow.Add(-3100*time.Millisecond)
			s.MySQL = MySQL{Error: "deadline", Hangs: true}
		}), "for 3.1 s", "deadline", "deadline"},
		{"a primary from before a sleep", member(Primary, func(s *Snapshot) {
			s.Claims, s.Claim, s.Claimed, s.Probed = true, s.MySQL, testNow, time.Time{}
		}), "not asked", "not asked", "not asked"},
		{"MySQL down", member(Primary, func(s *Snapshot) { s.MySQL = MySQL{Error: "refused"} }), "refused", "refused", "refused"},
		{"read-only primary", member(Primary, func(s *Snapshot) { s.MySQL.SuperReadOnly = true }), "read-only", "PRIMARY", ""},
		{"offline mode", member(Primary, func(s *Snapshot) { s.MySQL.OfflineMode = true }), "offline mode", "offline mode", "offline mode"},
		{"recovering", member(Secondary, func(s *Snapshot) { s.MySQL.State, s.Message = Recovering, "catching up" }), "RECOVERING: catching up", "RECOVERING", "RECOVERING"},
		{"minority", member(Primary, func(s *Snapshot) { s.MySQL.Members[1].State, s.MySQL.Members[2].State = Unreachable, Unreachable }), "out of reach", "out of reach", "out of reach"},
		{"two of three", member(Primary, func(s *Snapshot) { s.MySQL.Members[1].State = Unreachable }), "", "PRIMARY", ""},
		{"confirmed long ago", member(Primary, func(s *Snapshot) { s.Confirmed = testNow.Add(-3100 * time.Millisecond) }), "for 3.1 s", "PRIMARY", ""},
		{"never confirmed", member(Primary, func(s *Snapshot) { s.Confirmed = time.Time{} }), "no majority has confirmed this primary: ", "PRIMARY", ""},
		{"a little behind", member(Secondary, func(s *Snapshot) { s.MySQL.Queue, s.MySQL.Applying = 100, 4.9 }), "SECONDARY", "", ""},
		{"far behind", member(Secondary, func(s *Snapshot) { s.MySQL.Queue, s.MySQL.Applying = 100, 5.1 }), "SECONDARY", "5.1 s and 100 transactions behind", ""},
		{"applier stands still", member(Secondary, func(s *Snapshot) { s.Stalled = testNow.Add(-6 * time.Second) }), "SECONDARY", "6.0 s", ""},
	} {
		for check, pair := range map[string][2]string{
			"primary":  {c.snapshot.primary(testNow), c.primary},
			"replica":  {c.snapshot.replica(testNow), c.replica},
			"readable": {c.snapshot.readable(testNow), c.readable},
		} {
			if got, want := pair[0], pair[1]; (got == "") != (want == "") || !strings.Contains(got, want) || strings.Contains(got, "\n") {
				t.Errorf("%s: /%s says %q, want %q", c.name, check, got, want)
			}
		}
	}
}

func TestStuck(t *testing.T) {
	for _, c := range []struct {
		name  string
		mysql MySQL
		want  bool
	}{
		{"idle", MySQL{}, false},
		{"idle, but the counter does not know", MySQL{Queue: 3, Received: gtids("1-9"), Executed: gtids("1-9")}, false},
		{"applying", MySQL{Queue: 3, Applying: 0.1, Received: gtids("1-9")}, false},
		{"standing still", MySQL{Queue: 3, Received: gtids("1-9"), Executed: gtids("1-8")}, true},
	} {
		if got := c.mysql.stuck(); got != c.want {
			t.Errorf("%s: stuck = %t, want %t", c.name, got, c.want)
		}
	}
}

func TestHTTPAnswers(t *testing.T) {
	g := &guard{}
	now := time.Now()
	g.snapshot.Store(&Snapshot{Server: "db2", Probed: now, Record: Record{Epoch: 4}, MySQL: MySQL{
		Reachable: true, State: Online, Role: Secondary, Version: "9.7.4", ViewID: "7:3", Queue: 5,
		Members: []Member{{Server: "db1", State: Online, Role: Primary}, {Server: "db2", State: Online, Role: Secondary}, {Server: "10.9.9.9", State: Unreachable, Role: Secondary}},
	}})
	get := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		g.checks().ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{"GET", "/primary", 503}, {"GET", "/replica", 200}, {"HEAD", "/replica", 200}, {"GET", "/readable", 200}, {"GET", "/health", 200},
		{"GET", "/metrics", 200}, {"POST", "/primary", 405}, {"GET", "/grant", 404}, {"POST", "/leave", 404},
	} {
		if got := get(c.method, c.path); got.Code != c.code {
			t.Errorf("%s %s: %d %q, want %d", c.method, c.path, got.Code, got.Body, c.code)
		}
	}
	metrics := get("GET", "/metrics")
	if kind := metrics.Header().Get("Content-Type"); kind != "text/plain; version=0.0.4" {
		t.Errorf("/metrics is of type %q", kind)
	}
	checkExposition(t, metrics.Body.String())
	for _, part := range []string{`"doing":null`, `"actions":[]`, `"history":[]`, `"aside":[]`} {
		if body := get("GET", "/status").Body.String(); !strings.Contains(body, part) {
			t.Errorf("/status without %s: %s", part, body)
		}
	}
	if body := get("GET", "/primary").Body.String(); body != "member is SECONDARY; the primary is db1\n" {
		t.Errorf("/primary says %q", body)
	}
	var st Status
	if err := json.Unmarshal(get("GET", "/status").Body.Bytes(), &st); err != nil {
		t.Fatal(err)
	}
	if st.State != Online || st.Primary != "db1" || st.LagTransactions != 5 || st.View != "7:3" || len(st.Members) != 3 || st.MySQLVersion != "9.7.4" {
		t.Errorf("/status = %+v", st)
	}
	if got := st.Members[2]; got != (StatusMember{"10.9.9.9", Unreachable, Secondary}) {
		t.Errorf("a member that is no voter is shown as %+v", got)
	}

	g.snapshot.Store(&Snapshot{Server: "db2", Probed: now.Add(-time.Minute), MySQL: MySQL{Reachable: true, State: Online}})
	if err := json.Unmarshal(get("GET", "/status").Body.Bytes(), &st); err != nil || st.State != Unreachable {
		t.Errorf("/status of an old probe = %+v, %v", st, err)
	}
	if a := g.snapshot.Load().answer(now); a.MySQL.Reachable {
		t.Error("another guard is told of an old probe as if it were new")
	}
	if get("GET", "/status").Code != http.StatusOK {
		t.Error("/status is not 200 while MySQL is down")
	}
}

func TestSwitchTarget(t *testing.T) {
	my := MySQL{State: Online, Members: []Member{
		{Server: "db1", UUID: uuidA, State: Online, Role: Primary}, {Server: "db2", UUID: uuidB, State: Online, Role: Secondary},
		{Server: "db3", State: Recovering, Role: Secondary}, {Server: "db4", State: Online, Role: Secondary, Queue: 101},
	}}
	for to, want := range map[string]string{"db1": "", "db2": uuidB, "db3": "is RECOVERING", "db4": "101 transactions", "db9": "not a member"} {
		got, err := switchTarget(my, to)
		if (err == nil && got != want) || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("switchTarget(%s) = %q, %v, want %q", to, got, err, want)
		}
	}
	if _, err := switchTarget(MySQL{State: Offline}, "db2"); err == nil {
		t.Error("a member outside the group offers to switch")
	}
}
