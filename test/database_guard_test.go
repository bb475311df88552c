//go:build lab && full

package test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

const guardUnit = "scaleup-guard.service"

// databaseReport is what tests read of db status --json.
type databaseReport struct {
	Healthy          bool
	Verdict, Primary string
	Servers          []struct {
		Server, State, Waits string
		Epoch                uint64
	}
}

func (s site) databaseReport(t *testing.T) databaseReport {
	t.Helper()
	var r databaseReport
	out := s.scaleup(t, "db", "status", "--json")
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil {
		t.Fatalf("db status --json: %v\n%s%s", err, out.stdout, out.stderr)
	}
	return r
}

// epoch is how often the group was formed, by the guard that knows most of it.
func (s site) epoch(t *testing.T) (epoch uint64) {
	t.Helper()
	for _, server := range s.databaseReport(t).Servers {
		epoch = max(epoch, server.Epoch)
	}
	return epoch
}

// aliveForLong is more orders than come in while Group Replication makes up its mind
// about a silent member (5 s, and a look each second): had it noticed anything, the view
// would be another one by then.
const aliveForLong = int(10 * time.Second / streamPace)

// unmoved does something to guards and wants the group to take no notice of it.
func unmoved(t *testing.T, disturb func(primary string, others []string)) {
	t.Helper()
	primary, others := ha.members(t)
	w := ha.startStream(t)
	before := ha.view(t, primary)
	began := time.Now()
	disturb(primary, others)
	w.more(t, aliveForLong, 120*time.Second)
	for _, server := range append([]string{primary}, others...) {
		if now := ha.view(t, server); now != before {
			t.Errorf("%s has the view and primary %q, before it was %q: guards must not cause a failover", server, now, before)
		}
	}
	t.Logf("%.2f s at most between two acknowledged orders, %d failed", w.longestGap(began).Seconds(), len(w.failed()))
	ha.settled(t, w, 30*time.Second)
}

// testGuardsKilled kills the guard of each member, that of the primary first. systemd
// starts it again.
func testGuardsKilled(t *testing.T) {
	unmoved(t, func(primary string, others []string) {
		for _, server := range append([]string{primary}, others...) {
			process := ha.unit(t, server, guardUnit, "MainPID")
			ha.on(t, server, "systemctl", "kill", "--signal=KILL", guardUnit)
			awaitAnotherGuard(t, server, process)
		}
	})
}

// testGuardFrozen stops the primary's guard. Its watchdog ends it; should it not, the
// guard goes on with CONT.
func testGuardFrozen(t *testing.T) {
	unmoved(t, func(primary string, _ []string) {
		process := ha.unit(t, primary, guardUnit, "MainPID")
		ha.on(t, primary, "systemctl", "kill", "--signal=STOP", guardUnit)
		awaitAnotherGuard(t, primary, process)
		ha.on(t, primary, "systemctl", "kill", "--signal=CONT", guardUnit)
	})
}

// awaitAnotherGuard waits until the guard runs as another process than before.
func awaitAnotherGuard(t *testing.T, server, process string) {
	t.Helper()
	eventually(t, 20*time.Second, func() error {
		now, state := ha.unit(t, server, guardUnit, "MainPID"), ha.unit(t, server, guardUnit, "ActiveState")
		if now == process || now == "0" || state != "active" {
			return fmt.Errorf("the guard of %s is %s as process %s, before as %s", server, state, now, process)
		}
		return nil
	})
}
