//go:build lab && full

package test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// streamPace lies between two orders of a stream: light enough for a computer that
// runs the nine servers as well, and dense enough to see a pause of a second.
const streamPace = 50 * time.Millisecond

// stream is one customer who orders without end, each order with a key of its own and
// tried once, and takes down what was acknowledged.
type stream struct {
	user         user
	prefix, item string
	stop, done   chan struct{}
	ending       sync.Once

	mu       sync.Mutex
	acked    []ack
	failures []string
}

// ack is an order that the site has confirmed.
type ack struct {
	key string
	at  time.Time
}

// startStream begins to order; it ends with end or with the test.
func (s site) startStream(t *testing.T) *stream {
	t.Helper()
	w := &stream{user: s.user(t), prefix: fmt.Sprintf("stream-%d-", time.Now().UnixNano()), stop: make(chan struct{}), done: make(chan struct{})}
	// Longer than the application itself keeps trying, so that its answer is heard.
	w.user.client.Timeout = 20 * time.Second
	menu, err := w.user.get("/api/menu")
	if err != nil {
		t.Fatal(err)
	}
	if w.item, err = firstItem(menu.body); err != nil {
		t.Fatal(err)
	}
	go w.run()
	t.Cleanup(w.end)
	w.more(t, 1, 30*time.Second)
	return w
}

func (w *stream) run() {
	defer close(w.done)
	pace := time.NewTicker(streamPace)
	defer pace.Stop()
	for n := 1; ; n++ {
		select {
		case <-w.stop:
			return
		case <-pace.C:
		}
		key := fmt.Sprintf("%s%06d", w.prefix, n)
		err := w.place(key)
		now := time.Now()
		w.mu.Lock()
		if err == nil {
			w.acked = append(w.acked, ack{key, now})
		} else {
			w.failures = append(w.failures, fmt.Sprintf("%s %s: %v", now.UTC().Format("15:04:05.000"), key, err))
		}
		w.mu.Unlock()
	}
}

// place orders one glass. 200 says that the key has placed its order before, which
// happens when the application repeats a write whose answer was lost.
func (w *stream) place(key string) error {
	p, err := w.user.do(http.MethodPost, "/api/orders", fmt.Sprintf(`{"item": %s, "quantity": 1}`, w.item),
		map[string]string{"Content-Type": "application/json", "Idempotency-Key": key})
	if err == nil && p.status != http.StatusCreated && p.status != http.StatusOK {
		err = fmt.Errorf("POST /api/orders: %d: %.200s", p.status, p.body)
	}
	return err
}

// end returns when the last order was answered.
func (w *stream) end() {
	w.ending.Do(func() { close(w.stop) })
	<-w.done
}

func (w *stream) acknowledged() []ack {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.acked)
}

func (w *stream) failed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.failures)
}

// more waits until that many orders have been acknowledged from now on.
func (w *stream) more(t *testing.T, orders int, within time.Duration) {
	t.Helper()
	before := len(w.acknowledged())
	eventually(t, within, func() error {
		if got := len(w.acknowledged()) - before; got < orders {
			failed := append([]string{"none"}, w.failed()...)
			return fmt.Errorf("%d of %d orders were acknowledged; the last failure: %s", got, orders, failed[len(failed)-1])
		}
		return nil
	})
}

// longestGap is the longest time without an acknowledged order since a moment.
func (w *stream) longestGap(since time.Time) time.Duration {
	var longest time.Duration
	last := since
	for _, a := range w.acknowledged() {
		if a.at.After(since) {
			longest = max(longest, a.at.Sub(last))
			last = a.at
		}
	}
	return max(longest, time.Since(last))
}

// keeps wants every acknowledged order of the stream on a member, once, and tells what
// is wrong. What was not acknowledged may be there or not, but not twice.
func (s site) keeps(server string, w *stream) error {
	out, err := s.trySQL(server, "SELECT idempotency_key FROM foobar.orders WHERE idempotency_key LIKE '"+w.prefix+"%'")
	if err != nil {
		return err
	}
	rows := map[string]int{}
	for _, key := range strings.Fields(out) {
		rows[key]++
	}
	var wrong []string
	for key, n := range rows {
		if n > 1 {
			wrong = append(wrong, fmt.Sprintf("%s is there %d times", key, n))
		}
	}
	for _, a := range w.acknowledged() {
		if rows[a.key] == 0 {
			wrong = append(wrong, fmt.Sprintf("%s, acknowledged at %s, is lost", a.key, a.at.UTC().Format("15:04:05.000")))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s: %d orders are wrong, among them: %s", server, len(wrong), strings.Join(wrong[:min(len(wrong), 5)], "; "))
	}
	return nil
}
