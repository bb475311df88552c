//go:build lab && full

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestLabFullHalfRemoved is a lab of which somebody has taken away a part.
func TestLabFullHalfRemoved(t *testing.T) {
	freshSite(t, ha)
	ha.must(t, 0, "up")
	order := keepsOrder(t, ha, "", "before-the-lab-was-halved-1")

	t.Run("folders of machines are gone", func(t *testing.T) {
		ha.must(t, 0, "down")
		for _, server := range []string{"web2", "app1", "lb1"} {
			if err := os.RemoveAll(filepath.Join(labDir(), "labs/foobar-ha/machines", server)); err != nil {
				t.Fatal(err)
			}
		}
		up := ha.must(t, 0, "up")
		t.Logf("up took %.1f s", up.took.Seconds())
		ha.isWhole(t)
		keepsOrder(t, ha, order, "")
	})

	t.Run("a machine has lost its keeper", func(t *testing.T) {
		pids := keepers("foobar-ha")["app2"]
		if len(pids) != 1 {
			t.Fatalf("app2 runs as %v", pids)
		}
		if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		ha.must(t, 0, "up")
		ha.awaitHealthy(t, 30*time.Second)
		ha.must(t, 0, "plan")
		// Off and on gives it a keeper again, and only one.
		ha.must(t, 0, "lab", "off", "app2")
		ha.must(t, 0, "lab", "on", "app2")
		ha.awaitHealthy(t, 60*time.Second)
		ha.isWhole(t)
	})

	t.Run("a folder of a running machine is gone", func(t *testing.T) {
		if err := os.RemoveAll(filepath.Join(labDir(), "labs/foobar-ha/machines/web1")); err != nil {
			t.Fatal(err)
		}
		ha.must(t, 0, "up")
		ha.isWhole(t)
	})
}

// TestLabFullFaults hangs and cuts off one machine of each role, and takes the
// power of database servers.
func TestLabFullFaults(t *testing.T) {
	freshSite(t, ha)
	ha.must(t, 0, "up")
	for _, fault := range []struct{ bite, heal string }{{"freeze", "thaw"}, {"cut", "join"}} {
		for _, role := range []string{"loadbalancer", "web", "app", "database"} {
			t.Run(fault.bite+" "+role, func(t *testing.T) { testFault(t, role, fault.bite, fault.heal) })
		}
	}
	t.Run("database member off", func(t *testing.T) { testDatabaseOff(t, false) })
	t.Run("database primary off", func(t *testing.T) { testDatabaseOff(t, true) })
	ha.isWhole(t)
}

// testFault wants the site to answer soon with one server hung or cut off, to
// take orders, and to heal by itself after.
func testFault(t *testing.T, role, bite, heal string) {
	server := victim(t, ha.status(t), role)
	u := ha.visitor(t)
	ha.must(t, 0, "lab", bite, server)
	t.Cleanup(func() { ha.scaleup(t, "lab", heal, server) }) // once more, after a failure
	answers := answersAgain(t, u, 15*time.Second)
	_, orders := ordersAgain(t, u, fmt.Sprintf("during-%s-of-%s-0001", bite, server), 30*time.Second)
	for range 20 {
		if _, err := u.get("/api/menu"); err != nil {
			t.Errorf("while %s is in %s: %v", server, bite, err)
		}
	}
	if r := ha.scaleup(t, "status"); r.code != 2 || r.took > 2*time.Second {
		t.Errorf("status during %s of %s: code %d after %s, want 2 within 2 s", bite, server, r.code, r.took)
	}
	ha.must(t, 0, "lab", heal, server)
	began := time.Now()
	ha.awaitHealthy(t, 120*time.Second)
	t.Logf("%s of %s: answers after %.1f s, orders after %.1f s; healthy %.1f s after %s",
		bite, server, answers.Seconds(), orders.Seconds(), time.Since(began).Seconds(), heal)
	ha.must(t, 0, "plan")
}

// victim is the server of a role whose failure matters most; of the database,
// one that is not the primary, whose hang Group Replication itself deals with.
func victim(t *testing.T, r report, role string) string {
	t.Helper()
	if role == "loadbalancer" {
		for _, v := range r.VIPs {
			if v.Holder != "" {
				return v.Holder
			}
		}
	}
	for _, s := range r.Servers {
		if s.Role == role && s.Name != r.Database.Primary {
			return s.Name
		}
	}
	t.Fatalf("status names no %s: %+v", role, r)
	return ""
}

// testDatabaseOff takes the power of a member. Writes come back, from another
// server if it was the primary, and the member joins again by itself.
func testDatabaseOff(t *testing.T, primary bool) {
	before := ha.status(t)
	server := before.Database.Primary
	if !primary {
		server = victim(t, before, "database")
	}
	u := ha.visitor(t)
	kept, err := u.order("before-" + server + "-went-off-0001")
	if err != nil {
		t.Fatal(err)
	}
	ha.must(t, 0, "lab", "off", server)
	path, took := ordersAgain(t, u, "while-"+server+"-was-off-0001", 30*time.Second)
	if now := ha.status(t).Database.Primary; primary && (now == server || now == "") {
		t.Errorf("%s is off and the primary is %q", server, now)
	}
	ha.must(t, 0, "lab", "on", server)
	began := time.Now()
	ha.awaitHealthy(t, 120*time.Second)
	t.Logf("%s off (primary: %t): orders after %.1f s; healthy %.1f s after power on", server, primary, took.Seconds(), time.Since(began).Seconds())
	for _, order := range []string{kept, path} {
		if _, err := u.get(order); err != nil {
			t.Errorf("an order that was acknowledged is lost: %v", err)
		}
	}
	ha.must(t, 0, "plan")
}
