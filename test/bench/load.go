package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// load is what a load generator has measured.
type load struct {
	rate   float64       // answers per second
	p99    time.Duration // of 100 answers, 99 took no longer
	total  int           // requests answered
	failed int           // of them, not 2xx or 3xx, or without an answer
}

// generator is a program that makes load over kept-alive HTTPS connections.
type generator struct {
	program, pkg string
	protocol     string
	// argv asks for a URL under the site's own name for some seconds.
	argv  func(url, host string, seconds int) []string
	parse func(output string) (load, error)
	// logged: it knows no percentiles, but writes down how long each request took.
	// That costs some speed, so it is done in a short run after the measured one.
	logged bool
}

// Both use two threads and 32 connections, as the yardsticks did.
var generators = []generator{
	{
		program: "wrk", pkg: "wrk", protocol: "HTTP/1.1",
		argv: func(url, host string, seconds int) []string {
			return []string{"wrk", "-t2", "-c32", fmt.Sprintf("-d%ds", seconds), "--latency", "-H", "Host: " + host, url}
		},
		parse: parseWrk,
	},
	{
		program: "h2load", pkg: "nghttp2-client", protocol: "HTTP/2", logged: true,
		argv: func(url, host string, seconds int) []string {
			return []string{"h2load", "-t2", "-c32", "-m8", "-D", strconv.Itoa(seconds), "-H", ":authority: " + host, url}
		},
		parse: parseH2load,
	},
}

// needGenerators says what to install before anything is started.
func needGenerators() error {
	var missing []string
	for _, g := range generators {
		if _, err := exec.LookPath(g.program); err != nil {
			missing = append(missing, g.pkg)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the load generators are missing: apt-get install %s", strings.Join(missing, " "))
	}
	return nil
}

// failedLimit is the share of requests that may fail before a figure means
// something else than it says.
const failedLimit = 0.001

// run makes load for some seconds. folder is for the generator's log.
func (g generator) run(ctx context.Context, url, host string, seconds int, folder string) (load, error) {
	l, err := g.once(ctx, g.argv(url, host, seconds))
	if err != nil || !g.logged {
		return l, err
	}
	path := filepath.Join(folder, g.program+".log")
	defer os.Remove(path)
	const enough = 2 // seconds: tens of thousands of requests
	if _, err := g.once(ctx, append(g.argv(url, host, enough), "--log-file="+path)); err != nil {
		return l, err
	}
	file, err := os.Open(path)
	if err != nil {
		return l, fmt.Errorf("read the log of %s: %w", g.program, err)
	}
	defer file.Close()
	l.p99, err = logP99(file)
	return l, err
}

func (g generator) once(ctx context.Context, argv []string) (load, error) {
	o, err := call(ctx, 0, nil, argv...)
	if err != nil {
		return load{}, err
	}
	l, err := g.parse(o.stdout)
	if err != nil {
		return l, fmt.Errorf("read what %s says: %w", g.program, err)
	}
	if l.total == 0 {
		return l, fmt.Errorf("%s got no answer", g.program)
	}
	if float64(l.failed) > failedLimit*float64(l.total) {
		return l, fmt.Errorf("%d of %d requests failed", l.failed, l.total)
	}
	return l, nil
}

// logP99 reads h2load's log: begin, status and duration in microseconds of each
// request. Requests without an answer have the status -1.
func logP99(log io.Reader) (time.Duration, error) {
	var took []int
	for lines := bufio.NewScanner(log); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) != 3 || f[1] == "-1" {
			continue
		}
		if n, err := strconv.Atoi(f[2]); err == nil {
			took = append(took, n)
		}
	}
	if len(took) == 0 {
		return 0, errors.New("the log of h2load names no request")
	}
	slices.Sort(took)
	return time.Duration(took[(len(took)*99+99)/100-1]) * time.Microsecond, nil
}

var (
	wrkRate    = regexp.MustCompile(`(?m)^Requests/sec:\s+([0-9.]+)$`)
	wrkP99     = regexp.MustCompile(`(?m)^\s+99%\s+([0-9.]+)(us|ms|s|m)$`)
	wrkTotal   = regexp.MustCompile(`(?m)^\s+([0-9]+) requests in `)
	wrkBad     = regexp.MustCompile(`(?m)^\s+Non-2xx or 3xx responses: ([0-9]+)$`)
	wrkSockets = regexp.MustCompile(`(?m)^\s+Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)$`)
)

// parseWrk reads the output of wrk --latency.
func parseWrk(output string) (load, error) {
	rate, total, p99 := wrkRate.FindStringSubmatch(output), wrkTotal.FindStringSubmatch(output), wrkP99.FindStringSubmatch(output)
	if rate == nil || total == nil || p99 == nil {
		return load{}, fmt.Errorf("no rate, count or 99%% in: %.200s", output)
	}
	l := load{rate: number(rate[1]), total: int(number(total[1]))}
	var err error
	if l.p99, err = time.ParseDuration(p99[1] + p99[2]); err != nil {
		return l, err
	}
	for _, m := range [][]string{wrkBad.FindStringSubmatch(output), wrkSockets.FindStringSubmatch(output)} {
		for i := 1; i < len(m); i++ {
			l.failed += int(number(m[i]))
		}
	}
	return l, nil
}

var (
	h2Rate   = regexp.MustCompile(`(?m)^finished in [0-9.]+m?s, ([0-9.]+) req/s`)
	h2Counts = regexp.MustCompile(`(?m)^requests: ([0-9]+) total, .* ([0-9]+) succeeded, ([0-9]+) failed, ([0-9]+) errored, ([0-9]+) timeout$`)
)

// parseH2load reads the output of h2load. What it calls failed includes what was
// answered with 4xx or 5xx, what was not answered, and what was timed out.
func parseH2load(output string) (load, error) {
	rate, counts := h2Rate.FindStringSubmatch(output), h2Counts.FindStringSubmatch(output)
	if rate == nil || counts == nil {
		return load{}, fmt.Errorf("no rate or count in: %.200s", output)
	}
	return load{rate: number(rate[1]), total: int(number(counts[1])), failed: int(number(counts[3]))}, nil
}

// number reads what a regular expression has found to be one.
func number(s string) float64 {
	v, _ := strconv.ParseFloat(s, 64)
	return v
}
