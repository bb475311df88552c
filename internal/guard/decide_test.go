package guard

import (
	"strings"
	"testing"
	"time"
)

var testNow = time.Unix(1_700_000_000, 0)

// server is a shorthand for what one voter shows.
type server struct {
	state, role, view string
	members           []Member
	executed          string
	received          string
	purged            string
	record            Record
	change            func(a *Answer)
}

func (s server) answer(name string) Answer {
	a := Answer{Server: name, Record: s.record, MySQL: MySQL{
		Reachable: true, UUID: uuidOf(name), Group: worldGroup, State: s.state, Role: s.role, ViewID: s.view, Members: s.members,
		SuperReadOnly: true, Executed: s.executed, Received: s.received, Purged: s.purged,
	}}
	if a.MySQL.State == "" {
		a.MySQL.State = Offline
	}
	a.Record.Group = worldGroup
	if s.change != nil {
		s.change(&a)
	}
	return a
}

func online(names ...string) (members []Member) {
	for _, name := range names {
		members = append(members, Member{Server: name, UUID: uuidOf(name), State: Online})
	}
	return members
}

func gtids(numbers string) string { return worldGroup + ":" + numbers }

func inView(epoch uint64, view, primary string, members ...string) Record {
	return Record{Epoch: epoch, ViewID: view, Primary: primary, Members: members, EverMember: true}
}

// filled is the record of a member that had transactions.
func filled(r Record) Record {
	r.Filled = true
	return r
}

// joining is a record that another server was about to join.
func joining(r Record, name string) Record { return announced(r, name) }

func pairOf(epoch uint64, view string) Record { return inView(epoch, view, "db1", "db1", "db2") }

// view makes db1's view of three servers; a missing one does not answer.
func viewOf(servers map[string]server) View {
	me := servers["db1"].answer("db1")
	v := View{MySQL: me.MySQL, Record: me.Record, Held: me.Held, Peers: map[string]Peer{}}
	for name, s := range servers {
		if name != "db1" {
			v.Peers[name] = Peer{Asked: testNow.Add(-300 * time.Millisecond), Answer: s.answer(name)}
		}
	}
	return v
}

func TestDecide(t *testing.T) {
	three := inView(4, "77:3", "db2", "db1", "db2", "db3")
	pair := inView(4, "77:4", "db2", "db2", "db3")
	alive := func(change func(*Answer)) server {
		return server{state: Online, role: Primary, view: "77:4", members: online("db2", "db3"), executed: gtids("1-10"), record: pair, change: change}
	}
	second := server{state: Online, role: Secondary, view: "77:4", members: online("db2", "db3"), executed: gtids("1-10"), record: pair}
	for _, c := range []struct {
		name    string
		servers map[string]server
		change  func(v *View)
		want    Kind
		says    string
	}{
		{"MySQL down", map[string]server{"db1": {}}, func(v *View) { v.MySQL = MySQL{Error: "refused"} }, Wait, "does not answer: refused"},
		{"MySQL of another group", map[string]server{"db1": {}}, func(v *View) { v.MySQL.Group = "other" }, Wait, "configured for group"},
		{"record of another group", map[string]server{"db1": {}}, func(v *View) { v.Record.Group = "other" }, Wait, "record is about group"},
		{"interrupted forming", map[string]server{"db1": {}}, func(v *View) { v.MySQL.Bootstrapping = true }, EndBootstrap, ""},
		{"online", map[string]server{"db1": {state: Online, members: online("db1", "db2", "db3")}}, nil, Wait, ""},
		{"online in a minority", map[string]server{"db1": {state: Online, members: []Member{{State: Online}, {State: Unreachable}}}}, nil, Wait, "without a majority"},
		{"recovering", map[string]server{"db1": {state: Recovering}, "db2": alive(nil)}, nil, Wait, "catching up"},
		{"error", map[string]server{"db1": {state: Failed}}, nil, Stop, ""},
		{"held", map[string]server{"db1": {}, "db2": alive(nil), "db3": second}, func(v *View) { v.Held = true }, Wait, "told to stay out"},
		{"error while held", map[string]server{"db1": {state: Failed}}, func(v *View) { v.Held = true }, Wait, "told to stay out"},
		{"former member is writable", map[string]server{"db1": {record: three}}, func(v *View) { v.MySQL.SuperReadOnly = false }, Fence, ""},
		{"newcomer is writable", map[string]server{"db1": {}}, func(v *View) { v.MySQL.SuperReadOnly = false }, Wait, "misses db2"},

		{"joins", map[string]server{"db1": {executed: gtids("1-7"), record: three}, "db2": alive(nil), "db3": second}, nil, Join, "db2"},
		{"joins when new", map[string]server{"db1": {}, "db2": alive(nil), "db3": second}, nil, Join, ""},
		{"joins though one voter is away", map[string]server{"db1": {}, "db2": alive(nil)}, nil, Join, ""},
		{"backed off", map[string]server{"db1": {}, "db2": alive(nil)}, func(v *View) {
			v.Attempt = Attempt{Failures: 2, Next: testNow.Add(time.Second), Error: "no luck"}
		}, Wait, "no luck"},
		{"backed off long enough", map[string]server{"db1": {}, "db2": alive(nil)}, func(v *View) {
			v.Attempt = Attempt{Failures: 2, Next: testNow}
		}, Join, ""},
		{"old incarnation", map[string]server{"db1": {record: three}, "db2": {state: Online, view: "77:3", record: three, executed: gtids("1-9"),
			members: append(online("db2", "db3"), Member{Server: "db1", State: Unreachable})}}, nil, Wait, "expelled"},
		{"diverged", map[string]server{"db1": {executed: gtids("1-11"), record: three}, "db2": alive(nil), "db3": second}, nil, SetAside, gtids("11")},
		{"not diverged, as a member has it that is still catching up", map[string]server{"db1": {executed: gtids("1-11"), record: three}, "db2": alive(nil),
			"db3": {state: Recovering, role: Secondary, view: "77:4", members: online("db2", "db3"), executed: gtids("1-8"), received: gtids("9-11"), record: pair}}, nil, Join, ""},
		{"diverged by what it received", map[string]server{"db1": {received: gtids("12"), record: three}, "db2": alive(nil)}, nil, SetAside, "diverged"},
		{"set aside already", map[string]server{"db1": {executed: gtids("1-11"), record: Record{Cloning: true}}, "db2": alive(nil), "db3": second}, nil, Clone, "clones db3"},
		{"no complete donor", map[string]server{"db1": {record: Record{Cloning: true}}, "db2": alive(func(a *Answer) { a.Record.Cloning = true })}, nil, Wait, "no member has a complete copy"},
		{"ahead of one, not of all", map[string]server{"db1": {executed: gtids("1-10"), record: three},
			"db2": alive(func(a *Answer) { a.MySQL.Executed = gtids("1-9") }), "db3": second}, nil, Join, ""},
		{"purged on one", map[string]server{"db1": {executed: gtids("1-2")}, "db2": alive(func(a *Answer) { a.MySQL.Purged = gtids("1-5") }), "db3": second}, nil, Join, "db3"},
		{"purged on all", map[string]server{"db1": {executed: gtids("1-2")}, "db2": alive(func(a *Answer) { a.MySQL.Purged = gtids("1-5") }),
			"db3": {state: Online, role: Secondary, view: "77:4", members: online("db2", "db3"), executed: gtids("1-10"), purged: gtids("1-3"), record: pair}}, nil, Clone, "clones db3"},
		{"clone did not complete", map[string]server{"db1": {record: Record{Cloning: true}}, "db2": alive(nil)}, nil, Clone, "did not complete"},
		{"its data is gone", map[string]server{"db1": {record: filled(three)}, "db2": alive(nil), "db3": second}, nil, Clone, "the data of this member is gone; clones db3"},
		{"group without a majority", map[string]server{"db1": {record: three}, "db2": alive(func(a *Answer) { a.MySQL.Members[1].State = Unreachable })}, nil, Wait, "without a majority"},
		{"group being formed", map[string]server{"db1": {}, "db2": alive(func(a *Answer) { a.Record = Record{Group: worldGroup} })}, nil, Wait, "recorded its view"},
		{"two groups", map[string]server{"db1": {}, "db2": alive(nil), "db3": {state: Online, view: "88:1", members: online("db3"),
			record: inView(5, "88:1", "db3", "db3")}}, nil, Wait, "two different groups"},

		{"first forming", map[string]server{"db1": {}, "db2": {}, "db3": {}}, nil, Bootstrap, ""},
		{"first forming misses one", map[string]server{"db1": {}, "db2": {}}, nil, Wait, "misses db3 (its guard does not answer)"},
		{"first forming, MySQL of one is down", map[string]server{"db1": {}, "db2": {}, "db3": {change: func(a *Answer) { a.MySQL = MySQL{} }}}, nil, Wait, "db3 (its MySQL does not answer)"},
		{"first forming, foreign data elsewhere", map[string]server{"db1": {}, "db2": {executed: uuidA + ":1-3"}, "db3": {}}, nil, Wait, "db1 lacks " + uuidA + ":1-3"},
		{"first forming with own data", map[string]server{"db1": {executed: uuidA + ":1-3"}, "db2": {}, "db3": {}}, nil, Bootstrap, ""},
		{"records lost, data of the group elsewhere", map[string]server{"db1": {}, "db2": {executed: gtids("1-3")}, "db3": {}}, nil, Wait, "until db2 forms"},

		{"forms again with the most", map[string]server{"db1": {executed: gtids("1-9"), record: three}, "db2": {executed: gtids("1-8"), record: three}, "db3": {record: three}}, nil, Bootstrap, ""},
		{"another has more", map[string]server{"db1": {executed: gtids("1-9"), record: three}, "db2": {executed: gtids("1-8"), received: gtids("9-10"), record: three}, "db3": {record: three}}, nil, Wait, "until db2 forms"},
		{"equal: the last primary", map[string]server{"db1": {record: three}, "db2": {record: three}, "db3": {record: three}}, nil, Wait, "until db2 forms"},
		{"no superset", map[string]server{"db1": {executed: gtids("1-9:12"), record: three}, "db2": {executed: gtids("1-10"), record: three}, "db3": {record: three}}, nil, Wait, "db1 lacks " + gtids("10")},
		{"the data of one of the view is gone", map[string]server{"db1": {executed: gtids("1-9"), record: filled(three)}, "db2": {executed: gtids("1-9"), record: filled(three)}, "db3": {record: filled(three)}},
			nil, Wait, "misses db3 (its data is gone)"},
		{"the data of all is gone", map[string]server{"db1": {record: filled(three)}, "db2": {record: filled(three)}, "db3": {record: filled(three)}}, nil, Wait, "db1 (its data is gone)"},
		{"one of the view is away", map[string]server{"db1": {executed: gtids("1-9"), record: three}, "db2": {record: three}}, nil, Wait, "misses db3"},
		{"not in the newest view", map[string]server{"db1": {record: three}, "db2": {record: pair}, "db3": {record: pair}}, nil, Wait, "not in the newest view [db2 db3]"},
		{"who is not in the newest view is not needed", map[string]server{"db1": {record: inView(4, "77:4", "db1", "db1", "db2")}, "db2": {record: inView(4, "77:4", "db1", "db1", "db2")}}, nil, Bootstrap, ""},
		{"but what it has counts", map[string]server{"db1": {record: inView(4, "77:4", "db1", "db1", "db2")}, "db2": {record: inView(4, "77:4", "db1", "db1", "db2")},
			"db3": {executed: gtids("5"), record: three}}, nil, Wait, "db1 lacks " + gtids("5")},
		{"a later epoch beats a higher counter", map[string]server{"db1": {record: inView(3, "70:99", "db1", "db1")}, "db2": {record: pair}}, nil, Wait, "not in the newest view"},
		{"one is still leaving", map[string]server{"db1": {executed: gtids("1-9"), record: three}, "db2": {state: Failed, record: three}, "db3": {record: three}}, nil, Wait, "db2 is out of Group Replication"},
		{"one may be forming", map[string]server{"db1": {executed: gtids("1-9"), record: three}, "db2": {record: three, change: func(a *Answer) { a.MySQL.Bootstrapping = true }}, "db3": {record: three}}, nil, Wait, "while db2 forms"},
		{"the chosen one is held", map[string]server{"db1": {record: three}, "db2": {record: three, change: func(a *Answer) { a.Held = true }}, "db3": {record: three}}, nil, Wait, "db2 has to form"},
		{"the torso of a clone is not chosen", map[string]server{"db1": {record: three}, "db2": {record: three, change: func(a *Answer) { a.Record.Cloning = true }}, "db3": {record: three}}, nil, Bootstrap, ""},
		{"applies its backlog", map[string]server{"db1": {received: gtids("1-9"), record: three}, "db2": {record: three}, "db3": {record: three}}, nil, ApplyBacklog, ""},
		{"MySQL refuses the backlog", map[string]server{"db1": {received: gtids("1-9"), record: three}, "db2": {record: three}, "db3": {record: three}}, func(v *View) { v.BacklogRefused = true }, Bootstrap, ""},
		{"damaged set", map[string]server{"db1": {executed: "nonsense"}}, nil, Wait, "db1: gtid_executed"},
		{"one was about to join, and is away", map[string]server{"db1": {executed: gtids("1-9"), record: joining(inView(4, "77:4", "db1", "db1"), "db2")}}, nil, Wait, "misses db2"},
		{"one was about to join, and has no more", map[string]server{"db1": {executed: gtids("1-9"), record: joining(inView(4, "77:4", "db1", "db1"), "db2")}, "db2": {executed: gtids("1-9"), record: inView(4, "77:3", "db1", "db1", "db2")}},
			nil, Bootstrap, ""},
		{"one was about to join, and knows more", map[string]server{"db1": {executed: gtids("1-9"), record: joining(inView(4, "77:4", "db1", "db1"), "db2")}, "db2": {executed: gtids("1-10")}}, nil, Wait, "until db2 forms"},
		{"one was about to join an earlier group", map[string]server{"db1": {record: pairOf(5, "88:1")}, "db2": {record: pairOf(5, "88:1")}, "db3": {record: joining(inView(4, "77:4", "db3", "db3"), "db9")}}, nil, Bootstrap, ""},
		{"a newer view is known only from a voter without MySQL", map[string]server{"db1": {record: inView(4, "77:2", "db1", "db1")}, "db2": {record: pair}},
			func(v *View) { p := v.Peers["db2"]; p.Answer.MySQL = MySQL{}; v.Peers["db2"] = p }, Wait, "was not in the newest view [db2 db3]"},
		{"stale answer", map[string]server{"db1": {}, "db2": alive(nil)}, func(v *View) {
			p := v.Peers["db2"]
			p.Asked = testNow.Add(-2 * time.Second)
			v.Peers["db2"] = p
		}, Wait, "was not in the newest view"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := viewOf(c.servers)
			if c.change != nil {
				c.change(&v)
			}
			got := Decide(v, worldPolicy("db1"), testNow)
			if got.Kind != c.want || !strings.Contains(got.Reason, c.says) {
				t.Errorf("Decide = %s (%s), want %s (… %s …)", got.Kind, got.Reason, c.want, c.says)
			}
		})
	}
}

func TestDecideAsksForTheNextEpoch(t *testing.T) {
	record := inView(4, "77:3", "db1", "db1", "db2", "db3")
	promised := record
	promised.Granted = Grant{Epoch: 7, To: "db3"}
	v := viewOf(map[string]server{"db1": {record: record}, "db2": {record: promised}, "db3": {record: record}})
	got := Decide(v, worldPolicy("db1"), testNow)
	if got.Kind != Bootstrap || got.Epoch != 8 || len(got.Voters) != 3 || got.Newest.ViewID != "77:3" {
		t.Errorf("Decide = %+v, want to form epoch 8 with three voters", got)
	}
}

func TestDecideForASingleServer(t *testing.T) {
	p := Policy{Server: "db1", Group: worldGroup, Initial: "db1", Voters: []string{"db1"}}
	for name, record := range map[string]Record{"first": {}, "again": inView(2, "5:1", "db1", "db1")} {
		v := viewOf(map[string]server{"db1": {executed: gtids("1-3"), record: record}})
		if got := Decide(v, p, testNow); got.Kind != Bootstrap {
			t.Errorf("%s: Decide = %+v, want %s", name, got, Bootstrap)
		}
	}
}

func TestNoTwoServersChooseThemselves(t *testing.T) {
	// db1 recorded the view while its primary was out of reach, db3 is that primary.
	without := inView(4, "77:3", "", "db1", "db3")
	claims := inView(4, "77:3", "db3", "db1", "db3")
	claims.Role = Primary
	v := viewOf(map[string]server{"db1": {record: without}, "db3": {record: claims}})
	if got := Decide(v, worldPolicy("db1"), testNow); got.Kind != Wait || !strings.Contains(got.Reason, "until db3") {
		t.Errorf("Decide = %+v, want db1 to wait for db3", got)
	}
}

func TestBackoff(t *testing.T) {
	want := []time.Duration{1, 1, 2, 4, 8, 15, 15}
	for failures, seconds := range want {
		if got := Backoff(failures); got != seconds*time.Second {
			t.Errorf("Backoff(%d) = %s, want %s", failures, got, seconds*time.Second)
		}
	}
}
