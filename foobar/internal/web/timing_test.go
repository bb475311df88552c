package web

import (
	"context"
	"log/slog"
	"regexp"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"scaleup/foobar/internal/bar"
	"scaleup/foobar/internal/bartest"
)

// slowBar takes its time for the menu.
type slowBar struct {
	Bar
	takes time.Duration
}

func (b slowBar) Menu(ctx context.Context) (bar.Menu, error) {
	time.Sleep(b.takes)
	return b.Bar.Menu(ctx)
}

func TestServerTiming(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := New(slowBar{bartest.New(), 30 * time.Millisecond}, "app1", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for path, behind := range map[string]float64{"/api/menu": 30, "/healthz": 0, "/nowhere": 0} {
			got := send(h, "GET", path, "").Header().Get("Server-Timing")
			m := regexp.MustCompile(`^app;desc="app1";dur=([0-9.]+), db;dur=([0-9.]+)$`).FindStringSubmatch(got)
			if m == nil {
				t.Errorf("%s: Server-Timing %q", path, got)
				continue
			}
			for i, part := range []string{"app", "db"} {
				if took, err := strconv.ParseFloat(m[i+1], 64); err != nil || took != behind {
					t.Errorf("%s: %s took %s ms, want %g", path, part, m[i+1], behind)
				}
			}
		}
	})
}
