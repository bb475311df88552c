package drill

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scaleup/internal/drill/record"
	"scaleup/internal/topology"
)

// What a server tells again, over a new connection, is no news; that it was silent
// and answers is.
func TestWatcherTakesDownNews(t *testing.T) {
	w := &watcher{
		since: time.Now(), pending: 1, ready: make(chan struct{}),
		site: &topology.Topology{Public: netip.MustParseAddr("10.77.0.10"), Internal: netip.MustParseAddr("10.77.0.11")},
	}
	lb1 := &subject{Server: topology.Server{Name: "lb1"}, known: map[string]string{}, first: w.one}
	for _, line := range []string{
		`{"kind":"vip","name":"10.77.0.10","state":"held"}`,
		`{}`,
		`{"kind":"backend","name":"web/web1","state":"up"}`,
		`{"kind":"backend","name":"web/web1","state":"down"}`,
	} {
		lb1.first = func() {}
		if err := w.line(lb1, []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_ = w.silent(lb1, nil) // it returns what it is given
	}
	for _, line := range []string{`{"kind":"backend","name":"web/web1","state":"down"}`, `{"kind":"vip","name":"10.77.0.11","state":"free"}`} {
		if err := w.line(lb1, []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	want := []record.Event{
		{Server: "lb1", Kind: record.EventVIP, Name: "public", State: "held"},
		{Server: "lb1", Kind: record.EventBackend, Name: "web/web1", State: "up"},
		{Server: "lb1", Kind: record.EventBackend, Name: "web/web1", State: "down"},
		{Server: "lb1", Kind: record.EventWatch, Name: "lb1", State: "silent"},
		{Server: "lb1", Kind: record.EventWatch, Name: "lb1", State: "answers"},
		{Server: "lb1", Kind: record.EventVIP, Name: "internal", State: "free"},
	}
	if diff := cmp.Diff(want, w.seen(), cmpopts.IgnoreFields(record.Event{}, "At")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if err := w.line(lb1, []byte("Welcome to this server")); err == nil {
		t.Error("a line that is no JSON is taken")
	}
}

func TestWatcherIsReadyWhenAllHaveTold(t *testing.T) {
	w := &watcher{pending: 2, ready: make(chan struct{})}
	w.one()
	if w.knowsAll() {
		t.Error("ready after one of two")
	}
	w.one()
	if !w.knowsAll() {
		t.Error("not ready after both")
	}
}
