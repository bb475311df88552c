package store

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPauseStaysWithinBounds(t *testing.T) {
	for n := range 70 {
		if got := pause(n); got < firstPause/2 || got > lastPause {
			t.Fatalf("pause(%d): got %v, want between %v and %v", n, got, firstPause/2, lastPause)
		}
	}
}

func TestInsist(t *testing.T) {
	tests := []struct {
		name  string
		tries []outcome // the last one repeats
		want  outcome
		count int // 0: as many as fit
	}{
		{"at once", []outcome{settled}, settled, 1},
		{"after a failure", []outcome{again, again, settled}, settled, 3},
		{"after doubt", []outcome{unknown, again, settled}, settled, 3},
		{"broken", []outcome{broken}, broken, 1},
		{"broken after doubt stays in doubt", []outcome{unknown, broken}, unknown, 2},
		{"never", []outcome{again}, again, 0},
		{"never after doubt stays in doubt", []outcome{unknown, again}, unknown, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				start, count, doubted := time.Now(), 0, false
				got, _ := insist(ctx, func(_ context.Context, inDoubt bool) (outcome, error) {
					if inDoubt != doubted {
						t.Errorf("try %d: got inDoubt %v, want %v", count, inDoubt, doubted)
					}
					o := tt.tries[min(count, len(tt.tries)-1)]
					doubted = doubted || o == unknown
					count++
					return o, errors.New("e")
				})
				if got != tt.want {
					t.Errorf("got %v, want %v", got, tt.want)
				}
				if tt.count > 0 && count != tt.count {
					t.Errorf("got %d tries, want %d", count, tt.count)
				}
				if took := time.Since(start); tt.count == 0 && (took != patience || count < 40) {
					t.Errorf("gave up after %v and %d tries, want %v and at least 40", took, count, patience)
				}
			})
		})
	}
}
