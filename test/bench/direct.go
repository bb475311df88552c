package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"time"
)

// direct is a second Nginx on the first web server, with TLS and the site's own
// certificate: what the site would do without load balancers in front. It has
// the configuration of the real one but for its address, files and TLS.
type direct struct {
	lab     *lab
	server  string
	address string // host and port
}

const (
	directPort   = "8443"
	directFolder = "/run/scaleup-bench" // in memory: gone at the latest when the machine is off
	directConfig = directFolder + "/nginx.conf"
	directPair   = directFolder + "/site.pem"
	directUnit   = "scaleup-bench-nginx"
	realConfig   = "/etc/nginx/nginx.conf"
	realFirewall = "/etc/nftables.conf"
	realPair     = "/etc/haproxy/tls/site.pem"
)

// startDirect starts it and opens the firewall to it. Whatever has been done is
// undone by stop, also after an error.
func startDirect(ctx context.Context, l *lab, balancer, web, webAddress string) (*direct, error) {
	d := &direct{lab: l, server: web, address: net.JoinHostPort(webAddress, directPort)}
	pair, err := l.on(ctx, balancer, "", "cat", realPair)
	if err != nil {
		return d, err
	}
	original, err := l.on(ctx, web, "", "cat", realConfig)
	if err != nil {
		return d, err
	}
	config, files, err := deriveConfig(original)
	if err != nil {
		return d, fmt.Errorf("derive the second Nginx from %s: %w", realConfig, err)
	}
	for _, step := range []struct {
		stdin string
		argv  []string
	}{
		{"", []string{"mkdir", "-p", directFolder}},
		{pair, []string{"sh", "-c", "umask 077 && cat >" + directPair}},
		{config, []string{"sh", "-c", "cat >" + directConfig}},
		{"", []string{"nginx", "-t", "-q", "-c", directConfig}},
		{"", []string{"systemd-run", "--quiet", "--collect", "--unit=" + directUnit, "-p", "LimitNOFILE=" + files, "-p", "RuntimeMaxSec=2h",
			"nginx", "-c", directConfig, "-g", "daemon off;"}},
		{"", []string{"nft", "insert", "rule", "inet", "scaleup", "input", "tcp", "dport", directPort, "accept"}},
	} {
		if _, err := l.on(ctx, web, step.stdin, step.argv...); err != nil {
			return d, err
		}
	}
	return d, d.await(ctx)
}

// await returns when it accepts connections.
func (d *direct) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", d.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the second Nginx does not answer: %w", err)
		case <-time.After(50 * time.Millisecond): // the pace of polling
		}
	}
}

// stop takes everything back and proves it: the plan must be empty again.
func (d *direct) stop(ctx context.Context) error {
	var failures []error
	for _, argv := range [][]string{
		{"nft", "-f", realFirewall},
		// It may never have been started.
		{"sh", "-c", "! systemctl --quiet is-active " + directUnit + " || systemctl stop " + directUnit},
		{"rm", "-rf", directFolder},
	} {
		_, err := d.lab.on(ctx, d.server, "", argv...)
		failures = append(failures, err)
	}
	if _, err := d.lab.run(ctx, "plan"); err != nil {
		failures = append(failures, fmt.Errorf("the second Nginx has left traces: %w", err))
	}
	return errors.Join(failures...)
}

var (
	listenLine = regexp.MustCompile(`(?m)^(\s*)listen ([0-9.]+):[0-9]+[^\n;]*;\n`)
	filesLine  = regexp.MustCompile(`(?m)^worker_rlimit_nofile ([0-9]+);`)
)

// deriveConfig turns the web server's configuration into the second Nginx's:
// one listener, with TLS, and files of its own. files is the number of files it
// may open.
func deriveConfig(original string) (config, files string, err error) {
	limit := filesLine.FindStringSubmatch(original)
	first := listenLine.FindStringSubmatchIndex(original)
	if limit == nil || first == nil {
		return "", "", errors.New("it has no worker_rlimit_nofile or listen line")
	}
	indent, address := original[first[2]:first[3]], original[first[4]:first[5]]
	var tls strings.Builder
	for _, line := range []string{
		"listen " + net.JoinHostPort(address, directPort) + " ssl default_server reuseport backlog=4096 so_keepalive=on;",
		"http2 on;",
		"ssl_certificate " + directPair + ";",
		"ssl_certificate_key " + directPair + ";",
		"ssl_protocols TLSv1.2 TLSv1.3;",
		"ssl_session_cache shared:direct:4m;",
		// The load generator does not reconnect, so a connection must outlast its run.
		"keepalive_requests 100000000;",
	} {
		tls.WriteString(indent + line + "\n")
	}
	config = original[:first[0]] + tls.String() + listenLine.ReplaceAllString(original[first[1]:], "")
	for _, move := range [][2]string{
		{"pid /run/nginx.pid;", "pid " + directFolder + "/nginx.pid;"},
		{"/var/log/nginx/", directFolder + "/"},
	} {
		if !strings.Contains(config, move[0]) {
			return "", "", fmt.Errorf("it does not say %q", move[0])
		}
		config = strings.ReplaceAll(config, move[0], move[1])
	}
	cache := regexp.MustCompile(`proxy_cache_path \S+`)
	if !cache.MatchString(config) {
		return "", "", errors.New("it has no cache")
	}
	return cache.ReplaceAllString(config, "proxy_cache_path "+directFolder+"/cache"), limit[1], nil
}
