package store

import (
	"context"
	"math/rand/v2"
	"time"
)

// patience is how long one request keeps trying around a database failover: longer than an election takes (about 7 s), and
// well below the 20 s after which the tier in front gives up on this server.
const patience = 10 * time.Second

// The pauses between two tries: short first, as most failures are one dead connection of the pool, then at a pace that a
// freshly elected primary survives with every application server knocking.
const (
	firstPause = 25 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// pause is the time to wait after try n (from 0): doubling from firstPause to lastPause, of which a random half is taken off,
// so that requests that failed together do not come back together.
func pause(n int) time.Duration {
	full := min(lastPause, firstPause<<min(n, 8))
	return full/2 + rand.N(full/2)
}

// insist tries until there is an answer, or none is to be had, or ctx ends. Doubt stays: once a try ended unknown, only a
// settled one ends otherwise.
func insist(ctx context.Context, try func(ctx context.Context, inDoubt bool) (outcome, error)) (outcome, error) {
	inDoubt := false
	for n := 0; ; n++ {
		got, err := try(ctx, inDoubt)
		inDoubt = inDoubt || got == unknown
		if got == settled {
			return settled, err
		}
		// The last error explains more than "deadline exceeded" would.
		if got == broken || !wait(ctx, pause(n)) {
			if inDoubt {
				got = unknown
			}
			return got, err
		}
	}
}

// wait reports whether d passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
