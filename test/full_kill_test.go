//go:build lab && full

package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// killing is one round: a verb is killed at some moment, and the next up has to
// finish the job.
type killing struct {
	verb   string
	before string        // how the round begins: "purged", "down" or "up"
	latest time.Duration // the latest moment to kill at
}

var killings = []killing{
	{"up", "purged", 10 * time.Second},
	{"apply", "up", 6 * time.Second},
	{"down", "up", 2 * time.Second},
	{"up", "down", 6 * time.Second},
	{"apply", "up", 8 * time.Second},
	{"up", "purged", 6 * time.Second},
	{"down", "up", time.Second},
	{"up", "down", 3 * time.Second},
}

// TestLabFullKill kills up, apply and down at random moments.
// SCALEUP_TEST_SEED repeats a run.
func TestLabFullKill(t *testing.T) {
	freshSite(t, ha)
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("SCALEUP_TEST_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("to repeat it: SCALEUP_TEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	release := copyRelease(t)
	if err := os.WriteFile(filepath.Join(release, "RELEASE"), []byte("killed on the way\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	versions := [2]site{ha, withRelease(t, release)}
	current, order := 0, ""
	ha.must(t, 0, "up") // the layers are there from here on
	for i, k := range killings {
		switch k.before {
		case "purged":
			versions[current].must(t, 0, "down", "--purge", "--yes")
			order = ""
		case "down":
			versions[current].must(t, 0, "down")
		}
		if k.verb == "apply" {
			current = 1 - current // there is something to apply
		}
		s := versions[current]
		after := 100*time.Millisecond + time.Duration(random.Int64N(int64(k.latest)))
		ended := s.killed(t, after, k.verb)
		up := s.must(t, 0, "up")
		t.Logf("round %d: %s on a site that was %s, killed after %.1f s (it had ended: %t); up then took %.1f s", i+1, k.verb, k.before, after.Seconds(), ended, up.took.Seconds())
		s.isWhole(t)
		order = keepsOrder(t, s, order, fmt.Sprintf("placed-in-round-%d-%d", i+1, seed))
	}
}

// killed starts a verb and kills it after a while. It reports whether the verb
// had ended before.
func (s site) killed(t *testing.T, after time.Duration, verb string) (ended bool) {
	t.Helper()
	cmd := exec.Command("bin/scaleup", verb, "-f", s.file, "--yes")
	cmd.Dir = repository(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // killed or not: the round goes on
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(after):
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Logf("kill %s: %v", verb, err)
	}
	<-done
	return false
}

// keepsOrder reads an order of a former round, or places the first one.
func keepsOrder(t *testing.T, s site, order, key string) string {
	t.Helper()
	u := s.visitor(t)
	if order == "" {
		path, err := u.order(key)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	if _, err := u.get(order); err != nil {
		t.Errorf("an order that was acknowledged is lost: %v", err)
	}
	return order
}
