//go:build lab

package test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// underLoad runs something while a user keeps asking, and counts and tells what
// failed.
func underLoad(t *testing.T, u user, run func()) (asked, failed int64) {
	t.Helper()
	var ok, bad atomic.Int64
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := u.get("/api/menu"); err != nil {
				bad.Add(1)
				t.Logf("%s: %v", time.Now().UTC().Format("15:04:05.000"), err)
			} else {
				ok.Add(1)
			}
		}
	}()
	run()
	close(stop)
	<-done
	return ok.Load() + bad.Load(), bad.Load()
}

func testRelease(t *testing.T) {
	release := copyRelease(t)
	if err := os.WriteFile(filepath.Join(release, "RELEASE"), []byte("2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	next := withRelease(t, release)
	u := ha.user(t)
	asked, failed := underLoad(t, u, func() { next.must(t, 0, "apply") })
	t.Logf("%d requests during the rollout, %d failed", asked, failed)
	if failed > 0 || asked == 0 {
		t.Errorf("%d of %d requests failed during the rollout of a release, want 0", failed, asked)
	}
	next.must(t, 0, "plan")
	back, lost := underLoad(t, u, func() { ha.must(t, 0, "apply") })
	if lost > 0 || back == 0 {
		t.Errorf("%d of %d requests failed on the way back to the old release, want 0", lost, back)
	}
	ha.must(t, 0, "plan")
}

// brokenApp starts, says something, and dies; a release that cannot work.
const brokenApp = "#!/bin/sh\n[ \"$1\" = migrate ] && exit 0\necho \"cannot find the keys of the bar\"\nexit 1\n"

func testBrokenRelease(t *testing.T) {
	release := t.TempDir()
	if err := os.WriteFile(filepath.Join(release, "foobar"), []byte(brokenApp), 0o755); err != nil {
		t.Fatal(err)
	}
	broken := withRelease(t, release)
	u := ha.user(t)
	var r result
	asked, failed := underLoad(t, u, func() { r = broken.scaleup(t, "apply") })
	if r.code != 1 || !strings.Contains(r.stderr, "cannot find the keys of the bar") {
		t.Errorf("a broken release: code %d, want 1 and the last lines of its log:\n%s", r.code, r.stderr)
	}
	if failed > 0 || asked == 0 {
		t.Errorf("%d of %d requests failed while a broken release was refused, want 0", failed, asked)
	}
	ha.must(t, 0, "apply")
	ha.must(t, 0, "plan")
	ha.awaitHealthy(t, 0)
}
