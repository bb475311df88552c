// Package facts describes what a server is: its system, size and the versions
// of the programs scaleup configures. Read gathers the facts on the server
// itself; components render from them. It changes nothing.
package facts

import "strings"

// Facts is what a server is. It travels as JSON from the server.
type Facts struct {
	Hostname   string            `json:"hostname"`
	OS         string            `json:"os"`          // ID of os-release: debian, ubuntu
	Release    string            `json:"release"`     // VERSION_ID of os-release: 13, 24.04; "sid" when absent
	Codename   string            `json:"codename"`    // VERSION_CODENAME: trixie
	Arch       string            `json:"arch"`        // as Go names it: amd64, arm64
	Container  bool              `json:"container"`   // runs in a container, e.g. systemd-nspawn
	CPUs       int               `json:"cpus"`        // processors the system sees
	Memory     int64             `json:"memory"`      // bytes
	OpenFiles  uint64            `json:"open_files"`  // hard limit of open files that a service can get
	Interfaces []Interface       `json:"interfaces"`  // those that are up, without loopback
	Versions   map[string]string `json:"versions"`    // upstream version by Debian package: installed, else candidate
	OpenSSL    string            `json:"openssl"`     // version of libssl as installed, or ""
	ActiveSlot string            `json:"active_slot"` // app servers: a or b; "" when none runs
	BootID     string            `json:"boot_id"`     // another one after each boot, of a container, too
	Reference  bool              `json:"reference"`   // true: not read from a server
}

// Interface is a network interface with its IPv4 addresses in CIDR form.
type Interface struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
}

// Version returns the upstream version of a package, "" when it is unknown.
func (f Facts) Version(pkg string) string { return f.Versions[pkg] }

// InterfaceOf names the interface that holds an IPv4 address (without prefix
// length), or "" when none does.
func (f Facts) InterfaceOf(address string) string {
	for _, i := range f.Interfaces {
		for _, cidr := range i.Addresses {
			if host, _, _ := strings.Cut(cidr, "/"); host == address {
				return i.Name
			}
		}
	}
	return ""
}

// ReferenceFor are the facts of a Debian 13 server with the given host name and
// address: what configurations are rendered from when no server can be asked
// (the lab is down, render, golden tests).
func ReferenceFor(name, address string) Facts {
	return Facts{
		Hostname: name, OS: "debian", Release: "13", Codename: "trixie", Arch: "amd64",
		CPUs: 2, Memory: 4 << 30, OpenFiles: 524288,
		Interfaces: []Interface{{Name: "eth0", Addresses: []string{address + "/24"}}},
		Versions: map[string]string{
			"haproxy": "3.0.11", "keepalived": "2.3.3", "nginx": "1.26.3", "mysql-server-core": "9.7.4",
		},
		OpenSSL:   "3.5.1",
		Reference: true,
	}
}
