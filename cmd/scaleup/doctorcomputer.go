package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"debug/elf"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"scaleup/internal/doctor"
	"scaleup/internal/host/ssh"
	"scaleup/internal/inspect"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// computer reads what doctor judges of this computer. off are the servers of the lab that
// do not run.
func (op *operation) computer(off []string) doctor.Computer {
	c := doctor.Computer{Now: time.Now(), Binary: ownBinary()}
	if info, err := os.Stat(op.stateDir); err == nil {
		c.State = &doctor.State{Path: op.stateDir, Mode: info.Mode()}
	}
	if op.topology.InLab() {
		c.Lab = op.labNeeds(off)
	} else {
		c.SSH = sshAccess(op.topology)
	}
	if t := op.topology.Site.TLS; t.Cert != "" {
		expires, err := expiry(t.Cert)
		c.Certificate = &doctor.Certificate{Path: t.Cert, Expires: expires, Err: err}
	}
	return c
}

// ownBinary tells of the program that runs. A program that names no interpreter needs no
// libraries of the system.
func ownBinary() doctor.Binary {
	path, err := os.Executable()
	if err != nil {
		return doctor.Binary{Path: "scaleup"}
	}
	b := doctor.Binary{Path: path}
	if info, err := os.Stat(path); err == nil {
		b.Made = info.ModTime()
	}
	file, err := elf.Open(path)
	if err != nil {
		return b
	}
	defer file.Close()
	b.Static = !slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	return b
}

func (op *operation) labNeeds(off []string) *doctor.Lab {
	needs := &doctor.Lab{Off: len(off), Available: availableMemory()}
	for _, s := range op.topology.With(spec.Database) {
		if slices.Contains(off, s.Name) {
			needs.Databases++
		}
	}
	l, err := op.openLab(nil, nil)
	needs.Needs = append(needs.Needs, doctor.Need{ID: "cgroups", Err: err})
	if err != nil {
		return needs
	}
	for _, r := range l.Examine(op.machines()) {
		needs.Needs = append(needs.Needs, doctor.Need{ID: r.ID, Err: r.Err})
	}
	return needs
}

// availableMemory is what programs can still get, in bytes; -1 when it is not told.
func availableMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return -1
	}
	m, err := inspect.ParseMemory(string(text))
	if err != nil {
		return -1
	}
	return m.Available
}

// sshAccess looks at the files that servers with an address are reached with.
func sshAccess(t *topology.Topology) *doctor.SSH {
	a := &doctor.SSH{Key: t.Site.SSH.Key, KnownHosts: t.Site.SSH.KnownHosts}
	_, a.KeyErr = ssh.ReadSigner(a.Key)
	if info, err := os.Stat(a.Key); err == nil {
		a.KeyMode = info.Mode()
	}
	known, err := ssh.KnownHosts(a.KnownHosts)
	if err != nil {
		a.KnownErr = err
		return a
	}
	for _, s := range t.Servers {
		listed, err := inKnownHosts(known, s.Address, t.SSHPort(s))
		if err != nil {
			a.KnownErr = err
		} else if !listed {
			a.Unknown = append(a.Unknown, s.Name)
		}
	}
	return a
}

// inKnownHosts shows the list a key that nobody has: a server with keys in the list is
// refused with those, one without is unknown.
func inKnownHosts(known gossh.HostKeyCallback, address netip.Addr, port int) (bool, error) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return false, err
	}
	key, err := gossh.NewPublicKey(public)
	if err != nil {
		return false, err
	}
	at := netip.AddrPortFrom(address, uint16(port))
	err = known(at.String(), net.TCPAddrFromAddrPort(at), key)
	if refused, ok := errors.AsType[*knownhosts.KeyError](err); ok {
		return len(refused.Want) > 0, nil
	}
	return false, err
}

// expiry is the end of the first certificate in a PEM file.
func expiry(path string) (time.Time, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return time.Time{}, fmt.Errorf("read the certificate: %w", err)
		}
		return cert.NotAfter, nil
	}
	return time.Time{}, errors.New("it holds no certificate")
}
