package guard

import (
	"testing"
	"time"
)

func TestConfirmedAt(t *testing.T) {
	ago := func(seconds float64) time.Time { return testNow.Add(-time.Duration(seconds * float64(time.Second))) }
	promised := func(asked float64) Peer {
		return Peer{Asked: ago(asked), Answer: Answer{Promised: true}}
	}
	no := func(asked float64) Peer { return Peer{Asked: ago(asked)} }
	claims := func(asked float64) Peer { return Peer{Asked: ago(asked), Answer: Answer{Claims: true}} }
	elsewhere := Peer{Asked: ago(1), Answer: Answer{MySQL: MySQL{Reachable: true, State: Online, Members: roles("db2", "db2", "db3")}}}
	silent := Peer{Error: "timeout"}
	never := time.Time{}
	three := []string{"db1", "db2", "db3"}
	five := []string{"db1", "db2", "db3", "db4", "db5"}

	for _, c := range []struct {
		name     string
		voters   []string
		members  []string
		db2, db3 Peer
		change   func(v *View)
		want     time.Time
	}{
		{"the only server of a site", three[:1], three[:1], silent, silent, nil, testNow},
		{"one other is enough for three", three, three, promised(1), silent, nil, ago(1)},
		{"the newer word counts", three, three, promised(1), promised(0.5), nil, ago(0.5)},
		{"an old word is as old as it is", three, three, promised(7), silent, nil, ago(7)},
		{"nobody answers", three, three, silent, silent, nil, never},
		{"they promise nothing", three, three, no(0.1), no(0.1), nil, never},
		{"one of two is missing", three, three[:2], silent, promised(0.1), nil, never},
		{"asked before the machine slept", three, three, promised(1), silent, func(v *View) { v.Woke = ago(0.5) }, never},
		{"asked before it was told that there is no claim", three, three, promised(1), silent, func(v *View) { v.Unclaimed = ago(0.5) }, never},
		{"two others for five", five, five, promised(1), promised(2), nil, ago(2)},
		{"and also for three of five", five, five[:3], promised(1), promised(2), nil, ago(2)},
		{"one of three of five is missing", five, five[:3], promised(1), silent, nil, never},
		{"both of two of five, after the lease", five, five[:2], promised(1), silent, func(v *View) { v.Confirmed = ago(2) }, ago(1)},
		{"both of two of five, just elected", five, five[:2], promised(1), silent, nil, never},

		{"alone, after the lease", three, three[:1], silent, silent, func(v *View) { v.Confirmed = ago(2.9) }, testNow},
		{"alone, long after the lease", three, three[:1], silent, silent, func(v *View) { v.Confirmed = ago(3.1) }, never},
		{"alone, asleep since the lease", three, three[:1], silent, silent, func(v *View) { v.Confirmed, v.Woke = ago(2), ago(1) }, never},
		{"alone, nobody answers", three, three[:1], silent, silent, nil, never},
		{"alone for long enough", three, three[:1], silent, silent, func(v *View) { v.ClaimsSince = ago(aloneAfter.Seconds()) }, testNow},
		{"alone, nobody else claims anything", three, three[:1], no(0.5), no(0.5), nil, testNow},
		{"alone, one of them was asked before", three, three[:1], no(1.5), no(0.5), nil, never},
		{"alone, one still claims", three, three[:1], claims(0.5), no(0.5), nil, never},
		{"alone, and the others are in a group", three, three[:1], elsewhere, silent, func(v *View) { v.Confirmed = ago(2) }, never},
	} {
		v := View{Claim: MySQL{Members: roles("db1", c.members...)}, Peers: map[string]Peer{"db2": c.db2, "db3": c.db3}, ClaimsSince: ago(1)}
		if c.change != nil {
			c.change(&v)
		}
		if got := v.confirmedAt(Policy{Server: "db1", Voters: c.voters}, testNow); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// roles are ONLINE members, of which one is the primary.
func roles(primary string, names ...string) []Member {
	members := online(names...)
	for i := range members {
		members[i].Role = Secondary
		if members[i].Server == primary {
			members[i].Role = Primary
		}
	}
	return members
}

func TestNoteClaim(t *testing.T) {
	primary := func(view string, names ...string) MySQL {
		return MySQL{Reachable: true, State: Online, Role: Primary, ViewID: view, Members: roles("db1", names...)}
	}
	whole := primary("7:3", "db1", "db2", "db3")
	secondary := MySQL{Reachable: true, State: Online, Role: Secondary, ViewID: "7:3", Members: roles("db2", "db1", "db2")}
	cutOff := primary("7:3", "db1", "db2", "db3")
	cutOff.Members[1].State, cutOff.Members[2].State = Unreachable, Unreachable

	for _, c := range []struct {
		name   string
		probes []MySQL // one a second
		want   int     // since which of them it claims to be the primary of this view; -1: it does not
	}{
		{"the primary", []MySQL{whole, whole}, 0},
		{"a secondary", []MySQL{secondary}, -1},
		{"elected", []MySQL{secondary, whole, whole}, 1},
		{"a member left", []MySQL{whole, primary("7:4", "db1", "db2")}, 1},
		{"all others left, one after the other", []MySQL{whole, primary("7:4", "db1", "db2"), primary("7:5", "db1")}, 2},
		{"without a majority", []MySQL{whole, cutOff}, -1},
		{"out of reach and back", []MySQL{whole, cutOff, whole}, 2},
		{"MySQL refuses", []MySQL{whole, {}}, -1},
		{"MySQL is slow", []MySQL{whole, {Hangs: true}, {Hangs: true}, whole}, 0},
		{"MySQL hangs", []MySQL{whole, {Hangs: true}, {Hangs: true}, {Hangs: true}}, -1},
		{"slow, then gone", []MySQL{whole, {Hangs: true}, {}}, -1},
		{"slow, then no longer the primary", []MySQL{whole, {Hangs: true}, secondary}, -1},
		{"a secondary that is slow", []MySQL{secondary, {Hangs: true}}, -1},
		{"what it shows while it stops", []MySQL{whole, primary("7:3", "db1"), primary("7:3", "db1")}, -1},
		{"the same, after a probe that failed", []MySQL{whole, {}, primary("7:3", "db1")}, -1},
	} {
		var v View
		at := func(i int) time.Time { return testNow.Add(time.Duration(i) * time.Second) }
		for i, my := range c.probes {
			v.noteClaim(my, at(i))
		}
		if v.Claims != (c.want >= 0) || v.Claims && !v.ClaimsSince.Equal(at(c.want)) {
			t.Errorf("%s: claims %t since %s, want probe %d", c.name, v.Claims, v.ClaimsSince, c.want)
		}
	}
}

func TestNoteSleep(t *testing.T) {
	v := View{Slept: time.Second}
	v.noteSleep(time.Second+sleepSeen/2, testNow.Add(time.Second))
	if !v.Woke.IsZero() {
		t.Errorf("two clocks that were not read at once are a sleep: %+v", v)
	}
	woke := testNow.Add(2 * time.Second)
	v.noteSleep(5*time.Second, woke)
	if !v.Woke.Equal(woke) {
		t.Errorf("woke %s after a sleep of 4 s", v.Woke)
	}
}
