//go:build lab && full

package test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"
)

// ailment is something that doctor has to find on real servers before it does harm.
type ailment struct {
	name          string
	id, server    string
	provoke, mend func(*testing.T)
}

// TestLabFullDoctor shows that doctor finds what is wrong with servers, and nothing when
// nothing is.
func TestLabFullDoctor(t *testing.T) {
	freshSite(t, ha)
	ha.must(t, 0, "up")
	ha.must(t, 0, "doctor")
	idle := ha.must(t, 0, "exec", "app1", "--", "sh", "-c", "systemctl is-active --quiet app@a && printf 8002 || printf 8001").stdout
	for _, a := range []ailment{
		{
			"a foreign program has a port of the site", "ports", "app1",
			shell("app1", "systemd-run --quiet --unit=squat systemd-socket-activate --listen=0.0.0.0:"+idle+" true"), shell("app1", "systemctl stop squat"),
		},
		{
			"HAProxy could not start while standing by", "sysctl", "lb2",
			shell("lb2", "sysctl -q -w net.ipv4.ip_nonlocal_bind=0"), func(t *testing.T) { ha.must(t, 0, "doctor", "--fix", "--yes") },
		},
		{
			"VRRP packets are dropped", "vrrp", "",
			func(t *testing.T) {
				for _, lb := range []string{"lb1", "lb2"} { // so that it does not matter who holds the addresses
					shell(lb, "nft insert rule inet scaleup input meta l4proto 112 drop")(t)
				}
			}, applied,
		},
		{
			"a server is frozen", "ssh", "web2",
			func(t *testing.T) { ha.must(t, 0, "lab", "freeze", "web2") }, func(t *testing.T) { ha.must(t, 0, "lab", "thaw", "web2") },
		},
	} {
		t.Run(a.name, func(t *testing.T) {
			a.provoke(t)
			eventually(t, 20*time.Second, func() error {
				failed, text := ha.doctor(t)
				if !slices.Contains(failed, a.id+" "+a.server) {
					return fmt.Errorf("no failure %s of %q:\n%s", a.id, a.server, text)
				}
				return nil
			})
			a.mend(t)
			eventually(t, 60*time.Second, func() error {
				if failed, text := ha.doctor(t); len(failed) > 0 {
					return fmt.Errorf("mended, and still:\n%s", text)
				}
				return nil
			})
		})
	}
}

// doctor returns what fails, as ID and server, and all that doctor says.
func (s site) doctor(t *testing.T) (failed []string, text string) {
	t.Helper()
	r := s.scaleup(t, "doctor", "--json")
	var doc struct {
		Checks []struct{ ID, Server, Result string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || r.code != 0 && r.code != 2 {
		t.Fatalf("doctor --json ends with %d (%v)\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	for _, c := range doc.Checks {
		if c.Result == "fail" {
			failed = append(failed, c.ID+" "+c.Server)
		}
	}
	return failed, r.stdout
}
