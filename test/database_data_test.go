//go:build lab && full

package test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// testDataDestroyed takes a member's data away under its mysqld and lets that crash.
// Nobody does anything: an empty database is made, which the guard has filled. The
// binary logs of the others are cut short before, so that only a clone can fill it.
func testDataDestroyed(t *testing.T) {
	primary, others := ha.members(t)
	victim := others[0]
	w := ha.startStream(t)
	for _, server := range []string{primary, others[1]} {
		ha.sql(t, server, "FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE '2100-01-01 00:00:00'")
	}
	began := time.Now()
	ha.on(t, victim, "sh", "-c", "find /var/lib/mysql -mindepth 1 -delete && systemctl kill --signal=KILL mysql.service")
	w.more(t, 20, 30*time.Second)
	ha.settled(t, w, 120*time.Second)
	t.Logf("without its data, %s was whole again after %.1f s", victim, time.Since(began).Seconds())
	// What the server knew of former clones was deleted with everything else.
	if clone := lastClone(t, victim); !strings.HasPrefix(clone, "Completed") {
		t.Errorf("the last clone on %s is %q, want one that completed: nobody has the binary logs it would need", victim, clone)
	}
	ha.on(t, victim, "test", "-e", "/var/lib/mysql/.scaleup-data") // still known to be scaleup's own
}

// lastClone is what a server knows of the last clone that it took: how it ended, from
// whom, and when; "" when it never took one.
func lastClone(t *testing.T, server string) string {
	t.Helper()
	return ha.sql(t, server, "SELECT STATE, SOURCE, BEGIN_TIME FROM performance_schema.clone_status")
}

// forged is what a diverged member would show to visitors.
const forged = "Drink that nobody else has"

// testDiverged lets a member have a transaction that the group has not. It must never
// serve with it, and the data must be set aside before the group's replaces it.
func testDiverged(t *testing.T) {
	_, others := ha.members(t)
	victim := others[0]
	w := ha.startStream(t)
	aside, cloned := asideOf(t, victim), lastClone(t, victim)
	// Without its guard it leaves the group for good, and a restart ends all sessions:
	// what is written now has no way out.
	ha.on(t, victim, "systemctl", "stop", guardUnit)
	ha.on(t, victim, "systemctl", "restart", "mysql.service")
	if state := ha.sql(t, victim, "SELECT MEMBER_STATE FROM performance_schema.replication_group_members"); state != "OFFLINE" {
		t.Fatalf("%s is %q without its guard, want OFFLINE", victim, state)
	}
	ha.sql(t, victim, "SET GLOBAL super_read_only = OFF; UPDATE foobar.drinks SET name = '"+forged+"' WHERE id = 1; SET GLOBAL super_read_only = ON")
	if name := ha.sql(t, victim, "SELECT name FROM foobar.drinks WHERE id = 1"); name != forged {
		t.Fatalf("the drink on %s is %q, so it has not diverged", victim, name)
	}
	watch := watchFor(t, victim)
	ha.on(t, victim, "systemctl", "start", guardUnit)
	// Looked at for 10 s before anything is replaced, copied, cloned, joined.
	eventually(t, 180*time.Second, func() error {
		if now := asideOf(t, victim); len(now) == len(aside) {
			return fmt.Errorf("nothing was set aside: %v", now)
		}
		return nil
	})
	eventually(t, 180*time.Second, func() error {
		name, err := ha.trySQL(victim, "SELECT name FROM foobar.drinks WHERE id = 1")
		if err == nil && name == forged {
			err = fmt.Errorf("%s still has its own data", victim)
		}
		return err
	})
	asked := watch()
	t.Logf("the menu was read %d times meanwhile", asked)
	if now := lastClone(t, victim); now == cloned || !strings.HasPrefix(now, "Completed") || strings.Contains(now, "LOCAL INSTANCE") {
		t.Errorf("the last clone on %s is %q, before it was %q; want another member's data", victim, now, cloned)
	}
	ha.settled(t, w, 120*time.Second)
	for _, folder := range asideOf(t, victim)[len(aside):] {
		ha.on(t, victim, "test", "-e", folder+"/mysql.ibd") // a whole copy, not a folder that was begun
		ha.on(t, victim, "rm", "-rf", folder)
	}
}

// asideOf are the folders of data that was set aside on a server, the oldest first.
func asideOf(t *testing.T, server string) []string {
	t.Helper()
	return strings.Fields(ha.on(t, server, "sh", "-c", "ls -d /var/lib/mysql-aside/*/ 2>/dev/null || true"))
}

// watchFor reads the menu as visitors do, and asks the member's guard what the load
// balancers ask, over and over: neither may show the member's own data. It returns what
// ends that and tells how often the menu was read.
func watchFor(t *testing.T, server string) (end func() int64) {
	t.Helper()
	u := ha.user(t)
	address := ""
	for _, s := range ha.status(t).Servers {
		if s.Name == server {
			address = s.Address
		}
	}
	if address == "" {
		t.Fatalf("status tells no address of %s", server)
	}
	// First what may be told, then what it would tell of: a member that was cleared in
	// between is no fault.
	ask := `exec 3<>/dev/tcp/"$1"/8008 && printf 'GET /readable HTTP/1.0\r\nHost: guard\r\n\r\n' >&3 && head -n 1 <&3`
	var asked atomic.Int64
	stop, menu, guard := make(chan struct{}), make(chan struct{}), make(chan struct{})
	over := func() bool {
		select {
		case <-stop:
			return true
		default:
			return false
		}
	}
	go func() {
		defer close(menu)
		pace := time.NewTicker(streamPace)
		defer pace.Stop()
		for !over() {
			<-pace.C
			p, err := u.get("/api/menu")
			if err == nil {
				asked.Add(1)
			}
			if err == nil && strings.Contains(p.body, forged) {
				t.Errorf("a visitor was shown what only %s has", server)
				return
			}
		}
	}()
	go func() {
		defer close(guard)
		for !over() {
			line, err := ha.try("exec", server, "--", "bash", "-c", ask, "bash", address)
			if err != nil || !strings.Contains(line, " 200 ") {
				continue // not started yet, or it says no
			}
			if name, err := ha.trySQL(server, "SELECT name FROM foobar.drinks WHERE id = 1"); err == nil && name == forged {
				t.Errorf("the guard of %s calls it readable while it has data of its own", server)
				return
			}
		}
	}()
	ended := false
	end = func() int64 {
		if !ended {
			ended = true
			close(stop)
			<-menu
			<-guard
		}
		return asked.Load()
	}
	t.Cleanup(func() { end() })
	return end
}
