//go:build lab && full

package test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testRotated replaces MySQL's passwords while orders come in: none may fail.
func testRotated(t *testing.T) {
	w := ha.startStream(t)
	before := keptSecrets(t)
	began := time.Now()
	r := ha.must(t, 0, "db", "rotate-passwords")
	t.Logf("%d orders in %.1f s, %.2f s at most between two", len(w.acknowledged()), r.took.Seconds(), w.longestGap(began).Seconds())
	if keptSecrets(t) == before {
		t.Error("the site's secrets are what they were")
	}
	w.more(t, 20, 30*time.Second)
	for _, failure := range w.failed() {
		t.Errorf("an order failed while passwords were replaced: %s", failure)
	}
	ha.settled(t, w, 30*time.Second)
}

// keptSecrets is a digest of the operator's copy of the passwords.
func keptSecrets(t *testing.T) [sha256.Size]byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository(t), "examples/.scaleup/foobar-ha/secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

// testRotationKilled kills the command as each of its phases begins. Run again it goes
// on and ends well.
func testRotationKilled(t *testing.T) {
	w := ha.startStream(t)
	for _, phase := range []string{
		"every account takes the old and the new passwords",
		"programs change over to the new passwords",
		"leaves the group and joins it again with the new password",
		"hands the primary over to",
		"the old passwords are discarded",
	} {
		killedAt(t, phase, "db", "rotate-passwords")
		ha.awaitHealthy(t, 120*time.Second) // it is refused before that
		w.more(t, 20, 60*time.Second)
		r := ha.scaleup(t, "db", "rotate-passwords")
		// Killed at its very end there may be nothing to go on with, but old passwords
		// to discard; the command says what does that.
		if r.code == 1 && strings.Contains(r.stderr, "scaleup apply does it") && strings.HasPrefix(phase, "the old passwords") {
			t.Logf("after %q: %s", phase, strings.Join(said(r), " | "))
			r = ha.scaleup(t, "apply", "--yes")
		}
		if r.code != 0 {
			t.Fatalf("killed at %q and run again: code %d\n%s\n%s", phase, r.code, r.stdout, r.stderr)
		}
		t.Logf("killed at %q: again in %.1f s, %d orders failed so far", phase, r.took.Seconds(), len(w.failed()))
		ha.awaitHealthy(t, 30*time.Second)
		ha.must(t, 0, "plan")
	}
	ha.settled(t, w, 60*time.Second)
}

// killedAt runs a verb and kills it when it says that a phase has begun.
func killedAt(t *testing.T, phase string, verb ...string) {
	t.Helper()
	p := ha.start(t, verb...)
	p.await(t, phase)
	p.signal(t, syscall.SIGKILL)
	p.wait(t) // killed or not: the next run tells
}
