package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"scaleup/internal/component"
	"scaleup/internal/remote"
	"scaleup/internal/secrets"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// tier is the way from this computer to the database. No flow of the site leads here:
// the firewalls of the servers in between are opened for it, and closed by close.
type tier struct {
	lab     *lab
	opened  []string // servers whose firewall was opened
	primary string
	virtual string // host and port of the internal virtual address: to whoever is the primary
	direct  string // host and port of the primary itself
	secrets component.Secrets
	roots   *x509.CertPool
}

// openTier finds the way, and opens the load balancers' firewalls; with direct, that of
// the primary, too. What has been done is undone by close, also after an error.
func openTier(ctx context.Context, l *lab, direct bool) (*tier, error) {
	d := &tier{lab: l, roots: x509.NewCertPool()}
	site, err := spec.Load(l.file)
	if err != nil {
		return d, err
	}
	shape, err := topology.Build(site)
	if err != nil {
		return d, err
	}
	store, err := secrets.Open(secrets.Dir(site))
	if err != nil {
		return d, err
	}
	if d.secrets, err = store.Load(shape); err != nil {
		return d, err
	}
	if !d.roots.AppendCertsFromPEM(d.secrets.CA) {
		return d, errors.New("the site's CA is no certificate")
	}
	status, err := l.status(ctx)
	if err != nil {
		return d, err
	}
	d.primary = status.Database.Primary
	server, err := shape.Server(d.primary)
	if err != nil {
		return d, fmt.Errorf("find the primary: %w", err)
	}
	port := strconv.Itoa(topology.PortMySQL)
	d.virtual, d.direct = net.JoinHostPort(shape.Internal.String(), port), net.JoinHostPort(server.Address.String(), port)
	open := shape.Names(spec.LoadBalancer)
	if direct {
		open = append(open, d.primary)
	}
	for _, name := range open {
		d.opened = append(d.opened, name)
		if _, err := l.on(ctx, name, "", "nft", "insert", "rule", "inet", "scaleup", "input", "tcp", "dport", port, "accept"); err != nil {
			return d, err
		}
	}
	return d, nil
}

// close closes the firewalls and proves it: the plan must be empty again.
func (d *tier) close(ctx context.Context) error {
	var failures []error
	for _, name := range d.opened {
		_, err := d.lab.on(ctx, name, "", "nft", "-f", realFirewall)
		failures = append(failures, err)
	}
	if _, err := d.lab.run(ctx, "plan"); err != nil {
		failures = append(failures, fmt.Errorf("the way to the database has left traces: %w", err))
	}
	return errors.Join(failures...)
}

// sql runs statements as root by the primary's socket. They come by standard input:
// what may hold a password is in no list of processes.
func (d *tier) sql(ctx context.Context, statements string) error {
	_, err := d.lab.on(ctx, d.primary, statements, "mysql", "--no-defaults", "--user=root", "--socket="+remote.MySQLSocket)
	return err
}

// healthLimit is how long the site may take to be whole again after a fault: what the
// drills promise, twice.
const healthLimit = 3 * time.Minute

// awaitHealthy returns when status finds nothing wrong.
func (l *lab) awaitHealthy(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	for {
		_, err := l.run(limited, "status")
		if err == nil {
			return nil
		}
		select {
		case <-limited.Done():
			return errors.Join(ctx.Err(), fmt.Errorf("the site is not healthy after %s: %w", healthLimit, err))
		case <-time.After(200 * time.Millisecond): // the pace of polling
		}
	}
}
