package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// served is a path of the site that is measured.
type served struct {
	what, path string
	static     bool // the same bytes from everywhere, and fast: the target counts
}

// servedPaths finds the bench's files under the names their release gave them.
func servedPaths(manifest []byte) ([]served, error) {
	var names map[string]string
	if err := json.Unmarshal(manifest, &names); err != nil {
		return nil, fmt.Errorf("read the manifest of the static files: %w", err)
	}
	small, large := names["bench-1k.bin"], names["bench-100k.bin"]
	if small == "" || large == "" {
		return nil, errors.New("the static files have no bench-1k.bin or bench-100k.bin; run make build")
	}
	return []served{{"1 KiB static file", small, true}, {"100 KiB static file", large, true}, {"the front page", "/", false}}, nil
}

// The yardsticks of static files, made by hand on two cores that the load
// generator shares: TLS, 32 connections.
var yardsticks = map[string]string{
	"1 KiB static file HTTP/1.1":   "HAProxy without cache 56k, Nginx 108k",
	"1 KiB static file HTTP/2":     "HAProxy without cache 90k, Nginx 158k; Caddy 2.6 as the proxy 10k",
	"100 KiB static file HTTP/2":   "HAProxy without cache 11k, Nginx 15–16k",
	"100 KiB static file HTTP/1.1": "HAProxy without cache 11k, Nginx 15–16k",
}

// side is one end that is measured: the VIP, or one Nginx.
type side struct {
	name    string
	address string // host and port
}

// http compares the site through the virtual address with one Nginx by itself.
func (b *bench) http(ctx context.Context) (err error) {
	if err := needGenerators(); err != nil {
		return err
	}
	manifest, err := os.ReadFile("foobar/static/manifest.json")
	if err != nil {
		return fmt.Errorf("find the static files: %w; run make build", err)
	}
	paths, err := servedPaths(manifest)
	if err != nil {
		return err
	}
	if _, err := b.lab.run(ctx, "up"); err != nil {
		return err
	}
	site, err := b.lab.status(ctx)
	if err != nil {
		return err
	}
	balancer, web, err := site.ends()
	if err != nil {
		return err
	}
	d, err := startDirect(ctx, b.lab, balancer.name, web.name, web.address)
	defer func() { err = errors.Join(err, d.stop(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	sides := [2]side{{"through the VIP", net.JoinHostPort(site.Address, "443")}, {"directly at one Nginx", d.address}}
	for _, p := range paths {
		if err := sameAnswer(ctx, site, sides, p); err != nil {
			return err
		}
	}
	for _, p := range paths {
		for _, g := range generators {
			if err := b.compare(ctx, g, p, site.Site, sides); err != nil {
				return fmt.Errorf("%s over %s: %w", p.what, g.protocol, err)
			}
		}
	}
	return nil
}

// ends are a load balancer and the web server beside which the second Nginx runs.
func (s siteStatus) ends() (balancer, web side, err error) {
	for _, server := range s.Servers {
		switch {
		case server.Role == "loadbalancer" && balancer.name == "":
			balancer = side{server.Name, server.Address}
		case server.Role == "web" && web.name == "":
			web = side{server.Name, server.Address}
		}
	}
	if balancer.name == "" || web.name == "" {
		err = errors.New("status names no load balancer or no web server")
	}
	return balancer, web, err
}

// takeTurns measures both sides in turn, A B B A, so that neither always has the
// warmer computer. The 99th percentiles are in milliseconds. about begins what is
// logged of each run, per is what its rate counts.
func (b *bench) takeTurns(sides [2]side, about, per string, run func(at, seconds int) (load, error)) (rates, latencies [2][]float64, err error) {
	named := func(at, seconds int) (load, error) {
		l, err := run(at, seconds)
		if err != nil {
			err = fmt.Errorf("%s: %w", sides[at].name, err)
		}
		return l, err
	}
	for at := range sides { // not measured: caches, connections, an account's first sign-in
		if _, err := named(at, 1); err != nil {
			return rates, latencies, err
		}
	}
	for i := range b.runs {
		for turn := range sides {
			at := (turn + i) % len(sides)
			l, err := named(at, b.config.seconds)
			if err != nil {
				return rates, latencies, err
			}
			rates[at] = append(rates[at], l.rate)
			latencies[at] = append(latencies[at], float64(l.p99)/float64(time.Millisecond))
			fmt.Fprintf(b.log, "  %s%s %d/%d: %.0f %s/s, p99 %s\n", about, sides[at].name, i+1, b.runs, l.rate, per, l.p99)
		}
	}
	return rates, latencies, nil
}

// compare measures both sides over HTTPS.
func (b *bench) compare(ctx context.Context, g generator, p served, host string, sides [2]side) error {
	rates, latencies, err := b.takeTurns(sides, fmt.Sprintf("%s, %s, ", p.what, g.protocol), "req", func(at, seconds int) (load, error) {
		return g.run(ctx, "https://"+sides[at].address+p.path, host, seconds, b.lab.dir)
	})
	if err != nil {
		return err
	}
	group := b.report.group(fmt.Sprintf("HTTPS: %s over %s", p.what, g.protocol))
	group.note("`%s`, two threads, 32 kept-alive connections, %d s each, on the computer that also runs the nine servers. "+
		"The second Nginx runs on one web server with the site's certificate and the real one's configuration.", g.program, b.config.seconds)
	if g.logged {
		group.note("The p99 is of runs of their own, in which `%s` logs every request.", g.program)
	}
	for at, s := range sides {
		yardstick := ""
		if at == 0 {
			yardstick = yardsticks[p.what+" "+g.protocol]
		}
		group.add(figure{what: s.name, unit: perSecond, samples: rates[at], yardstick: yardstick})
		group.add(figure{what: s.name + ", p99", unit: milliseconds, samples: latencies[at]})
	}
	compared := figure{what: "VIP ÷ Nginx, pair by pair", unit: ratio, samples: ratios(rates[0], rates[1])}
	if p.static {
		compared.target = atLeast(0.9)
	}
	group.add(compared)
	return nil
}

// sameAnswer makes sure that both sides serve what is going to be measured.
func sameAnswer(ctx context.Context, site siteStatus, sides [2]side, p served) error {
	pem, err := os.ReadFile(site.CA)
	if err != nil {
		return fmt.Errorf("read the site's CA: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("the site's CA is no certificate")
	}
	var sums [2][sha256.Size]byte
	for i, s := range sides {
		body, err := fetch(ctx, roots, site.Site, s.address, p.path)
		if err != nil {
			return fmt.Errorf("%s %s: %w", p.what, s.name, err)
		}
		sums[i] = sha256.Sum256(body)
	}
	if p.static && sums[0] != sums[1] {
		return fmt.Errorf("%s: the two sides serve different files", p.what)
	}
	return nil
}

// fetch gets a path of the site at an address, with its certificate verified.
func fetch(ctx context.Context, roots *x509.CertPool, host, address, path string) ([]byte, error) {
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
		},
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		return nil, fmt.Errorf("it answers %s %s", response.Proto, response.Status)
	}
	return io.ReadAll(response.Body)
}
