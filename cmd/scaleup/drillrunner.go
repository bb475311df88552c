package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"scaleup/internal/drill"
	"scaleup/internal/drill/inject"
	"scaleup/internal/drill/load"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// drillRunner connects a drill with the site: the way to its servers, to its
// address as users reach it, to its database, and to what scaleup itself does to it.
func (op *operation) drillRunner(ctx context.Context, f drillFlags, dir string) (*drill.Runner, func(), error) {
	file, err := filepath.Abs(op.topology.Site.File)
	if err != nil {
		return nil, nil, fmt.Errorf("find the site file: %w", err)
	}
	store, values, err := op.store()
	if err != nil {
		return nil, nil, err
	}
	roots, err := op.roots(store.CAFile())
	if err != nil {
		return nil, nil, err
	}
	own := x509.NewCertPool()
	if !own.AppendCertsFromPEM(values.CA) {
		return nil, nil, fmt.Errorf("%s holds no certificate", store.CAFile())
	}
	hosts, done, err := op.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	d, err := op.dialer()
	if err != nil {
		done()
		return nil, nil, err
	}
	health, doneHealth, err := op.standing(ctx)
	if err != nil {
		done()
		return nil, nil, err
	}
	scratch, err := os.MkdirTemp("", "scaleup-drill-")
	if err != nil {
		done()
		doneHealth()
		return nil, nil, fmt.Errorf("make a folder for changed releases: %w", err)
	}
	t := op.topology
	r := &drill.Runner{
		Site: t, Hosts: hosts, Dial: func(ctx context.Context, s topology.Server) (host.Host, error) { return d.dial(ctx, s) },
		Binary: op.binary.RemotePath(),
		Target: load.Target{Host: t.Site.Name, Address: net.JoinHostPort(t.Public.String(), strconv.Itoa(topology.PortHTTPS)), Roots: roots},
		SQL:    drill.SQLAccess{Address: net.JoinHostPort(t.Internal.String(), strconv.Itoa(topology.PortMySQL)), Roots: own, Password: values.MySQLDrill},
		Status: func(ctx context.Context) (status.Report, error) {
			return op.assess(ctx, func() (connector, error) { return health, nil })
		},
		Changes: changeProcess{op.command(file, "drill-change", "--scratch", scratch)},
		Options: drill.Options{
			Read: f.rate * drill.DefaultRead / (drill.DefaultRead + drill.DefaultWrite), Write: f.rate * drill.DefaultWrite / (drill.DefaultRead + drill.DefaultWrite),
			Trials: f.trials, Seed: f.seed, Hold: f.duration, Baseline: f.baseline, Dir: dir, Version: version(), Reproduce: op.reproduce(f),
			// Run by a process of its own, should a drill die while it changes the site.
			Converge: op.command(file, "up", "--yes", "--no-input"),
		},
		Show: newDrillProgress(op.err).show,
	}
	r.Reaper = inject.Reaper{StateDir: op.stateDir, Start: inject.Detached(op.binary.Path)}
	if t.InLab() {
		r.Lab = d.lab
		r.Reaper.Lab = inject.Lab{Dir: d.lab.Dir(), Name: t.Site.Lab.Name, Subnet: t.Site.Lab.Subnet}
	}
	return r, func() {
		done()
		doneHealth()
		os.RemoveAll(scratch)
	}, nil
}

// command is the command line of another verb of this program, on the same site.
func (op *operation) command(siteFile string, words ...string) []string {
	argv := append([]string{op.binary.Path}, words...)
	argv = append(argv, "-f", siteFile)
	if op.labDir != "" {
		argv = append(argv, "--lab-dir", op.labDir)
	}
	return argv
}

// roots are who may have signed the site's certificate: its own authority, or
// whoever this computer trusts.
func (op *operation) roots(ca string) (*x509.CertPool, error) {
	if !op.topology.Site.TLS.Internal {
		roots, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("read the authorities that this computer trusts: %w", err)
		}
		return roots, nil
	}
	content, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("read the site's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	return roots, nil
}

// reproduce is the command that makes the same choices again.
func (op *operation) reproduce(f drillFlags) func(string, uint64) string {
	return func(name string, seed uint64) string {
		words := []string{"scaleup", "drill", name, "-f", op.topology.Site.File, "--seed", strconv.FormatUint(seed, 10), "--trials", strconv.Itoa(f.trials)}
		if f.rate != drill.DefaultRead+drill.DefaultWrite {
			words = append(words, "--rate", strconv.FormatFloat(f.rate, 'g', -1, 64))
		}
		if f.duration > 0 {
			words = append(words, "--duration", f.duration.String())
		}
		return strings.Join(words, " ")
	}
}

// standing are connections that stand, for asking how the site is. To make nine new
// ones takes the servers several tenths of a second of processor time, and to answer
// a third of one, which a drill would measure where all servers share this computer:
// so they are asked in the background, and one after the other.
type standing struct {
	hosts map[string]host.Host
	turn  *sync.Mutex
}

// standing also brings the binary along where a server has not got it yet.
func (op *operation) standing(ctx context.Context) (standing, func(), error) {
	hosts, done, err := op.connect(ctx)
	if err != nil {
		return standing{}, nil, err
	}
	for name, h := range hosts {
		if _, err := h.Call(ctx, remote.Request{Background: true}); err != nil {
			done()
			return standing{}, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return standing{hosts, new(sync.Mutex)}, done, nil
}

func (s standing) dial(_ context.Context, server topology.Server) (host.Host, error) {
	return kept{s.hosts[server.Name], s.turn}, nil
}

// kept is a connection that stays open for the next question. A server that has been
// restarted is reached anew, and asked in the background again.
type kept struct {
	host.Host
	turn *sync.Mutex
}

// Call implements host.Host.
func (k kept) Call(ctx context.Context, q remote.Request) (remote.Response, error) {
	k.turn.Lock()
	defer k.turn.Unlock()
	// One that has died since must not use up the time of all.
	ctx, cancel := context.WithTimeout(ctx, 2*status.Greeting)
	defer cancel()
	q.Background = true
	return k.Host.Call(ctx, q)
}

// Close implements host.Host.
func (kept) Close() error { return nil }
