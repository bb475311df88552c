//go:build lab && full

package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestLabFullDatabase is what may befall the database tier, while orders come in: after
// each of it all members have every acknowledged order, and are equal. The steps do not
// build on each other, so that one can be run alone; the last gives the group another
// name.
func TestLabFullDatabase(t *testing.T) {
	freshSite(t, ha)
	up := ha.must(t, 0, "up")
	t.Logf("up took %.1f s", up.took.Seconds())
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"guards killed", testGuardsKilled},
		{"guard of the primary frozen", testGuardFrozen},
		{"orderly stop of the primary", testPrimaryStopped},
		{"reboot of the primary", testPrimaryRebooted},
		{"two of three killed", testTwoKilled},
		{"all off and on in any order", testAllOff},
		{"data directory destroyed", testDataDestroyed},
		{"diverged member", testDiverged},
		{"passwords rotated", testRotated},
		{"rotation killed", testRotationKilled},
		{"voters lost for good", testVotersLost},
	} {
		t.Run(step.name, step.run)
	}
}

// writesPause is a gross bound for planned work; the promise is a second, and the
// benchmarks measure it.
const writesPause = 5 * time.Second

func testPrimaryStopped(t *testing.T) {
	primary, _ := ha.members(t)
	w := ha.startStream(t)
	began := time.Now()
	ha.on(t, primary, "systemctl", "stop", "mysql")
	w.more(t, 40, 30*time.Second)
	pausedFor(t, w, began, "an orderly stop of "+primary)
	if next := ha.status(t).Database.Primary; next == primary || next == "" {
		t.Errorf("MySQL of %s is stopped and the primary is %q", primary, next)
	}
	ha.on(t, primary, "systemctl", "start", "mysql")
	ha.settled(t, w, 120*time.Second)
}

// testPrimaryRebooted reboots the primary's server from within. A lab machine powers
// off then, for there is nothing that would start it again.
func testPrimaryRebooted(t *testing.T) {
	primary, _ := ha.members(t)
	w := ha.startStream(t)
	began := time.Now()
	r := ha.scaleup(t, "exec", primary, "--", "systemctl", "reboot") // the connection may break before the answer
	t.Logf("the order to reboot ended with %d", r.code)
	eventually(t, 90*time.Second, func() error {
		for _, server := range ha.status(t).Servers {
			if server.Name == primary && server.State != "down" {
				return fmt.Errorf("%s is still %s", primary, server.State)
			}
		}
		return nil
	})
	w.more(t, 40, 30*time.Second)
	pausedFor(t, w, began, "a reboot of "+primary)
	ha.must(t, 0, "lab", "on", primary)
	ha.settled(t, w, 120*time.Second)
}

func pausedFor(t *testing.T, w *stream, began time.Time, what string) {
	t.Helper()
	gap := w.longestGap(began)
	t.Logf("%s: %.2f s at most between two acknowledged orders, %d failed", what, gap.Seconds(), len(w.failed()))
	if gap > writesPause {
		t.Errorf("%s: no order was acknowledged for %s, want at most %s", what, gap, writesPause)
	}
}

// testTwoKilled kills the primary and one more at once. systemd starts both again, and
// the one that is left waits for their word. Meanwhile it leaves the group, which takes half
// a minute, and its guard has to know how it is all the time, or nobody could read there.
func testTwoKilled(t *testing.T) {
	primary, others := ha.members(t)
	w := ha.startStream(t)
	epoch := ha.epoch(t)
	began := time.Now()
	killed := []string{primary, others[0]}
	if err := atOnce(killed, func(server string) error {
		_, err := ha.try("exec", server, "--", "systemctl", "kill", "--signal=KILL", "mysql")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	awaitOutage(t, w, began)
	before, silent := len(w.acknowledged()), 0
	eventually(t, 120*time.Second, func() error {
		silent++
		for _, server := range ha.databaseReport(t).Servers {
			if server.Server == others[1] && server.State != "UNREACHABLE" {
				silent = 0
			}
		}
		if silent == 3 { // one look may find a probe that is late
			t.Errorf("the guard of %s, which was not killed, has no answer from its MySQL", others[1])
		}
		if n := len(w.acknowledged()) - before; n < 20 {
			return fmt.Errorf("%d of 20 orders were acknowledged", n)
		}
		return nil
	})
	t.Logf("%v killed: no order was acknowledged for %.1f s", killed, w.longestGap(began).Seconds())
	ha.settled(t, w, 120*time.Second)
	if now := ha.epoch(t); now <= epoch {
		t.Errorf("the group was formed in epoch %d and is in %d: without a majority it has to be formed again", epoch, now)
	}
}

// awaitOutage returns when no order has been acknowledged for a second, so that what
// was acknowledged just before the fault had its effect is not taken for the end of it.
func awaitOutage(t *testing.T, w *stream, began time.Time) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		if gap := w.longestGap(began); gap < time.Second {
			return fmt.Errorf("orders are still acknowledged, the longest pause was %s", gap)
		}
		return nil
	})
}

// testAllOff cuts the power of all members one after the other, and switches them on
// one after the other: first as fast as it goes, then with time for the group to go on
// without the first one. SCALEUP_TEST_SEED repeats a run.
func testAllOff(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("SCALEUP_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("to repeat it: SCALEUP_TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, patient := range []bool{false, true} {
		primary, others := ha.members(t)
		off := append([]string{primary}, others...)
		slices.Sort(off)
		random.Shuffle(len(off), func(i, j int) { off[i], off[j] = off[j], off[i] })
		on := slices.Clone(off)
		random.Shuffle(len(on), func(i, j int) { on[i], on[j] = on[j], on[i] })
		w := ha.startStream(t)
		for i, server := range off {
			ha.must(t, 0, "lab", "off", server)
			if i == 0 && patient {
				w.more(t, 20, 60*time.Second) // by the other two
			}
		}
		for _, server := range on {
			ha.must(t, 0, "lab", "on", server)
		}
		began := time.Now()
		w.more(t, 1, 180*time.Second)
		t.Logf("primary %s, off %v (patient: %t), on %v: orders %.1f s after the last was on", primary, off, patient, on, time.Since(began).Seconds())
		ha.settled(t, w, 180*time.Second)
	}
}
