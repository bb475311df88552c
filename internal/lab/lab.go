// Package lab makes the servers of a site on one computer: systemd-nspawn
// machines with their own address, systemd and sshd on a bridge, from layers of
// packages that are built once. It boots them, takes them down, and plays the
// bad day: power off, freeze, cut cable.
//
// It knows nothing of what runs on a server. What it makes answers SSH with the
// caller's key; from there on a lab machine is configured exactly as a real
// server is.
//
// Everything of one machine lives in its own cgroup and its own mount
// namespace. So a machine is taken down by killing one cgroup, which also
// unmounts its file systems and frees its loop device, and a killed run leaves
// nothing behind that the next one does not find by name: layers and machine
// folders under Config.Dir, cgroups under scaleup/<lab>, and one bridge whose
// alias says whose it is.
package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
)

// DefaultDir is where labs are kept unless Config.Dir says otherwise.
const DefaultDir = "/var/lib/scaleup"

// Config names a lab. A lab is the same lab when Dir and Name are the same.
type Config struct {
	Dir           string       // default DefaultDir; holds layers (shared by labs) and labs
	Name          string       // [a-z][a-z0-9-]{0,19}
	Subnet        netip.Prefix // IPv4; the first host address is the operator's, on the bridge
	AuthorizedKey []byte       // one line of an authorized_keys file, written into machines when they are made
	// Log is told what is being done, for progress lines. Server is empty for
	// what concerns all of them. It may be called from several goroutines.
	Log func(server, message string)
}

// Machine is a server the lab should have.
type Machine struct {
	Name    string     // a DNS label
	Role    string     // the recipe whose packages it has; "" or Bare: none but the base system's
	Address netip.Addr // inside Config.Subnet
	// HostKey is the machine's SSH host key as PEM. Empty: the lab makes one.
	// Either way Lab.HostKey returns the public half to pin.
	HostKey []byte
	// Sudoer, when not empty, is a user who has the authorized key and sudo
	// without password; root then has no key, as on many rented servers.
	Sudoer string
}

// Bare is the role of a machine with nothing but the base system.
const Bare = "bare"

// Recipe lists the packages of a role's layer.
type Recipe struct {
	Role     string
	Packages []PackageSet // installed in this order
	// Database asks for a file system image with an initialised MySQL data
	// directory, of which each machine gets a copy at /var/lib/mysql.
	Database bool
}

// PackageSet is packages of one Debian release.
type PackageSet struct {
	Names   []string
	Release string // "" is the base system's release; "sid" is the other one there is
}

// Lab is one lab on this computer. Its methods may be called by several
// processes at once; they take turns.
type Lab struct {
	dir     string
	name    string
	subnet  netip.Prefix
	key     []byte
	log     func(server, message string)
	cgroups cgroups
}

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)

// Open returns the lab of a configuration. It changes nothing on the computer.
func Open(c Config) (*Lab, error) {
	if !nameForm.MatchString(c.Name) {
		return nil, fmt.Errorf("lab name %q: use up to 20 lower-case letters, digits and hyphens, a letter first", c.Name)
	}
	if !c.Subnet.IsValid() || !c.Subnet.Addr().Is4() || c.Subnet != c.Subnet.Masked() {
		return nil, fmt.Errorf("lab subnet %s: use an IPv4 network such as 10.77.0.0/24", c.Subnet)
	}
	if c.Dir == "" {
		c.Dir = DefaultDir
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("find lab folder: %w", err)
	}
	if c.Log == nil {
		c.Log = func(string, string) {}
	}
	groups, err := findCgroups(c.Name)
	if err != nil {
		return nil, err
	}
	return &Lab{dir: dir, name: c.Name, subnet: c.Subnet, key: c.AuthorizedKey, log: c.Log, cgroups: groups}, nil
}

// Dir is where labs and layers are kept, absolute.
func (l *Lab) Dir() string { return l.dir }

func (l *Lab) layersDir() string               { return filepath.Join(l.dir, "layers") }
func (l *Lab) labDir() string                  { return filepath.Join(l.dir, "labs", l.name) }
func (l *Lab) machinesDir() string             { return filepath.Join(l.labDir(), "machines") }
func (l *Lab) machineDir(server string) string { return filepath.Join(l.machinesDir(), server) }
func (l *Lab) upper(server string) string      { return filepath.Join(l.machineDir(server), "upper") }

// Exists reports whether the lab has machines, running or not.
func (l *Lab) Exists() bool {
	entries, err := os.ReadDir(l.machinesDir())
	return err == nil && len(entries) > 0
}

// machineNames lists the machines that have been made, running or not.
func (l *Lab) machineNames() ([]string, error) {
	entries, err := os.ReadDir(l.machinesDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list machines of lab %s: %w", l.name, err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
