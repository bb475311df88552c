// Package inspect reads what a server shows of itself beyond what it is (package
// facts): its clock, head-room, failed units, listeners, filter rules, waiting
// upgrades, the configurations that its programs were started with, and what they
// count. Read runs on the server. It judges nothing (package check does), it changes
// nothing, and it reads no file that holds a secret.
package inspect

import (
	"net/netip"
	"time"
)

// Ask says what to read. The zero Ask reads what costs nothing: clock, load, memory,
// disks, listeners.
type Ask struct {
	Units    bool           `json:"units,omitempty"`     // failed units
	Configs  []string       `json:"configs,omitempty"`   // absolute paths of configurations to send whole
	Rules    bool           `json:"rules,omitempty"`     // packet filter rules
	Upgrades []string       `json:"upgrades,omitempty"`  // packages whose installed and candidate versions are wanted
	Balancer bool           `json:"balancer,omitempty"`  // HAProxy's own counters
	Wire     netip.AddrPort `json:"wire,omitzero"`       // where this server itself answers TLS; the certificate is read there
	Name     string         `json:"name,omitempty"`      // host name asked for at Wire
	MySQL    []string       `json:"mysql,omitempty"`     // names of global variables
	TryWrite bool           `json:"try_write,omitempty"` // whether MySQL takes writes
	Refused  []Probe        `json:"refused,omitempty"`   // connections to try from this server
}

// Probe is one TCP connection to try, such as one that a firewall should refuse.
type Probe struct {
	To netip.AddrPort `json:"to"`
}

// Report is what a server showed. What could not be read is in Errors and has its
// zero value.
type Report struct {
	At        time.Time `json:"at"`     // the server's own clock when it answered
	Synced    string    `json:"synced"` // NTPSynchronized, as timedatectl tells it: yes, no; "" in a container, whose clock is its host's
	Kernel    string    `json:"kernel"` // release of the running kernel
	Host      string    `json:"host"`   // identity of the running kernel, until its next boot: servers that share it share a computer
	Uptime    int64     `json:"uptime"` // seconds since the server's own boot
	Load      float64   `json:"load"`   // processes that run or wait, mean of one minute
	Memory    Memory    `json:"memory"`
	Disks     []Disk    `json:"disks"`     // of the folders that grow, each file system once
	Listeners []Listen  `json:"listeners"` // TCP, without loopback
	Failed    []string  `json:"failed"`    // units

	Configs  map[string]string   `json:"configs"`  // text by path; a file that is missing is absent
	Rules    string              `json:"rules"`    // `nft list table inet scaleup`
	Packages map[string]Versions `json:"packages"` // by package
	Balancer *Balancer           `json:"balancer"`
	Wire     *Certificate        `json:"wire"`
	MySQL    map[string]string   `json:"mysql"` // value by variable
	Write    *Refusal            `json:"write"` // MySQL's answer to a write
	Probes   []Outcome           `json:"probes"`

	Errors map[string]string `json:"errors"` // why, by the JSON name of what could not be read
}

// Ahead is how far the server's clock is ahead of this computer's, which asked and had
// the answer at these times, and by how much that may be wrong: half of the time the
// answer took, since nobody knows when within it the clock was read.
func (r Report) Ahead(asked, answered time.Time) (ahead, doubt time.Duration) {
	doubt = answered.Sub(asked) / 2
	return r.At.Sub(asked.Add(doubt)), doubt
}

// Memory in bytes; Available is what programs can still get without swapping.
type Memory struct {
	Total     int64 `json:"total"`
	Available int64 `json:"available"`
}

// Disk is a file system. Sizes in bytes; Free is what programs other than root get.
type Disk struct {
	Path       string `json:"path"` // the folder it was asked for
	Size       int64  `json:"size"`
	Free       int64  `json:"free"`
	Inodes     int64  `json:"inodes"` // 0: it has no such bound
	InodesFree int64  `json:"inodes_free"`
	ReadOnly   bool   `json:"read_only"`
}

// Listen is a listening TCP socket.
type Listen struct {
	At      netip.AddrPort `json:"at"`
	Program string         `json:"program"` // name of the process; "" when it is not known
}

// Versions of a Debian package, as dpkg writes them; "" when there is none.
type Versions struct {
	Installed string `json:"installed"`
	Candidate string `json:"candidate"` // what apt would install now, from its lists as they are
}

// Balancer is what a running HAProxy says of itself.
type Balancer struct {
	Version  string    `json:"version"`
	Uptime   int64     `json:"uptime"`   // seconds of this process
	Proxies  []Proxy   `json:"proxies"`  // frontends and backends
	Sessions int       `json:"sessions"` // open now
	MaxConn  int       `json:"maxconn"`
	Counters []Counter `json:"counters"` // servers of backends
}

// Proxy is a frontend or a backend of HAProxy, from "show stat".
type Proxy struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"`      // frontend or backend
	Algorithm string `json:"algorithm"` // of a backend: leastconn, roundrobin, …; "" of a frontend
	Rate      int    `json:"rate"`      // new sessions in the last second; of HTTP frontends, requests
	Total     int64  `json:"total"`     // sessions (TCP) or requests (HTTP) since the process began
	Sessions  int    `json:"sessions"`  // open now
	Errors5xx int64  `json:"errors_5xx"`
}

// Counter is what one server of a backend has been given since the process began.
type Counter struct {
	Backend string `json:"backend"`
	Server  string `json:"server"`
	Total   int64  `json:"total"` // sessions or requests
	Rate    int    `json:"rate"`  // in the last second
	Check   string `json:"check"` // HAProxy's word for the last check
}

// Certificate is what a server presents over TLS, read from the wire.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Serial    string    `json:"serial"` // hexadecimal
	TLS       string    `json:"tls"`    // negotiated version: TLS 1.3
	Cipher    string    `json:"cipher"`
	ALPN      string    `json:"alpn"` // h2, http/1.1
}

// Refusal is what MySQL answered to a statement that writes, and would change nothing.
type Refusal struct {
	Statement string `json:"statement"`
	Refused   bool   `json:"refused"`
	Error     string `json:"error"` // MySQL's own words; "" when it was not refused
}

// Outcome of a Probe.
type Outcome struct {
	To   netip.AddrPort `json:"to"`
	What string         `json:"what"` // open, refused, silent (dropped), or another error in a word or two
}
