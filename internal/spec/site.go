// Package spec reads a site file (site.yaml) into a Site: strict decoding,
// defaults, and one error per mistake with its line, reason and hint.
//
// It looks at the operator's disk (release folders, certificates) but never at
// a server, and it decides nothing: addresses, flows and stages are topology's.
package spec

import (
	"net/netip"
	"time"
)

// Role is what a server does; every server has exactly one.
type Role string

// The roles, in the order requests pass them.
const (
	LoadBalancer Role = "loadbalancer"
	Web          Role = "web"
	App          Role = "app"
	Database     Role = "database"
)

// Roles lists every role in the order requests pass them.
var Roles = []Role{LoadBalancer, Web, App, Database}

// Site is a parsed, validated and defaulted site file.
type Site struct {
	File string // path of the site file as it was named by the user
	Dir  string // absolute folder of the site file; relative paths in it start here

	Name       string // host name the site is served under, e.g. www.foobar.com
	Lab        Lab
	Servers    []Server // in the order of the file
	VIPs       VIPs
	SSH        SSH
	TLS        TLS
	Web        WebTier
	App        AppTier
	Database   DatabaseTier
	Objectives map[string]Objective // by drill name
	Drill      Drill
	// DrillsAllowed says that drills may break servers that have an address. Those
	// of the lab are there to be broken and need no such word.
	DrillsAllowed bool
}

// Lab says where the servers without an address live.
type Lab struct {
	Name   string       // keys machines, bridge and state; [a-z][a-z0-9-]{0,19}
	Subnet netip.Prefix // IPv4, /16 to /26
}

// Server is one machine of the site.
type Server struct {
	Name    string
	Role    Role
	Address netip.Addr // zero: the lab makes the server and its address
	Line    int        // line of the site file that names it
}

// Remote reports whether the server is reached over SSH at an address of the
// file, rather than made by the lab.
func (s Server) Remote() bool { return s.Address.IsValid() }

// VIPs are the virtual addresses; zero in the lab means: topology chooses.
type VIPs struct {
	Public   netip.Addr
	Internal netip.Addr
}

// SSH says how servers with an address are reached, and who else may.
type SSH struct {
	User       string         // sudo is used when it is not root
	Port       uint16         // default 22
	Key        string         // absolute path of the private key; empty in a pure lab site
	KnownHosts string         // absolute path; default ~/.ssh/known_hosts
	Allow      []netip.Prefix // who may open SSH connections to the servers
}

// TLS says which certificate the public frontend serves.
type TLS struct {
	Internal bool   // issued by the site's own CA
	Cert     string // absolute path of a PEM chain, when not Internal
	Key      string // absolute path of the PEM key, when not Internal
}

// WebTier is what the web servers serve by themselves.
type WebTier struct {
	Static string // absolute path of the folder of static files
}

// AppTier is the user's program.
type AppTier struct {
	Release string            // absolute path of the release folder
	Command []string          // argv, run in the release folder
	Migrate []string          // argv, run once per release before its first slot; may be empty
	Health  string            // path HAProxy checks: the process serves
	Ready   string            // path that gates a new slot: its dependencies answer
	Env     map[string]string // extra environment; values may use ${secret:mysql}, ${mysql:host} ...
	Memory  int64             // bytes, MemoryMax of one slot
}

// Packages says where a server's MySQL comes from.
type Packages string

// The package sources of MySQL.
const (
	DebianSid Packages = "debian-sid" // Debian's own mysql-server-core of unstable, pinned
	Oracle    Packages = "oracle"     // Oracle's MySQL apt repository
	Installed Packages = "installed"  // scaleup installs nothing
)

// DatabaseTier is the MySQL group.
type DatabaseTier struct {
	Name     string   // schema of the application
	Packages Packages // default debian-sid in the lab; must be said for servers over SSH
}

// Drill is what the drills' load reads and writes. The paths of one list take turns.
type Drill struct {
	Static []string // files of the web servers
	Pages  []string // pages that may come from a cache; / when the site file names no path at all
	API    []string // answers of the application that may not
	Orders bool     // writes are orders of foobar; otherwise rows in a table of the drills' own
}

// Objective is what a drill must not exceed; nil fields keep the drill's default.
type Objective struct {
	ReadOutage, WriteOutage, Degraded, Recover *time.Duration
	Failed, Lost, Duplicated                   *int
}

// With returns the servers of a role in the order of the file.
func (s *Site) With(r Role) []Server {
	var with []Server
	for _, v := range s.Servers {
		if v.Role == r {
			with = append(with, v)
		}
	}
	return with
}

// StateName names the folder of the site's state: the lab's name, or the
// site's when no server is the lab's.
func (s *Site) StateName() string {
	for _, v := range s.Servers {
		if !v.Remote() {
			return s.Lab.Name
		}
	}
	return s.Name
}
