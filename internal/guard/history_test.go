package guard

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHistoryNext(t *testing.T) {
	three, two := []string{"db1", "db2", "db3"}, []string{"db1", "db2"}
	earlier := testNow.Add(-time.Hour)
	at := testNow.UTC().Truncate(time.Millisecond)
	first := Change{At: earlier, Epoch: 2, Members: three, Primary: "db1"}
	copied := Copy{At: earlier, Path: AsideDir + "/1", Transactions: "a:1"}
	record := func(change func(r *Record)) Record {
		r := Record{Epoch: 2, ViewID: "7:3", Members: three, Role: Secondary, Primary: "db1"}
		if change != nil {
			change(&r)
		}
		return r
	}
	for _, c := range []struct {
		name   string
		before History
		record Record
		due    bool
		want   History
	}{
		{"never a member", History{}, Record{Group: worldGroup}, false, History{}},
		{"the first view", History{}, record(nil), true, History{Changes: []Change{{at, 2, three, "db1"}}}},
		{"the same", History{Changes: []Change{first}}, record(nil), false, History{Changes: []Change{first}}},
		{"another view of the same", History{Changes: []Change{first}}, record(func(r *Record) { r.ViewID, r.Role = "7:9", Primary }), false,
			History{Changes: []Change{first}}},
		{"another epoch", History{Changes: []Change{first}}, record(func(r *Record) { r.Epoch = 3 }), true,
			History{Changes: []Change{first, {at, 3, three, "db1"}}}},
		{"a member less", History{Changes: []Change{first}}, record(func(r *Record) { r.Members = two }), true,
			History{Changes: []Change{first, {at, 2, two, "db1"}}}},
		{"another primary", History{Changes: []Change{first}}, record(func(r *Record) { r.Primary = "db2" }), true,
			History{Changes: []Change{first, {at, 2, three, "db2"}}}},
		{"no primary", History{Changes: []Change{first}}, record(func(r *Record) { r.Primary = "" }), true,
			History{Changes: []Change{first, {at, 2, three, ""}}}},
		{"data was set aside", History{Changes: []Change{first}}, record(func(r *Record) { r.Aside = AsideDir + "/1: a:1,b:2" }), true,
			History{Changes: []Change{first}, Aside: []Copy{{at, AsideDir + "/1", "a:1,b:2"}}}},
		{"that is known", History{Changes: []Change{first}, Aside: []Copy{copied}}, record(func(r *Record) { r.Aside = AsideDir + "/1: a:1" }), false,
			History{Changes: []Change{first}, Aside: []Copy{copied}}},
		{"another time", History{Changes: []Change{first}, Aside: []Copy{copied}}, record(func(r *Record) { r.Aside = AsideDir + "/2: a:7" }), true,
			History{Changes: []Change{first}, Aside: []Copy{copied, {at, AsideDir + "/2", "a:7"}}}},
	} {
		before := History{Changes: append([]Change(nil), c.before.Changes...), Aside: append([]Copy(nil), c.before.Aside...)}
		got, due := c.before.next(c.record, testNow)
		if diff := cmp.Diff(c.want, got); diff != "" || due != c.due {
			t.Errorf("%s: due = %t, want %t; (-want +got):\n%s", c.name, due, c.due, diff)
		}
		if diff := cmp.Diff(before, c.before); diff != "" {
			t.Errorf("%s: what snapshots hold was changed:\n%s", c.name, diff)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h History
	for i := range maxChanges + 5 {
		h, _ = h.next(Record{Epoch: uint64(i) + 1, Aside: fmt.Sprintf("/%d: a:1", i)}, testNow)
	}
	if n, first := len(h.Changes), h.Changes[0].Epoch; n != maxChanges || first != 6 {
		t.Errorf("%d changes from epoch %d, want %d from 6", n, first, maxChanges)
	}
	if n, last := len(h.Aside), h.Aside[len(h.Aside)-1].Path; n != maxCopies || last != fmt.Sprintf("/%d", maxChanges+4) {
		t.Errorf("%d copies up to %s, want %d up to the last", n, last, maxCopies)
	}
}

func TestHistorySurvives(t *testing.T) {
	dir := t.TempDir()
	if h, err := readHistory(dir); err != nil || len(h.Changes) > 0 {
		t.Errorf("of a new server: %+v, %v", h, err)
	}
	want, _ := History{}.next(Record{Epoch: 1, Members: []string{"db1"}, Primary: "db1", Aside: "/x: a:1"}, testNow)
	if err := saveHistory(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := readHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(filepath.Join(dir, historyName), []byte(`{"changes": [`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readHistory(dir); err == nil {
		t.Error("a damaged history was read")
	}
}

// What the loop hands over last is written, also by a guard that is stopping.
func TestKeepHistory(t *testing.T) {
	dir := t.TempDir()
	g := &guard{store: &store{dir: dir}, unsaved: make(chan History, 1), log: slog.New(slog.DiscardHandler)}
	for epoch := range uint64(3) {
		g.store.record = Record{Epoch: epoch + 1, Members: []string{"db1"}, Primary: "db1"}
		g.noteHistory(testNow) // nobody writes yet, and the loop does not wait
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.keepHistory(ctx)
	got, err := readHistory(dir)
	if err != nil || len(got.Changes) != 3 {
		t.Fatalf("kept %+v, %v, want three changes", got, err)
	}

	g = &guard{store: &store{dir: dir, record: g.store.record}, unsaved: make(chan History, 1), log: slog.New(slog.DiscardHandler)}
	g.recallHistory()
	g.noteHistory(testNow)
	if len(g.history.Changes) != 3 || len(g.unsaved) != 0 {
		t.Errorf("a guard that starts again notes %+v", g.history.Changes)
	}
}

// Guards tell who was in the group and who was primary, also after a restart, and go on
// where the history cannot be written.
func TestGuardsTellTheirHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.stopAll()
		if err := os.Mkdir(filepath.Join(c.dirs, "db3", historyName+".new"), 0o700); err != nil { // cannot be written over
			t.Fatal(err)
		}
		c.with(bootAll)
		c.online(3, 10*time.Second)
		time.Sleep(time.Second)
		if err := c.guard("db1").ask(t.Context(), request{kind: wantSwitch, to: "db2"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		st := c.guard("db1").snapshot.Load().status(time.Now())
		last := st.Actions[len(st.Actions)-1]
		if last.Kind != string(wantSwitch) || last.Error != "" || last.Took < 0.5 || st.Actions[0].Kind != string(Bootstrap) || st.Actions[0].Reason == "" {
			t.Errorf("db1 has done %+v", st.Actions)
		}
		c.stopGuard("db1")
		c.startGuard("db1")
		time.Sleep(2 * time.Second)
		for _, name := range worldNames {
			var told []string
			for _, h := range c.guard(name).snapshot.Load().status(time.Now()).History {
				told = append(told, fmt.Sprintf("%d %v %s", h.Epoch, h.Members, h.Primary))
			}
			want := []string{"1 [db1] db1", "1 [db1 db2] db1", "1 [db1 db2 db3] db1", "1 [db1 db2 db3] db2"}
			if own := map[string]int{"db1": 0, "db2": 1, "db3": 2}[name]; cmp.Diff(want[own:], told) != "" {
				t.Errorf("%s tells %q, want %q", name, told, want[own:])
			}
		}
		if _, err := os.Stat(filepath.Join(c.dirs, "db3", historyName)); !os.IsNotExist(err) {
			t.Errorf("db3's history was written after all: %v", err)
		}
	})
}
