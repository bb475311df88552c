package web

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"scaleup/foobar/internal/bar"
)

// timed says in each answer which application server made it, how long that took, and how much of it was spent behind the
// counter (Server-Timing, milliseconds). The tier in front writes it to its log and keeps it from users.
func timed(server string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := &timing{ResponseWriter: w, server: server, began: time.Now()}
		next.ServeHTTP(t, r.WithContext(context.WithValue(r.Context(), timingKey{}, t)))
	})
}

type timingKey struct{}

// timing is one answer in the making.
type timing struct {
	http.ResponseWriter
	server string
	began  time.Time
	behind atomic.Int64 // nanoseconds behind the counter
	sent   bool
}

// WriteHeader implements http.ResponseWriter: the last moment for a header.
func (t *timing) WriteHeader(status int) {
	if !t.sent {
		t.sent = true
		t.Header().Set("Server-Timing", fmt.Sprintf("app;desc=%q;dur=%.1f, db;dur=%.1f", t.server, ms(time.Since(t.began)), ms(time.Duration(t.behind.Load()))))
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (t *timing) Write(b []byte) (int, error) {
	if !t.sent {
		t.WriteHeader(http.StatusOK)
	}
	return t.ResponseWriter.Write(b)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// timedBar notes how long the bar takes, in the answer that its context belongs to.
type timedBar struct{ Bar }

func clock(ctx context.Context) (stop func()) {
	t, ok := ctx.Value(timingKey{}).(*timing)
	if !ok {
		return func() {}
	}
	began := time.Now()
	return func() { t.behind.Add(int64(time.Since(began))) }
}

func (b timedBar) Menu(ctx context.Context) (bar.Menu, error) {
	defer clock(ctx)()
	return b.Bar.Menu(ctx)
}

func (b timedBar) Order(ctx context.Context, id int64) (bar.Order, error) {
	defer clock(ctx)()
	return b.Bar.Order(ctx, id)
}

func (b timedBar) Place(ctx context.Context, req bar.Request) (bar.Order, bool, error) {
	defer clock(ctx)()
	return b.Bar.Place(ctx, req)
}

func (b timedBar) Ready(ctx context.Context) error {
	defer clock(ctx)()
	return b.Bar.Ready(ctx)
}

func (b timedBar) Servers(ctx context.Context) (bar.Servers, error) {
	defer clock(ctx)()
	return b.Bar.Servers(ctx)
}
