package haproxyctl

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// State is what a server is to new requests.
type State string

// The states of a server. An administrator's word comes before a check's.
const (
	Up    State = "up"    // takes traffic
	Drain State = "drain" // finishes what it has
	Down  State = "down"  // its checks fail
	Maint State = "maint" // out of use: by order, or disabled in the configuration (an app server's idle slot)
)

// Server is one server of a backend as HAProxy sees it now.
type Server struct {
	Backend  string         `json:"backend"`
	Name     string         `json:"name"`
	Address  netip.AddrPort `json:"address"`
	State    State          `json:"state"`
	Healthy  bool           `json:"healthy"`  // what the checks say, whatever the administrator says
	Sessions int            `json:"sessions"` // now; of HTTP, requests being answered
	Rate     int            `json:"rate"`     // new sessions in the last second
	Queue    int            `json:"queue"`    // requests that wait for this server
	Check    string         `json:"check"`    // HAProxy's word for the last check: L7OK, L4CON
	Reason   string         `json:"reason"`   // what the last check saw, in words; may be empty
}

// Bits and values of "show servers state".
const (
	adminMaint = 0x01 | 0x02 | 0x20 // by order, inherited, unresolved name
	adminDrain = 0x08 | 0x10        // by order, inherited
	opStopped  = 0
	opStopping = 3 // up, and wants no new sessions
)

// ParseServers reads the answers to "show servers state" and "show stat".
func ParseServers(state, stats string) ([]Server, error) {
	rows, err := parseState(state)
	if err != nil {
		return nil, err
	}
	counters, err := parseStats(stats)
	if err != nil {
		return nil, err
	}
	servers := make([]Server, 0, len(rows))
	for _, r := range rows {
		s, err := r.server()
		if err != nil {
			return nil, err
		}
		counters[r.backend+"/"+r.name].into(&s)
		servers = append(servers, s)
	}
	return servers, nil
}

// row is a line of "show servers state", version 1.
type row struct {
	line                          string
	backend, name, address, port  string
	operational, admin, checkPort string
}

const rowFields = 23 // to srv_check_port and the check address; later versions append

// parseState reads "show servers state".
func parseState(text string) ([]row, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if lines[0] != "1" {
		return nil, fmt.Errorf("read HAProxy's server states: the answer starts with %q, not with version 1", lines[0])
	}
	var rows []row
	for _, line := range lines[1:] {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Fields(line)
		if len(f) < rowFields {
			return nil, fmt.Errorf("read HAProxy's server states: %d fields in line %q, fewer than %d", len(f), line, rowFields)
		}
		rows = append(rows, row{
			line: line, backend: f[1], name: f[3], address: f[4], operational: f[5], admin: f[6],
			port: f[18], checkPort: f[21],
		})
	}
	return rows, nil
}

func (r row) server() (Server, error) {
	operational, err1 := strconv.Atoi(r.operational)
	admin, err2 := strconv.Atoi(r.admin)
	address, err3 := netip.ParseAddr(r.address)
	port, err4 := strconv.ParseUint(r.port, 10, 16)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return Server{}, fmt.Errorf("read HAProxy's state of %s/%s: %w", r.backend, r.name, err)
	}
	return Server{
		Backend: r.backend, Name: r.name, Address: netip.AddrPortFrom(address, uint16(port)),
		State: stateOf(admin, operational), Healthy: operational != opStopped,
	}, nil
}

// stateOf folds the two state columns into one. The bit for "disabled in the
// configuration" alone does not count: an order to be ready overrides it.
func stateOf(admin, operational int) State {
	switch {
	case admin&adminMaint != 0:
		return Maint
	case admin&adminDrain != 0:
		return Drain
	case operational == opStopped:
		return Down
	case operational == opStopping:
		return Drain
	default:
		return Up
	}
}

// counter is a server's line of "show stat".
type counter struct {
	sessions, rate, queue int
	check, reason         string
}

func (c counter) into(s *Server) {
	s.Sessions, s.Rate, s.Queue, s.Check, s.Reason = c.sessions, c.rate, c.queue, c.check, c.reason
}

// parseStats reads "show stat", by backend/server.
func parseStats(text string) (map[string]counter, error) {
	table, err := readStats(text, "pxname", "svname", "scur", "rate", "qcur", "check_status", "last_chk")
	if err != nil {
		return nil, err
	}
	counters := map[string]counter{}
	for _, r := range table {
		counters[r.text("pxname")+"/"+r.text("svname")] = counter{
			sessions: int(r.number("scur")), rate: int(r.number("rate")), queue: int(r.number("qcur")),
			check: r.check(), reason: r.text("last_chk"),
		}
	}
	return counters, nil
}
