package doctor

import (
	"io/fs"
	"strings"
	"time"
)

// Computer is what was read of the computer scaleup runs on.
type Computer struct {
	Now         time.Time
	Binary      Binary
	State       *State       // nil: there is none yet
	Lab         *Lab         // of a site of the lab
	SSH         *SSH         // of a site whose servers have addresses
	Certificate *Certificate // of a site that brings its own
}

// Binary is the running scaleup, which is copied to the servers.
type Binary struct {
	Path   string
	Made   time.Time // when the file was written
	Static bool      // it needs no library of the server
}

// State is the site's folder of secrets.
type State struct {
	Path string
	Mode fs.FileMode
}

// Lab is what the lab needs and gets.
type Lab struct {
	Needs     []Need
	Off       int   // machines that are off or not made yet
	Databases int   // of those, database servers
	Available int64 // bytes of memory that programs can still get; -1: not read
}

// Need is one requirement of the lab, as the lab itself judges it.
type Need struct {
	ID  string // see lab.Requirement
	Err error  // nil: it is met
}

// SSH is how this computer reaches servers with an address.
type SSH struct {
	Key        string      // path of the private key
	KeyMode    fs.FileMode // 0: there is no such file
	KeyErr     error       // why it cannot be used
	KnownHosts string
	KnownErr   error    // why the file cannot be used
	Unknown    []string // servers without a key in it
}

// Certificate is the operator's own, which the site file names.
type Certificate struct {
	Path    string
	Expires time.Time
	Err     error // why it could not be read again
}

// renewWithin is how long before its end a certificate should be replaced: a month's
// certificates are renewed ten days before.
const renewWithin = 10 * 24 * time.Hour

// Checks judges this computer.
func (c Computer) Checks() []Check {
	checks := []Check{c.clock(), c.Binary.check()}
	if c.State != nil {
		checks = append(checks, c.State.check())
	}
	if c.Lab != nil {
		checks = append(checks, c.Lab.checks()...)
	}
	if c.SSH != nil {
		checks = append(checks, c.SSH.checks()...)
	}
	if c.Certificate != nil {
		checks = append(checks, c.Certificate.check(c.Now))
	}
	return checks
}

// clock holds the clock against the one thing that is surely past: scaleup was built.
func (c Computer) clock() Check {
	if c.Now.Before(c.Binary.Made) {
		return failed("clock", "", "set the clock: timedatectl set-ntp true",
			"the clock says %s, which is before scaleup was built (%s)", c.Now.UTC().Format(time.DateTime), c.Binary.Made.UTC().Format(time.DateTime))
	}
	return passed("clock", "", "%s UTC", c.Now.UTC().Format(time.DateTime))
}

func (b Binary) check() Check {
	if !b.Static {
		return failed("binary", "", "build it with make build, or with CGO_ENABLED=0",
			"%s needs libraries of the computer it was built on, and is copied to servers that may not have them", b.Path)
	}
	return passed("binary", "", "%s is static", b.Path)
}

// check: the folder holds passwords and the authority's key. Their files are their
// owner's alone, and so should be what is put beside them.
func (s State) check() Check {
	if s.Mode.Perm()&0o077 != 0 {
		c := failed(IDState, "", "chmod 0700 "+s.Path, "%s, which holds the site's secrets, has mode %04o", s.Path, s.Mode.Perm())
		c.Fixable = true
		return c
	}
	return passed(IDState, "", "the site's secrets are their owner's alone")
}

// checks takes the lab's own judgement. What is missing of programs, up installs.
func (l Lab) checks() []Check {
	var checks []Check
	for _, n := range l.Needs {
		switch {
		case n.Err == nil:
			checks = append(checks, passed("lab-"+n.ID, "", "%s", metNeeds[n.ID]))
		case "lab-"+n.ID == IDTools:
			c := warned(IDTools, "", hintOf(n.Err, "install them")+"; scaleup up does so, too", "%v", n.Err)
			c.Fixable = true
			checks = append(checks, c)
		default:
			checks = append(checks, fatal(failed("lab-"+n.ID, "", hintOf(n.Err, "see the message"), "%v", n.Err)))
		}
	}
	if l.Off > 0 && l.Available >= 0 {
		checks = append(checks, l.memory())
	}
	return checks
}

// metNeeds says what is well when a need of the lab is met.
var metNeeds = map[string]string{
	"architecture": "the lab runs on processors of this kind",
	"root":         "the lab may make machines and networks",
	"folder":       "the lab's folder can be mounted",
	"tools":        "all programs that the lab is made with are there",
	"kernel":       "the kernel has overlayfs, bridges, the packet filter and loop devices, as far as it tells",
	"bridge":       "the name of the lab's bridge is free or its own",
	"subnet":       "no other route or interface has the lab's subnet",
	"disk":         "there is room for the machines that are still to be made",
	"cgroups":      "the control groups are there",
}

// Memory of a machine of the lab under load, in bytes: nine use 1.8 GB together, and a
// burst of connections as much again.
const (
	machineMemory  = 200 << 20
	databaseMemory = 700 << 20
)

func (l Lab) memory() Check {
	need := int64(l.Off-l.Databases)*machineMemory + int64(l.Databases)*databaseMemory
	const fix = "end other programs, or use fewer servers, as examples/seed.yaml does"
	switch {
	case l.Available < need/2:
		return failed("lab-memory", "", fix, "%d machines need about %d MB of memory, and %d MB are free", l.Off, megabytes(need), megabytes(l.Available))
	case l.Available < need:
		return warned("lab-memory", "", fix, "%d machines may come to need %d MB of memory, and %d MB are free", l.Off, megabytes(need), megabytes(l.Available))
	}
	return passed("lab-memory", "", "%d MB of memory are free, and %d machines may come to need %d MB", megabytes(l.Available), l.Off, megabytes(need))
}

func (s SSH) checks() []Check {
	checks := []Check{s.key(), s.known()}
	if s.KeyMode != 0 {
		checks = append(checks, s.keyMode())
	}
	return checks
}

func (s SSH) key() Check {
	if s.KeyErr != nil {
		return fatal(failed("ssh-key", "", "name a readable key without a passphrase with ssh.key in the site file", "%v", s.KeyErr))
	}
	return passed("ssh-key", "", "%s can be read", s.Key)
}

// keyMode: whoever can read the key can become root on every server.
func (s SSH) keyMode() Check {
	if s.KeyMode.Perm()&0o077 != 0 {
		c := failed(IDKeyMode, "", "chmod 0600 "+s.Key, "%s has mode %04o: others on this computer may read or change it", s.Key, s.KeyMode.Perm())
		c.Fixable = true
		return c
	}
	return passed(IDKeyMode, "", "the key is its owner's alone")
}

func (s SSH) known() Check {
	scan := "ssh-keyscan -t ed25519 ADDRESS >>" + s.KnownHosts + ", after comparing the keys with the servers' own"
	switch {
	case s.KnownErr != nil:
		return fatal(failed("known-hosts", "", scan, "%v", s.KnownErr))
	case len(s.Unknown) > 0:
		return fatal(failed("known-hosts", "", scan, "%s has no host key of %s", s.KnownHosts, strings.Join(s.Unknown, ", ")))
	}
	return passed("known-hosts", "", "%s has a host key of every server", s.KnownHosts)
}

// check looks ahead; that the certificate fits its key and is valid now was checked when
// the site file was read.
func (c Certificate) check(now time.Time) Check {
	left := c.Expires.Sub(now)
	switch {
	case c.Err != nil:
		return warned("certificate", "", "see the file", "%s: %v", c.Path, c.Err)
	case left < renewWithin:
		return warned("certificate", "", "renew it, and run scaleup apply", "%s expires in %d days, on %s", c.Path, int(left.Hours()/24), c.Expires.UTC().Format(time.DateOnly))
	}
	return passed("certificate", "", "%s is valid until %s and fits its key", c.Path, c.Expires.UTC().Format(time.DateOnly))
}
