package guard

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const lostGroup = "dddddddd-0000-4000-8000-00000000000d"

// recoveredWorld is the configuration after db3 was given up: db1 forms worldGroup,
// with db2's word, in place of lostGroup.
func recoveredWorld(change func(*Recovered)) *Recovered {
	r := &Recovered{Replaces: []string{lostGroup}, Initial: "db1", Voters: []string{"db1", "db2"}, GTIDs: lostGroup + ":1-10"}
	if change != nil {
		change(r)
	}
	return r
}

func TestValidateRecovered(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Recovered)
		says   string // "" when it is fine
	}{
		{"as it should be", nil, ""},
		{"replaces nothing", func(r *Recovered) { r.Replaces = nil }, "replaces names no group"},
		{"replaces itself", func(r *Recovered) { r.Replaces = []string{worldGroup} }, "cannot replace group"},
		{"replaces no UUID", func(r *Recovered) { r.Replaces = []string{"../x"} }, "cannot replace group"},
		{"chosen one had no say", func(r *Recovered) { r.Initial = "db3" }, `initial "db3" is not one of the voters`},
		{"no set", func(r *Recovered) { r.GivenUp = "all" }, "recovered: "},
	} {
		err := errors.Join(recoveredWorld(c.change).validate(worldGroup)...)
		if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

func TestAdopt(t *testing.T) {
	cfg := testConfig("db1")
	cfg.Recovered = recoveredWorld(nil)
	old := inView(4, "77:3", "db2", "db1", "db2", "db3")
	old.Group, old.Cloning, old.Granted = lostGroup, true, Grant{Epoch: 5, To: "db2"}
	write := func(t *testing.T, dir string, r Record) {
		s := &store{dir: dir}
		if err := s.save(r); err != nil {
			t.Fatal(err)
		}
	}
	open := func(t *testing.T, dir string) *store {
		s, err := openStore(dir, worldGroup)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.adopt(cfg, testNow); err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("a record of the lost group is kept beside a new one", func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, old)
		want := Record{Group: worldGroup, Replaces: []string{lostGroup}, Cloning: true}
		if diff := cmp.Diff(want, open(t, dir).record); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
		again, err := openStore(dir, worldGroup)
		if diff := cmp.Diff(want, again.record); err != nil || diff != "" {
			t.Errorf("record on disk (-want +got), %v:\n%s", err, diff)
		}
		data, err := os.ReadFile(filepath.Join(dir, "record-"+lostGroup+"-20231114T221320Z.json"))
		if err != nil {
			t.Fatal(err)
		}
		var kept Record
		if err := json.Unmarshal(data, &kept); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(old, kept); diff != "" {
			t.Errorf("kept record (-want +got):\n%s", diff)
		}
	})
	t.Run("a record of this group goes on", func(t *testing.T) {
		dir, mine := t.TempDir(), inView(1, "88:2", "db1", "db1", "db2")
		mine.Group = worldGroup
		write(t, dir, mine)
		mine.Replaces = []string{lostGroup}
		if diff := cmp.Diff(mine, open(t, dir).record); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
	})
	t.Run("a record of any other group is not touched", func(t *testing.T) {
		dir, other := t.TempDir(), old
		other.Group = "eeeeeeee-0000-4000-8000-00000000000e"
		write(t, dir, other)
		if diff := cmp.Diff(other, open(t, dir).record); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
			t.Errorf("files %v, want the record only", files)
		}
	})
}

// TestDecideRecovered is the first forming of the group that replaces a lost one, as
// db1 decides it, and db2 where says so.
func TestDecideRecovered(t *testing.T) {
	has := func(numbers string) server {
		return server{executed: lostGroup + ":" + numbers, change: func(a *Answer) { a.Record.Replaces = []string{lostGroup} }}
	}
	old := func(numbers string, state string) server {
		return server{executed: lostGroup + ":" + numbers, state: state, view: "77:4", members: online("db3"), change: func(a *Answer) {
			a.Record, a.MySQL.Group = inView(4, "77:4", "db3", "db3"), lostGroup
			a.Record.Group = lostGroup
		}}
	}
	for _, c := range []struct {
		name    string
		servers map[string]server
		policy  func(*Recovered)
		as      string
		want    Kind
		says    string
	}{
		{"the lost one is silent", map[string]server{"db1": has("1-10"), "db2": has("1-10")}, nil, "db1", Bootstrap, "replaces the lost one"},
		{"the other waits", map[string]server{"db1": has("1-10"), "db2": has("1-10")}, nil, "db2", Wait, "waits until db1 forms"},
		{"the other is not converted yet", map[string]server{"db1": has("1-10"), "db2": old("1-10", Offline)}, nil, "db1", Wait, "misses db2"},
		{"the lost one comes back with its old name", map[string]server{"db1": has("1-10"), "db2": has("1-10"), "db3": old("1-12", Offline)}, nil, "db1", Bootstrap, ""},
		{"the lost one serves as its old group", map[string]server{"db1": has("1-10"), "db2": has("1-10"), "db3": old("1-12", Online)}, nil, "db1", Wait, "db3 was given up as lost and its MySQL is in a group"},
		{"the lost one comes back with the new name", map[string]server{"db1": has("1-10"), "db2": has("1-10"), "db3": has("1-12")}, nil, "db1", Bootstrap, ""},
		{"and has no say", map[string]server{"db1": has("1-10"), "db2": has("1-10"), "db3": has("1-12")}, nil, "db3", Wait, "was given up as lost"},
		{"more than what was given up", map[string]server{"db1": has("1-10"), "db2": has("1-12")}, nil, "db1", Wait, "not given up"},
		{"exactly what was given up", map[string]server{"db1": has("1-10"), "db2": has("1-12")}, func(r *Recovered) { r.GivenUp = lostGroup + ":11-12" }, "db1", Bootstrap, ""},
		{"a new disk since", map[string]server{"db1": {}, "db2": has("1-10")}, nil, "db1", Wait, "db1 lacks transactions that it had"},
		{"alone", map[string]server{"db1": has("1-10")}, func(r *Recovered) { r.Voters = []string{"db1"} }, "db1", Bootstrap, ""},
		{"alone on a new disk", map[string]server{"db1": {}}, func(r *Recovered) { r.Voters = []string{"db1"} }, "db1", Wait, "lacks transactions"},
		{"a backlog first", map[string]server{"db1": {executed: lostGroup + ":1-9", received: lostGroup + ":1-10"}, "db2": has("1-10")}, nil, "db1", ApplyBacklog, ""},
		{"formed already, all stopped: all of its last view again", map[string]server{
			"db1": {executed: lostGroup + ":1-10," + gtids("1-5"), record: inView(1, "88:2", "db1", "db1", "db2")}}, nil, "db1", Wait, "misses db2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := viewFrom(c.as, c.servers)
			p := worldPolicy(c.as)
			p.Recovered = recoveredWorld(c.policy)
			a := Decide(v, p, testNow)
			if a.Kind != c.want || !strings.Contains(a.Reason, c.says) {
				t.Errorf("%s: %q, want %s: %q", a.Kind, a.Reason, c.want, c.says)
			}
			if a.Kind == Bootstrap {
				if diff := cmp.Diff(p.Recovered.Voters, a.Voters); diff != "" || a.Newest.Group != worldGroup {
					t.Errorf("it asks (-want +got), about group %s:\n%s", a.Newest.Group, diff)
				}
			}
		})
	}
}

// viewFrom is viewOf for any of the servers.
func viewFrom(name string, servers map[string]server) View {
	me := servers[name].answer(name)
	v := View{MySQL: me.MySQL, Record: me.Record, Peers: map[string]Peer{}}
	for other, s := range servers {
		if other != name {
			v.Peers[other] = Peer{Asked: testNow.Add(-300 * time.Millisecond), Answer: s.answer(other)}
		}
	}
	return v
}

func TestPromiseRecovered(t *testing.T) {
	mine := server{executed: lostGroup + ":1-12"}.answer("db2")
	for _, c := range []struct {
		name      string
		candidate string
		change    func(r *Record, my *MySQL, rec *Recovered)
		refused   string
	}{
		{"given up", "db1", func(_ *Record, _ *MySQL, rec *Recovered) { rec.GivenUp = lostGroup + ":11-12" }, ""},
		{"not given up", "db1", func(*Record, *MySQL, *Recovered) {}, "db1 lacks transactions"},
		{"another candidate", "db3", func(_ *Record, _ *MySQL, rec *Recovered) { rec.GivenUp = lostGroup + ":11-12" }, "only db1 may form"},
		{"once the group was formed, nothing is given up any more", "db1", func(r *Record, _ *MySQL, rec *Recovered) {
			rec.GivenUp = lostGroup + ":11-12"
			r.EverMember = true
		}, "db1 lacks transactions"},
		{"nor after its record was lost", "db1", func(_ *Record, my *MySQL, rec *Recovered) {
			rec.GivenUp = lostGroup + ":11-12," + gtids("1")
			my.Executed += "," + gtids("1")
		}, "db1 lacks transactions"},
	} {
		p := worldPolicy("db2")
		p.Recovered = recoveredWorld(nil)
		r, my := mine.Record, mine.MySQL
		c.change(&r, &my, p.Recovered)
		q := GrantRequest{Epoch: 1, Candidate: c.candidate, Newest: Record{Group: worldGroup}, GTIDs: lostGroup + ":1-10"}
		got, err := Promise(q, r, my, p)
		if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v, want %q", c.name, err, c.refused)
		}
		if err == nil && got.Granted != (Grant{Epoch: 1, To: "db1"}) {
			t.Errorf("%s: promised %+v", c.name, got.Granted)
		}
	}
}

// TestReplaced is a lost server that comes back as a member of its old group.
func TestReplaced(t *testing.T) {
	pair := inView(4, "77:4", "db1", "db1", "db2")
	back := func(state string) server {
		return server{state: state, role: Primary, view: "77:4", members: online("db1", "db2"), executed: gtids("1-10"), record: pair}
	}
	successor := func(epoch uint64) server {
		return server{executed: gtids("1-9"), change: func(a *Answer) {
			a.Record = Record{Group: lostGroup, Replaces: []string{worldGroup}, Epoch: epoch}
			a.MySQL.Group = lostGroup
		}}
	}
	for _, c := range []struct {
		name    string
		servers map[string]server
		want    Kind
		says    string
	}{
		{"its whole last view is back, and would form it", map[string]server{"db1": back(Offline), "db2": back(Offline)}, Bootstrap, ""},
		{"not once a voter tells that it was replaced", map[string]server{"db1": back(Offline), "db2": back(Offline), "db3": successor(0)}, Wait, "given up and group " + lostGroup},
		{"nor joined", map[string]server{"db1": back(Offline), "db2": back(Online), "db3": successor(1)}, Wait, "given up"},
		{"alive, the new one is not formed: it goes on", map[string]server{"db1": back(Online), "db2": back(Online), "db3": successor(0)}, Wait, ""},
		{"alive, the new one is formed: it leaves", map[string]server{"db1": back(Online), "db2": back(Online), "db3": successor(1)}, Stop, "given up"},
	} {
		v := viewOf(c.servers)
		v.Record = Observe(v.Record, v.MySQL, v.Peers, worldPolicy("db1"))
		a := Decide(v, worldPolicy("db1"), testNow)
		if a.Kind != c.want || !strings.Contains(a.Reason, c.says) {
			t.Errorf("%s: %s: %q, want %s: %q", c.name, a.Kind, a.Reason, c.want, c.says)
		}
	}
	t.Run("told once, it knows for good, tells others, and promises nothing", func(t *testing.T) {
		v := viewOf(map[string]server{"db1": back(Offline), "db3": successor(0)})
		mine := Observe(v.Record, MySQL{}, v.Peers, worldPolicy("db1"))
		if mine.ReplacedBy != lostGroup || sameRecord(mine, v.Record) {
			t.Errorf("replaced by %q, and it would not be saved: %t", mine.ReplacedBy, sameRecord(mine, v.Record))
		}
		heard := map[string]Peer{"db1": {Answer: Answer{Record: mine}}}
		if theirs := heardReplaced(Record{Group: worldGroup}, heard); theirs.ReplacedBy != lostGroup {
			t.Errorf("the other hears %q", theirs.ReplacedBy)
		}
		if theirs := heardReplaced(Record{Group: lostGroup}, heard); theirs.ReplacedBy != "" {
			t.Errorf("the group that took its place is replaced by %q", theirs.ReplacedBy)
		}
		q := GrantRequest{Epoch: 9, Candidate: "db2", Newest: mine, GTIDs: gtids("1-10")}
		if _, err := Promise(q, mine, v.MySQL, worldPolicy("db1")); err == nil || !strings.Contains(err.Error(), "was given up") {
			t.Errorf("promise: %v", err)
		}
	})
}

// A lost server with the new name that has what the new group lacks is diverged:
// what is done with such a member, its data set aside, is decided there.
func TestReturnedIsDiverged(t *testing.T) {
	alive := server{state: Online, role: Primary, view: "88:2", members: online("db2", "db3"), executed: lostGroup + ":1-10," + gtids("1-5"), record: inView(1, "88:2", "db2", "db2", "db3")}
	v := viewOf(map[string]server{"db1": {executed: lostGroup + ":1-12"}, "db2": alive})
	p := worldPolicy("db1")
	p.Recovered = recoveredWorld(func(r *Recovered) { r.Initial, r.Voters = "db2", []string{"db2", "db3"} })
	s, err := readSets(v, p, testNow)
	if err != nil {
		t.Fatal(err)
	}
	a := s.join()
	if a == nil || a.Kind == Join || a.Kind == Bootstrap || !strings.Contains(a.Reason, lostGroup+":11-12") {
		t.Errorf("decides %+v, want its transactions 11-12 in the way of joining", a)
	}
}

// startRecovered starts a guard whose record is about the lost group with the
// configuration of the one that replaces it.
func (c *cluster) startRecovered(name string, r *Recovered) {
	dir := filepath.Join(c.dirs, name)
	old := inView(4, "77:3", "db1", "db1", "db2", "db3")
	old.Group = lostGroup
	if err := os.MkdirAll(dir, 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := (&store{dir: dir}).save(old); err != nil {
		c.t.Fatal(err)
	}
	cfg := testConfig(name)
	cfg.Recovered = r
	store, err := openStore(dir, cfg.GroupName)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := store.adopt(cfg, testNow); err != nil {
		c.t.Fatal(err)
	}
	c.startWith(cfg, store)
}

func (c *cluster) startWith(cfg Config, store *store) {
	name := cfg.Server
	g := newGuard(cfg, store, promise{}, Turn{}, &fakeDB{world: c.world, name: name, calls: c.calls}, network{c, name}, func(string) error { return nil }, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(c.t.Context())
	c.world.mu.Lock()
	c.guards[name], c.cancel[name], c.done[name] = g, cancel, make(chan struct{})
	c.world.mu.Unlock()
	done := c.done[name]
	go func() { g.run(ctx); close(done) }()
}

// TestGuardsRecover runs the guards after db3 was given up: db1 and db2 serve again
// without it, and when it comes back, what only it had never enters the group.
func TestGuardsRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{t: t, world: newWorld(), guards: map[string]*guard{}, calls: &callLog{}, told: &callLog{},
			cancel: map[string]context.CancelFunc{}, done: map[string]chan struct{}{}, dirs: t.TempDir()}
		c.with(func(w *world) {
			for name, numbers := range map[string]string{"db1": "1-10", "db2": "1-9", "db3": "1-12"} {
				set, err := ParseGTIDSet(lostGroup + ":" + numbers)
				if err != nil {
					t.Fatal(err)
				}
				w.nodes[name].executed = set
			}
			w.boot("db1")
			w.boot("db2")
		})
		c.startRecovered("db1", recoveredWorld(nil))
		time.Sleep(5 * time.Second)
		if got := c.calls.count("form"); got != 0 {
			t.Fatalf("db1 formed the group without db2's word: %v", c.calls.lines)
		}
		c.startRecovered("db2", recoveredWorld(nil))
		time.Sleep(hearOthers + 15*time.Second) // db3 is silent
		for _, name := range []string{"db1", "db2"} {
			s := c.guard(name).snapshot.Load()
			if s.MySQL.State != Online || s.Record.Epoch != 1 || s.Record.Group != worldGroup || len(s.Record.Replaces) != 1 {
				t.Errorf("%s is %s, %q, with the record %+v; calls %v", name, s.MySQL.State, s.Message, s.Record, c.calls.lines)
			}
		}
		c.with(func(w *world) { w.breaches = nil; w.boot("db3") }) // the model does not know that db3 was given up
		c.startRecovered("db3", recoveredWorld(nil))
		time.Sleep(30 * time.Second)
		c.with(func(w *world) {
			only, _ := ParseGTIDSet(lostGroup + ":11-12")
			if len(w.breaches) != 0 || !w.nodes["db1"].executed.Subtract(only).Equal(w.nodes["db1"].executed) {
				t.Errorf("breaches %v; db1 has %s", w.breaches, w.nodes["db1"].executed)
			}
			if w.formings != 1 {
				t.Errorf("the group was formed %d times", w.formings)
			}
		})
		for name := range c.guards {
			c.stopGuard(name)
		}
	})
}

// TestReturnsFirst switches all on again after db3 was given up, db3 first and with
// the record and the name of its old group, whose last member it was. It does not
// form that group before the others are there and tell it.
func TestReturnsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{t: t, world: newWorld(), guards: map[string]*guard{}, calls: &callLog{}, told: &callLog{},
			cancel: map[string]context.CancelFunc{}, done: map[string]chan struct{}{}, dirs: t.TempDir()}
		alone := inView(4, "77:5", "db3", "db3")
		alone.Group = worldGroup
		if err := os.MkdirAll(filepath.Join(c.dirs, "db3"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := (&store{dir: filepath.Join(c.dirs, "db3")}).save(alone); err != nil {
			t.Fatal(err)
		}
		c.with(func(w *world) { w.boot("db3") })
		c.startGuard("db3")
		time.Sleep(15 * time.Second)
		// The others know of another group by now; only their guards matter here.
		for _, name := range []string{"db1", "db2"} {
			c.startReplaced(name)
		}
		time.Sleep(time.Minute)
		s := c.guard("db3").snapshot.Load()
		if c.calls.count("form") != 0 || s.Record.ReplacedBy != lostGroup || s.primary(time.Now()) == "" || !strings.Contains(s.Message, "given up") {
			t.Errorf("db3 did %v and says %q, with the record %+v", c.calls.lines, s.Message, s.Record)
		}
		for name := range c.guards {
			c.stopGuard(name)
		}
	})
}

// startReplaced starts the guard of a server whose group took worldGroup's place; its
// MySQL is down.
func (c *cluster) startReplaced(name string) {
	cfg := testConfig(name)
	cfg.GroupName, cfg.Recovered = lostGroup, &Recovered{Replaces: []string{worldGroup}, Initial: "db1", Voters: []string{"db1", "db2"}}
	store := &store{dir: filepath.Join(c.dirs, name), record: Record{Group: worldGroup}}
	if err := os.MkdirAll(store.dir, 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := store.adopt(cfg, testNow); err != nil {
		c.t.Fatal(err)
	}
	c.startWith(cfg, store)
}
