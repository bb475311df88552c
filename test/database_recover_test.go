//go:build lab && full

package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const siteName = "www.foobar.com"

// testVotersLost walks through the runbook of a missing voter: two members are lost for
// good, and the third, which has every acknowledged order since it was the primary,
// goes on alone under another group's name once it is told to.
func testVotersLost(t *testing.T) {
	primary, others := ha.members(t)
	w := ha.startStream(t)
	group := ha.sql(t, primary, "SELECT @@GLOBAL.group_replication_group_name")
	ha.must(t, 0, append([]string{"lab", "off"}, others...)...)
	awaitRefusal(t, primary, others)

	explained := ha.must(t, 0, "db", "recover")
	for _, want := range append([]string{"ACKNOWLEDGED WRITES MAY BE LOST", primary + " forms a new group", "--accept-loss"}, others...) {
		if !strings.Contains(explained.stdout, want) {
			t.Errorf("db recover does not say %q:\n%s", want, explained.stdout)
		}
	}
	// Nobody can be asked here, and no other name will do.
	if r := ha.scaleup(t, "db", "recover", "--accept-loss", "--yes"); r.code != 1 || !strings.Contains(r.stderr, "--confirm "+siteName) {
		t.Fatalf("db recover without the site's name: code %d, want 1 and how to say it:\n%s%s", r.code, r.stdout, r.stderr)
	}
	if r := ha.scaleup(t, "db", "recover", "--accept-loss", "--confirm", "www.foobar.org"); r.code == 0 {
		t.Fatalf("db recover takes the name of another site:\n%s%s", r.stdout, r.stderr)
	}
	if now := ha.sql(t, primary, "SELECT @@GLOBAL.group_replication_group_name"); now != group {
		t.Fatalf("the group is %s after a recovery that was refused, before it was %s", now, group)
	}

	r := ha.must(t, 0, "db", "recover", "--accept-loss", "--confirm", siteName)
	t.Logf("db recover took %.1f s\n%s", r.took.Seconds(), r.stdout)
	w.more(t, 20, 60*time.Second)
	if now := ha.sql(t, primary, "SELECT @@GLOBAL.group_replication_group_name"); now == group {
		t.Errorf("the new group has the name of the lost one, %s", now)
	}
	if err := ha.keeps(primary, w); err != nil {
		t.Error(err)
	}

	ha.must(t, 0, append([]string{"lab", "on"}, others...)...)
	awaitUp(t, others)
	applied := ha.must(t, 0, "apply", "--yes")
	t.Logf("apply took the two in again in %.1f s", applied.took.Seconds())
	ha.settled(t, w, 180*time.Second)
	for _, server := range others {
		for _, folder := range asideOf(t, server) {
			t.Logf("%s had orders of its own, set aside: %s", server, folder)
			ha.on(t, server, "rm", "-rf", folder)
		}
	}
}

// awaitRefusal waits until the survivor's guard says whose word it misses.
func awaitRefusal(t *testing.T, survivor string, missing []string) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
		r := ha.databaseReport(t)
		waits := ""
		for _, s := range r.Servers {
			if s.Server == survivor {
				waits = s.Waits
			}
		}
		_, misses, refuses := strings.Cut(waits, "needs the word of")
		_, misses, named := strings.Cut(misses, "and misses ")
		for _, server := range missing {
			named = named && strings.Contains(misses, server+" (")
		}
		if !refuses || !named || r.Primary != "" {
			return fmt.Errorf("primary %q, and %s waits for %q; want it to miss %v", r.Primary, survivor, waits, missing)
		}
		return nil
	})
}

// awaitUp waits until servers that were switched on let the operator in.
func awaitUp(t *testing.T, servers []string) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
		for _, s := range ha.status(t).Servers {
			if slices.Contains(servers, s.Name) && s.State != "up" {
				return fmt.Errorf("%s is %s", s.Name, s.State)
			}
		}
		return nil
	})
}
