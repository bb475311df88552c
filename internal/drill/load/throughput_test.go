package load

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"scaleup/internal/drill/record"
)

// BenchmarkGenerator sends the standard mix at 2,000 operations per second, ten
// times what a drill sends, to a server in this process, and reports how late the
// generator was. Half of the operations make a connection and take up an earlier
// TLS session.
//
//	taskset -c 0 go test -run '^$' -bench Generator ./internal/drill/load
func BenchmarkGenerator(b *testing.B) {
	const rate, span = 2000.0, 5 * time.Second
	site := newSite(b, shop())
	client := site.client(b)
	streams, err := Streams(client, Mix{
		Run: "bench", Reads: rate * 3 / 4, Writes: rate / 4,
		Paths: map[record.Class][]string{record.Static: {"/static/app.css"}, record.Page: {"/", "/menu"}, record.API: {"/api/menu"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		before := processorTime(b)
		g := Start(b.Context(), Config{Streams: streams, Seed: 1})
		time.Sleep(span)
		sent := g.Elapsed()
		report(b, g.Stop(), sent, processorTime(b)-before)
	}
}

// processorTime is what this process, client and server, has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *testing.B, ops []record.Op, span, used time.Duration) {
	b.Helper()
	q := Quality(ops)
	bad, words := 0, map[string]int{}
	for _, o := range ops {
		if !o.Good() {
			bad++
			words[o.Error]++
		}
	}
	milliseconds := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(float64(len(ops))/span.Seconds(), "sent/s")
	b.ReportMetric(milliseconds(q.LagP99), "lag-p99-ms")
	b.ReportMetric(milliseconds(q.LagMax), "lag-max-ms")
	b.ReportMetric(float64(bad), "not-ok")
	b.ReportMetric(100*used.Seconds()/span.Seconds(), "cpu-%")
	if bad > 0 {
		b.Errorf("%d of %d operations were not answered well: %v", bad, len(ops), words)
	}
}

// shop answers as the reference application does.
func shop() http.Handler {
	mux := http.NewServeMux()
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
	}
	mux.Handle("GET /static/app.css", text("body { color: black }"))
	mux.Handle("GET /", text("<h1>Foobar</h1>"))
	mux.Handle("GET /menu", text("<h1>Menu</h1>"))
	mux.Handle("GET /api/menu", text(`{"drinks":[]}`))
	mux.HandleFunc("POST /api/orders", func(w http.ResponseWriter, r *http.Request) {
		var item, quantity int
		var key string
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has gone
		}
		if _, err := fmt.Sscanf(string(body), `{"item":%d,"quantity":%d,"key":%q}`, &item, &quantity, &key); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id":1,"item":`+strconv.Itoa(item)+`,"quantity":`+strconv.Itoa(quantity)+`}`)
	})
	return mux
}
