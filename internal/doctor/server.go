package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"scaleup/internal/component/all"
	"scaleup/internal/inspect"
	"scaleup/internal/kernel"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

// Server is what was read of one server.
type Server struct {
	topology.Server
	Response remote.Response // to Question, with what Add has added
	// How far its clock is ahead of this computer's, and by how much that may be wrong.
	Ahead, Doubt time.Duration
}

// dataDir is where MySQL's data lie on a database server.
const dataDir = "/var/lib/mysql"

// Nonlocal is the kernel setting without which a load balancer's HAProxy cannot start
// again while another one holds the addresses. The base component sets it, too.
var Nonlocal = &resource.Sysctls{Values: map[string]string{"net.ipv4.ip_nonlocal_bind": "1"}}

// Question asks a server for what it can answer at once, with its clock among it.
func Question(t *topology.Topology, s topology.Server) remote.Request {
	q := Glance(t, s)
	q.Facts = true
	switch s.Role {
	case spec.Database:
		q.Preflight.Data = dataDir
	case spec.LoadBalancer:
		q.Observe = []resource.Resource{{Spec: Nonlocal}}
	}
	return q
}

// Slow asks for what takes a second or two: apt's lists and packets to other servers. The
// answer is for Add.
func Slow(t *topology.Topology, s topology.Server) remote.Request {
	return remote.Request{Preflight: &remote.PreflightAsk{Address: s.Address, Packages: packagesOf(t, s), Lists: true, Echo: pathsOf(t, s)}}
}

// Add puts the answer to Slow beside that to Question; err says why there is none.
func (s *Server) Add(r remote.Response, err error) {
	known := s.Response.Preflight
	if known.Errors == nil {
		known.Errors = map[string]string{}
	}
	if err != nil {
		known.Errors["packages and paths"] = err.Error()
		return
	}
	if r.Preflight.Missing != nil {
		known.Missing = r.Preflight.Missing
	}
	known.Paths = r.Preflight.Paths
	maps.Copy(known.Errors, r.Preflight.Errors)
}

// Glance asks only what can be fatal and a survey does not find out by itself: it takes
// some milliseconds. The facts are for the caller to add to the response.
func Glance(t *topology.Topology, s topology.Server) remote.Request {
	return remote.Request{
		Units: unitsOf(t, s), Inspect: &inspect.Ask{},
		Preflight: &remote.PreflightAsk{Address: s.Address, Packages: packagesOf(t, s), Kernel: kernelOf(s)},
	}
}

func packagesOf(t *topology.Topology, s topology.Server) []string {
	var names []string
	for _, p := range all.Packages(s.Role, t.Site) {
		names = append(names, p.Names...)
	}
	return names
}

func kernelOf(s topology.Server) []string {
	parts := []string{remote.KernelFilter, remote.KernelTrack}
	if s.Role == spec.LoadBalancer {
		parts = append(parts, remote.KernelNonlocal)
	}
	return parts
}

// Checks judges a server that has answered.
func (s Server) Checks(t *topology.Topology) []Check {
	var checks []Check
	if f := s.Response.Facts; f != nil {
		if err := survey.Supported(s.Name, *f); err != nil {
			checks = append(checks, fatal(failed("os", s.Name, "install one of those, or use another server", "%v", err)))
		} else {
			checks = append(checks, passed("os", s.Name, "%s %s on %s", f.OS, f.Release, f.Arch))
		}
	}
	if p := s.Response.Preflight; p != nil {
		checks = append(checks, s.packages(t, p))
		checks = append(checks, s.kernel(p)...)
		if s.Role == spec.Database {
			checks = append(checks, s.data(p))
		}
		checks = append(checks, unread(s.Name, p.Errors)...)
	}
	if state, asked := s.Response.States[Nonlocal.ID()]; asked && s.Response.Units[haproxyUnit] == "running" {
		checks = append(checks, s.nonlocal(state))
	}
	if r := s.Response.Inspection; r != nil {
		checks = append(checks, s.disks(r.Disks)...)
		checks = append(checks, s.memory(r.Memory), s.clock(r.Synced))
		checks = append(checks, ports(t, s.Server, r.Listeners, s.Response.Units)...)
		checks = append(checks, unread(s.Name, r.Errors)...)
	} else {
		checks = append(checks, unread(s.Name, map[string]string{"clock, disks, memory and ports": "the server did not show them"})...)
	}
	return checks
}

// unread names what could not be looked at: not known is not good.
func unread(server string, errors map[string]string) []Check {
	var checks []Check
	for _, what := range slices.Sorted(maps.Keys(errors)) {
		checks = append(checks, warned("unread", server, "see the message", "%s could not be read: %s", what, errors[what]))
	}
	return checks
}

// packages must be there or to be had. Those of another release of Debian are in the
// lists only once up has added that release.
func (s Server) packages(t *topology.Topology, p *remote.Preflight) Check {
	var known, unknown, later []string
	for _, set := range all.Packages(s.Role, t.Site) {
		for _, name := range set.Names {
			version, missing := p.Missing[name]
			switch {
			case !missing:
			case version != "":
				known = append(known, name+" "+version)
			case set.Release != "":
				later = append(later, name)
			default:
				unknown = append(unknown, name)
			}
		}
	}
	switch {
	case len(p.Missing) == 0:
		return passed("packages", s.Name, "all its packages are installed")
	case len(unknown) > 0:
		return warned("packages", s.Name, "apt-get update on the server; up does so, too, and needs its package mirror",
			"apt's lists there have no %s", strings.Join(unknown, ", "))
	case len(later) > 0:
		return passed("packages", s.Name, "up will install %s, and will read the lists of another release first", strings.Join(append(known, later...), ", "))
	}
	return passed("packages", s.Name, "up will install %s", strings.Join(known, ", "))
}

// kernelWhy says what a part of the kernel is for.
var kernelWhy = map[string]string{
	remote.KernelFilter:   "the packet filter",
	remote.KernelTrack:    "the packet filter's memory of connections",
	remote.KernelNonlocal: "HAProxy, to listen on virtual addresses that the other load balancer holds",
}

func (s Server) kernel(p *remote.Preflight) []Check {
	var checks []Check
	for _, name := range slices.Sorted(maps.Keys(p.Kernel)) {
		part := p.Kernel[name]
		id, why := "kernel-"+strings.ReplaceAll(name, "_", "-"), ""
		if part.Why != "" {
			why = ": " + part.Why
		}
		switch part.Has {
		case kernel.Yes:
			checks = append(checks, passed(id, s.Name, "its kernel has %s", name))
		case kernel.No:
			checks = append(checks, fatal(failed(id, s.Name, "run a kernel of the distribution there, with its modules",
				"its kernel lacks %s, which is for %s%s", name, kernelWhy[name], why)))
		default:
			checks = append(checks, warned(id, s.Name, "go on: up says so if it is missing", "its kernel does not tell whether it has %s%s", name, why))
		}
	}
	return checks
}

// nonlocal is of no account before HAProxy runs: up sets it.
func (s Server) nonlocal(state resource.State) Check {
	if state != Nonlocal.Want() {
		c := failed(IDNonlocal, s.Name, "sysctl -w net.ipv4.ip_nonlocal_bind=1 there; scaleup apply does so, too",
			"%s: HAProxy could not start again while the other load balancer holds the addresses", state)
		c.Fixable = true
		return c
	}
	return passed(IDNonlocal, s.Name, "%s", state)
}

func (s Server) data(p *remote.Preflight) Check {
	if p.Data != "" {
		return fatal(failed("mysql-data", s.Name, "do one of the two; scaleup touches neither", "%s", p.Data))
	}
	return passed("mysql-data", s.Name, "%s is empty or scaleup's own", dataDir)
}

// Room on a server's disks, in bytes.
const (
	diskLow  = 2 << 30   // a warning: logs and binary logs grow
	diskFull = 300 << 20 // the packages of a role, unpacked, and their archives
)

// disks: an installation that runs out of room leaves the package system half done, so
// where one is due, too little is fatal.
func (s Server) disks(disks []inspect.Disk) []Check {
	var checks []Check
	installs := s.Response.Preflight != nil && len(s.Response.Preflight.Missing) > 0
	for _, d := range disks {
		const fix = "free some space there, or give the server a larger disk"
		switch {
		case d.ReadOnly:
			checks = append(checks, fatal(failed("disk", s.Name, "see dmesg there: a kernel that finds errors on a disk makes it read-only", "%s cannot be written", d.Path)))
		case d.Free < min(diskFull, d.Size/2):
			c := failed("disk", s.Name, fix, "%d MB are free at %s", megabytes(d.Free), d.Path)
			c.Fatal = installs
			checks = append(checks, c)
		case d.Inodes > 0 && d.InodesFree < d.Inodes/50:
			checks = append(checks, failed("disk", s.Name, "remove small files there; df -i shows them by disk", "%s has %d of %d inodes left", d.Path, d.InodesFree, d.Inodes))
		case d.Free < min(diskLow, d.Size/10):
			checks = append(checks, warned("disk", s.Name, fix, "%d MB are free at %s", megabytes(d.Free), d.Path))
		default:
			checks = append(checks, passed("disk", s.Name, "%d MB are free at %s", megabytes(d.Free), d.Path))
		}
	}
	return checks
}

// Memory that a server should have, in bytes: a database server's smallest buffer pool
// (128 MB) with caches and connections; the others' programs and their connections.
const (
	memoryDatabase = 900 << 20 // a server of 1 GB shows less of it
	memoryOther    = 400 << 20
	memoryLeft     = 64 << 20 // still to be had
)

func (s Server) memory(m inspect.Memory) Check {
	least := int64(memoryOther)
	if s.Role == spec.Database {
		least = memoryDatabase
	}
	switch {
	case m.Total < least:
		return failed("memory", s.Name, "give the server more memory", "it has %d MB of memory, and a %s server needs %d", megabytes(m.Total), s.Role, megabytes(least))
	case m.Available < memoryLeft:
		return warned("memory", s.Name, "see what takes it: ps -e --sort=-rss -o rss,comm", "%d of its %d MB of memory are left", megabytes(m.Available), megabytes(m.Total))
	}
	return passed("memory", s.Name, "%d MB of memory, %d MB free", megabytes(m.Total), megabytes(m.Available))
}

// How wrong a server's clock may be, against this computer's.
const (
	clockOff = time.Second // journals of several servers cannot be read together
	// clockBroken: certificates that are made here are valid from an hour ago, and not
	// valid yet for a server that is further behind.
	clockBroken = time.Hour
)

func (s Server) clock(synced string) Check {
	const fix = "let something set it, such as: timedatectl set-ntp true, with systemd-timesyncd or chrony installed"
	surely := s.Ahead.Abs() - s.Doubt
	way := "ahead of"
	if s.Ahead < 0 {
		way = "behind"
	}
	said := fmt.Sprintf("is %s %s this computer's, give or take %s", seconds(s.Ahead.Abs()), way, seconds(s.Doubt))
	switch {
	case surely > clockBroken:
		return fatal(failed("clock", s.Name, fix, "its clock %s: certificates would not be valid there", said))
	case surely > clockOff:
		return failed("clock", s.Name, fix, "its clock %s", said)
	case synced == "no":
		return warned("clock", s.Name, fix, "nothing sets its clock, which %s", said)
	}
	return passed("clock", s.Name, "its clock %s", said)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
