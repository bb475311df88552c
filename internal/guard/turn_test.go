package guard

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestNoteTurn(t *testing.T) {
	ago := func(d time.Duration) Turn { return Turn{ID: "A", Server: "db1", At: testNow.Add(-d)} }
	for _, c := range []struct {
		name     string
		noted    Turn
		restored time.Time
		server   string
		id       string
		says     string // part of the refusal; "": it is noted
	}{
		{"the first", Turn{}, time.Time{}, "db3", "B", ""},
		{"the same attempt again", ago(time.Minute), time.Time{}, "db1", "A", ""},
		{"another soon after", ago(time.Minute), time.Time{}, "db3", "B", "db1 was taken out of use"},
		{"the same server, a new attempt", ago(time.Minute), time.Time{}, "db1", "B", "db1 was taken out of use"},
		{"another when all have been healthy since", ago(time.Minute), testNow.Add(-time.Second), "db3", "B", ""},
		{"another when all were healthy before", ago(time.Minute), testNow.Add(-2 * time.Minute), "db3", "B", "db1 was taken out of use"},
		{"another after the pause", ago(actPause), time.Time{}, "db3", "B", ""},
		{"another, by a clock that went back a little", ago(-time.Minute), time.Time{}, "db3", "B", "db1 was taken out of use"},
		{"another, by a clock that was days ahead", ago(-48 * time.Hour), time.Time{}, "db3", "B", ""},
		{"a stranger", Turn{}, time.Time{}, "db9", "B", "not a voter"},
		{"an identifier that is none", Turn{}, time.Time{}, "db3", "", "identifier"},
		{"an identifier of two words", Turn{}, time.Time{}, "db3", "B C", "identifier"},
	} {
		v := View{Turn: c.noted, Restored: c.restored}
		got, err := v.noteTurn(request{to: c.server, turn: c.id}, worldPolicy("db2"), testNow)
		want := c.noted
		if c.says == "" {
			want = Turn{ID: c.id, Server: c.server, At: testNow}
		}
		if v.Turn != want || (err == nil) != (c.says == "") || err == nil && got != want || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v, noted %v, want %v (%s)", c.name, got, err, v.Turn, want, c.says)
		}
	}
}

// TestTurnSurvives: a guard that is started again still knows who was taken out of use.
func TestTurnSurvives(t *testing.T) {
	s := &store{dir: t.TempDir()}
	if got, err := s.recallTurn(); err != nil || got != (Turn{}) {
		t.Errorf("nothing was noted: %v, %v", got, err)
	}
	for _, want := range []Turn{
		{ID: "LONGER", Server: "db1", At: time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC)},
		{ID: "B", Server: "db3", At: time.Date(2026, 3, 4, 5, 16, 7, 0, time.UTC)},
	} {
		if err := s.keepTurn(want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.recallTurn(); err != nil || got != want {
			t.Errorf("noted %v, %v, want %v", got, err, want)
		}
	}
	for _, damaged := range []string{"yesterday db1 A", "2026-03-04T05:06:07Z db1"} {
		if err := writeLine(s.dir, turnName, damaged); err != nil {
			t.Fatal(err)
		}
		if got, err := s.recallTurn(); err == nil {
			t.Errorf("%q was taken for %v", damaged, got)
		}
	}
}

// TestTurnIsNotedFirst: a primary that cannot write stays one while the guard of a healthy
// member does not note that it is taken out of use, and goes as soon as it does.
func TestTurnIsNotedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		c.with(func(w *world) { c.deaf, w.nodes["db1"].beatState = "db2", "waiting for handler commit" })
		primary := func() (name string) {
			c.with(func(w *world) { w.detect(); name = w.nodes["db2"].group.primary })
			return name
		}
		time.Sleep(10 * time.Second)
		if got, why := primary(), c.guard("db1").memory().Message; got != "db1" || !strings.Contains(why, "db2: does not answer") {
			t.Errorf("the primary is %s: %s", got, why)
		}
		c.with(func(*world) { c.deaf = "" })
		time.Sleep(5 * time.Second)
		if got := primary(); got == "db1" {
			t.Error("db1 is still the primary")
		}
		if view := c.guard("db3").view; view.Turn.Server != "db1" {
			t.Errorf("db3 has noted %v", view.Turn)
		}
	})
}

// TestOneTurnOfTwo: of two guards that try at the same moment one gets its turn, and can
// try again; the other cannot, not even after all guards were started again.
func TestOneTurnOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.stopAll()
		take := func(name, id string) error { return c.guard(name).takeTurn(t.Context(), worldNames, id) }
		first := make(chan error, 1)
		go func() { first <- take("db1", "A") }()
		errs := map[string]error{"db3": take("db3", "B"), "db1": <-first}
		winner, loser, id := "db1", "db3", "A"
		if errs["db1"] != nil {
			winner, loser, id = "db3", "db1", "B"
		}
		if errs[winner] != nil || !errors.Is(errs[loser], errNoTurn) {
			t.Fatalf("both at once: %v", errs)
		}
		if err := take(winner, id); err != nil {
			t.Errorf("%s tries again: %v", winner, err)
		}
		for _, name := range worldNames {
			c.stopGuard(name)
			c.startGuard(name)
		}
		for _, name := range worldNames {
			if err := take(name, "C"); !errors.Is(err, errNoTurn) || !strings.Contains(err.Error(), winner+" was taken out of use") {
				t.Errorf("%s, after all guards were started again: %v", name, err)
			}
		}
	})
}

// TestTurnEnds: time is up for all guards together.
func TestTurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(testConfig("db1"), &store{dir: t.TempDir()}, promise{}, Turn{}, nil, silence{}, func(string) error { return nil }, nil)
		begun := time.Now()
		err := g.takeTurn(t.Context(), []string{"db2", "db3"}, "A")
		if took := time.Since(begun); !errors.Is(err, errNoTurn) || !errors.Is(err, context.DeadlineExceeded) || took != turnTimeout {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// silence is guards that do not answer.
type silence struct{ peerCaller }

func (silence) TakeTurn(ctx context.Context, _, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestTurnOverHTTP: the door is there and notes the turn of whoever asks.
func TestTurnOverHTTP(t *testing.T) {
	a := newAuthority(t)
	peerPort := freePort(t)
	cfg := runConfig(t, "db1", a.guard("db1", "db1"), peerPort)
	start(t, cfg)
	own := runConfig(t, "db2", a.guard("db2", "db2"), peerPort)
	credentials, err := loadCredentials(own)
	if err != nil {
		t.Fatal(err)
	}
	db2 := newPeers(own, credentials)
	if err := db2.TakeTurn(t.Context(), "db1", "A"); err != nil {
		t.Fatal(err)
	}
	if noted, err := (&store{dir: cfg.StateDir}).recallTurn(); err != nil || noted.Server != "db2" || noted.ID != "A" {
		t.Errorf("written down: %v, %v", noted, err)
	}
	if err := db2.TakeTurn(t.Context(), "db1", "B"); err == nil || !strings.Contains(err.Error(), "db2 was taken out of use") {
		t.Errorf("another turn at once: %v", err)
	}
}
