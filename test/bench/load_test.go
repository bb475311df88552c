package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const wrkGood = `Running 2s test @ https://127.0.0.1:18443/1k.bin
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.80ms    5.83ms  68.72ms   97.30%
    Req/Sec    17.23k     7.43k   35.40k    67.50%
  Latency Distribution
     50%  766.00us
     75%    1.19ms
     90%    2.05ms
     99%   38.82ms
  68567 requests in 2.00s, 82.65MB read
Requests/sec:  34212.34
Transfer/sec:     41.24MB
`

const wrkBadRun = `Running 1s test @ https://127.0.0.1:18443/no
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.02ms    2.56ms  34.18ms   95.19%
    Req/Sec    27.90k     6.93k   42.80k    80.00%
  Latency Distribution
     50%  427.00us
     75%    0.85ms
     90%    2.14ms
     99%    1.03s
  55565 requests in 1.00s, 19.82MB read
  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 50000
Requests/sec:  55429.64
Transfer/sec:     19.77MB
`

func TestParseWrk(t *testing.T) {
	for output, want := range map[string]load{
		wrkGood:   {rate: 34212.34, p99: 38820 * time.Microsecond, total: 68567},
		wrkBadRun: {rate: 55429.64, p99: 1030 * time.Millisecond, total: 55565, failed: 54321},
	} {
		got, err := parseWrk(output)
		if err != nil {
			t.Errorf("%v: %.60s", err, output)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(load{})); diff != "" {
			t.Error(diff)
		}
	}
	for _, output := range []string{"", "unable to connect to 127.0.0.1:18444 Connection refused\n"} {
		if got, err := parseWrk(output); err == nil {
			t.Errorf("%q is read as %+v", output, got)
		}
	}
}

const h2loadGood = `starting benchmark...
TLS Protocol: TLSv1.2
Application protocol: h2
Process Request Failure:2

finished in 2.00s, 16000.00 req/s, 17.55MB/s
requests: 32102 total, 32224 started, 32102 done, 32000 succeeded, 102 failed, 102 errored, 0 timeout
status codes: 32000 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 35.10MB (36802112) total, 3.30MB (3456000) headers (space savings 39.66%), 31.25MB (32768000) data
                     min         max         mean         sd        +/- sd
time for request:       61us     49.78ms      5.16ms      3.45ms    91.76%
time for connect:    15.68ms     27.61ms     18.95ms      3.67ms    84.38%
time to 1st byte:    21.66ms     33.78ms     25.65ms      4.74ms    68.75%
req/s           :    1365.01     1554.46     1414.61       46.90    78.13%
`

func TestParseH2load(t *testing.T) {
	got, err := parseH2load(h2loadGood)
	if err != nil {
		t.Fatal(err)
	}
	want := load{rate: 16000, total: 32102, failed: 102}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(load{})); diff != "" {
		t.Error(diff)
	}
	if _, err := parseH2load("starting benchmark...\n"); err == nil {
		t.Error("output without figures is no error")
	}
}

func TestLogP99(t *testing.T) {
	var log strings.Builder
	for i := 200; i > 0; i-- { // 1 to 200 µs, the slowest first
		fmt.Fprintf(&log, "1795442953300317\t200\t%d\n", i)
	}
	log.WriteString("1795442953300317\t-1\t900000\n")
	if got, err := logP99(strings.NewReader(log.String())); err != nil || got != 198*time.Microsecond {
		t.Errorf("p99 is %v (%v), want 198µs", got, err)
	}
	if got, err := logP99(strings.NewReader("7\t200\t5\n")); err != nil || got != 5*time.Microsecond {
		t.Errorf("p99 of one request is %v (%v), want 5µs", got, err)
	}
	if _, err := logP99(strings.NewReader("")); err == nil {
		t.Error("an empty log has a p99")
	}
}
