package guard

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPromiseRenewed(t *testing.T) {
	after := func(seconds float64) time.Time { return testNow.Add(time.Duration(seconds * float64(time.Second))) }
	given := promise{To: "db2", Given: testNow, Until: testNow.Add(promisedFor)}
	for _, c := range []struct {
		name string
		p    promise
		to   string
		now  time.Time
		want bool
	}{
		{"the first", promise{}, "db1", testNow, true},
		{"again to the same", given, "db2", after(1), true},
		{"to another too soon", given, "db1", after(3), false},
		{"to another afterwards", given, "db1", after(promisedFor.Seconds()), true},
		{"to somebody unknown before", promise{Until: after(1)}, "db1", testNow, false},
		{"to somebody unknown long before", promise{Until: after(1)}, "db1", after(1), true},
	} {
		want := c.p
		if c.want {
			want = promise{To: c.to, Given: c.now, Until: c.now.Add(promisedFor)}
		}
		if got, ok := c.p.renewed(c.to, c.now); ok != c.want || got != want {
			t.Errorf("%s: %+v, %t, want %+v, %t", c.name, got, ok, want, c.want)
		}
	}
}

// TestVote: what a guard answers to db1, which claims to be the primary.
func TestVote(t *testing.T) {
	sees := func(primary string, names ...string) *Snapshot {
		return &Snapshot{Server: "db3", Probed: testNow, MySQL: MySQL{Reachable: true, State: Online, Role: Secondary, ViewID: "7:3", Members: roles(primary, names...)}}
	}
	ours := func(change func(s *Snapshot)) *Snapshot {
		s := sees("db1", "db1", "db2", "db3")
		change(s)
		return s
	}
	held := func(b *ballot) { b.promise = promise{To: "db2", Given: testNow, Until: testNow.Add(promisedFor)} }
	for _, c := range []struct {
		name     string
		snapshot *Snapshot
		before   func(b *ballot)
		want     bool
	}{
		{"it is the primary", ours(func(*Snapshot) {}), func(*ballot) {}, true},
		{"another is", sees("db2", "db1", "db2", "db3"), func(*ballot) {}, false},
		{"nobody is", sees("", "db1", "db2", "db3"), func(*ballot) {}, false},
		{"it is suspected", ours(func(s *Snapshot) { s.MySQL.Members[0].State = Unreachable }), func(*ballot) {}, false},
		{"the own MySQL has no majority", ours(func(s *Snapshot) { s.MySQL.Members[1].State, s.MySQL.Members[2].State = Unreachable, Unreachable }), func(*ballot) {}, false},
		{"the own MySQL is out of the group", ours(func(s *Snapshot) { s.MySQL.State = Offline }), func(*ballot) {}, false},
		{"the own MySQL does not answer", ours(func(s *Snapshot) { s.MySQL.Reachable = false }), func(*ballot) {}, false},
		{"an old probe", ours(func(s *Snapshot) { s.Probed = testNow.Add(-fresh - time.Millisecond) }), func(*ballot) {}, false},
		{"another has the promise", ours(func(*Snapshot) {}), held, false},
		{"another had it, and claims nothing any more", ours(func(*Snapshot) {}), func(b *ballot) {
			held(b)
			b.heard("db2", Answer{}, testNow.Add(time.Millisecond))
		}, true},
		{"another had it, and claimed nothing before it got it", ours(func(*Snapshot) {}), func(b *ballot) {
			held(b)
			b.heard("db2", Answer{}, testNow.Add(-time.Millisecond))
		}, false},
		{"another has it, and claims", ours(func(*Snapshot) {}), func(b *ballot) {
			held(b)
			b.heard("db2", Answer{Claims: true}, testNow.Add(time.Millisecond))
		}, false},
		{"a third claims nothing", ours(func(*Snapshot) {}), func(b *ballot) {
			held(b)
			b.heard("db3", Answer{}, testNow.Add(time.Millisecond))
		}, false},
		{"it could not be remembered", ours(func(*Snapshot) {}), func(b *ballot) { b.keep = func(string) error { return errors.New("disk") } }, false},
		{"it is remembered already", ours(func(*Snapshot) {}), func(b *ballot) {
			b.promise, b.keep = promise{To: "db1"}, func(string) error { return errors.New("disk") }
		}, true},
	} {
		b := &ballot{renewed: promise.renewed, keep: func(string) error { return nil }}
		c.before(b)
		if got := b.vote("db1", c.snapshot, testNow); got != c.want || got != (b.promise.To == "db1" && b.promise.Until.Equal(testNow.Add(promisedFor))) {
			t.Errorf("%s: vote %t, promise %+v, want %t", c.name, got, b.promise, c.want)
		}
	}
}

func TestStand(t *testing.T) {
	p := Policy{Server: "db1", Voters: []string{"db1", "db2", "db3"}}
	view := func(claims bool) View {
		return View{Claims: claims, Claim: MySQL{Members: roles("db1", p.Voters...)}, Peers: map[string]Peer{"db2": {Asked: testNow, Answer: Answer{Promised: true}}}}
	}
	b := &ballot{renewed: promise.renewed, keep: func(string) error { return nil }}
	v := view(true)
	if v.stand(b, p, testNow); !v.Confirmed.Equal(testNow) || b.promise.To != "db1" {
		t.Errorf("claims: confirmed %s, promise %+v", v.Confirmed, b.promise)
	}
	later := testNow.Add(time.Second)
	v.Claims = false
	if v.stand(b, p, later); !v.Confirmed.IsZero() || later.Before(b.promise.Until) {
		t.Errorf("claims no more: confirmed %s, promise %+v", v.Confirmed, b.promise)
	}
	v.Claims = true
	if v.stand(b, p, later.Add(time.Millisecond)); !v.Confirmed.IsZero() {
		t.Error("claims again: what it was promised before it said that it does not claim counts")
	}
	b.promise = promise{To: "db2", Given: testNow, Until: testNow.Add(promisedFor)}
	v = view(true)
	if v.stand(b, p, testNow); !v.Confirmed.IsZero() {
		t.Error("counts its own word, which another has")
	}
}

func TestPromiseIsRecalled(t *testing.T) {
	soon := promise{Given: testNow, Until: testNow.Add(promisedFor)}
	to := func(name string) promise { p := soon; p.To = name; return p }
	over := func(up time.Duration) promise { p := soon; p.Until = p.Until.Add(-up); return p }
	for _, c := range []struct {
		name, kept, boot string
		up               time.Duration
		want             promise
	}{
		{"nothing is known", "", "b", time.Hour, soon},
		{"the guard was killed", "b db2\n", "b", time.Hour, to("db2")},
		{"the same, a longer name was there before", "b db2\n-of-long-name\n", "b", time.Hour, to("db2")},
		{"half a line", "b db", "b", time.Hour, soon},
		{"the machine was started anew", "a db2\n", "b", time.Second, over(time.Second)},
		{"and that long ago", "a db2\n", "b", time.Hour, over(time.Hour)},
		{"the kernel does not say", "a db2\n", "", time.Hour, soon},
	} {
		if diff := cmp.Diff(c.want, recalled(c.kept, c.boot, c.up, testNow)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestPromiseSurvives(t *testing.T) {
	s := &store{dir: t.TempDir()}
	if got, err := s.recallPromise(testNow); err != nil || got.To != "" || !got.Until.Equal(testNow.Add(promisedFor)) {
		t.Errorf("a guard of a former version: %+v, %v", got, err)
	}
	for _, name := range []string{"a-long-name", "db2"} {
		if err := s.keepPromise(name); err != nil {
			t.Fatal(err)
		}
		if got, err := s.recallPromise(testNow); err != nil || got.To != name || !got.Until.Equal(testNow.Add(promisedFor)) {
			t.Errorf("%s: recalled %+v, %v", name, got, err)
		}
	}
	s.dir += "/none"
	if s.keepPromise("db1") == nil {
		t.Error("a promise that cannot be kept is given")
	}
}
