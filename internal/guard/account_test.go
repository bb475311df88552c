package guard

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAccount(t *testing.T) {
	var a account
	a = a.begin("join", "a group is alive", testNow)
	if want := (Doing{"join", "a group is alive", testNow.UTC()}); a.doing == nil || *a.doing != want {
		t.Fatalf("does %+v, want %+v", a.doing, want)
	}
	failed := a.end(errors.New("refused"), 1500*time.Millisecond)
	well := failed.begin("join", "again", testNow).end(nil, time.Second)
	if want := (Done{testNow.UTC(), "join", "a group is alive", 1.5, "refused"}); failed.doing != nil || len(failed.done) != 1 || failed.done[0] != want {
		t.Errorf("has done %+v, want %+v", failed.done, want)
	}
	if failed.tally["join"] != (tally{1, 1}) || well.tally["join"] != (tally{2, 1}) {
		t.Errorf("counts %+v, then %+v", failed.tally, well.tally)
	}
	for i := range maxDone + 3 {
		a = a.begin(fmt.Sprint(i), "", testNow).end(nil, 0)
	}
	var kinds []string
	for _, d := range a.done {
		kinds = append(kinds, d.Kind)
	}
	if len(kinds) != maxDone || kinds[0] != "3" || len(a.tally) != maxDone+3 {
		t.Errorf("keeps %v", kinds)
	}
	if diff := cmp.Diff([]Done{}, list(account{}.done)); diff != "" {
		t.Error(diff)
	}
}
