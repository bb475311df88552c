package haproxyctl

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// Backends are HAProxy's names for the groups of servers it chooses from. They
// are the same on every load balancer; a server is named as in the site file,
// an app server's slot with -a or -b appended. BackendWebOnce has the servers of
// BackendWeb for requests that must not be repeated: it follows their health and
// orders by itself, but its sessions count where a drain is waited for.
const (
	BackendWeb           = "web"
	BackendWebOnce       = "web_once"
	BackendApp           = "app"
	BackendMySQLPrimary  = "mysql_primary"
	BackendMySQLReplica  = "mysql_replica"
	BackendMySQLReadable = "mysql_readable"
)

// requestBackends are those whose servers answer requests. The sessions of the others
// are the database's, which ends them itself.
func requestBackends() []string { return []string{BackendWeb, BackendWebOnce, BackendApp} }

// provenFirst are the backends whose servers get nothing before a check has
// said what they are: HAProxy takes servers for healthy when it starts, and a
// write must not go to a replica for the quarter second until it knows better.
func provenFirst() []string {
	return []string{BackendMySQLPrimary, BackendMySQLReplica, BackendMySQLReadable}
}

const stateHeader = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight" +
	" srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state" +
	" bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr" +
	" srv_agent_addr srv_agent_port\n"

// Keep makes the state file for a process that will read config. From dump, the
// running process's "show servers state", it keeps what is known of servers
// that are where they were: down stays down, drained stays drained. It leaves
// out the others, since the file would override their new addresses and ports.
// Database servers without a known state start as down. An empty dump is that of
// a process that has just been started.
func Keep(dump, config string) (string, error) {
	var rows []row
	if dump != "" {
		var err error
		if rows, err = parseState(dump); err != nil {
			return "", err
		}
	}
	servers := parseConfig(config)
	byName := map[string]configured{}
	for _, s := range servers {
		byName[s.backend+"/"+s.name] = s
	}
	var b strings.Builder
	b.WriteString(stateHeader)
	kept := map[string]bool{}
	for _, r := range rows {
		key := r.backend + "/" + r.name
		if s, ok := byName[key]; ok && s.isAt(r) {
			b.WriteString(r.line + "\n")
			kept[key] = true
		}
	}
	for _, s := range servers {
		if !kept[s.backend+"/"+s.name] && slices.Contains(provenFirst(), s.backend) {
			b.WriteString(s.down() + "\n")
		}
	}
	return b.String(), nil
}

// configured is a server line of a configuration.
type configured struct {
	backend, name, address, port, checkPort string
}

// parseConfig finds the servers of the backends in a configuration of ours. It
// reads the part of HAProxy's language that the templates use: one statement
// per line, words parted by blanks, no quotes on server lines.
func parseConfig(config string) []configured {
	var servers []configured
	backend := ""
	for line := range strings.Lines(config) {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if line[0] != ' ' && line[0] != '\t' { // a section begins
			backend = ""
			if f[0] == "backend" && len(f) > 1 {
				backend = f[1]
			}
			continue
		}
		if f[0] != "server" || backend == "" || len(f) < 3 {
			continue
		}
		address, port, err := net.SplitHostPort(f[2])
		if err != nil {
			continue // HAProxy's own check refuses such a configuration
		}
		s := configured{backend: backend, name: f[1], address: address, port: port, checkPort: port}
		if i := slices.Index(f, "port"); i > 0 && i+1 < len(f) {
			s.checkPort = f[i+1]
		}
		servers = append(servers, s)
	}
	return servers
}

// isAt reports whether the running process has the server at the same place.
// HAProxy writes a check port of 0 when it is the server's own.
func (s configured) isAt(r row) bool {
	checkPort := r.checkPort
	if checkPort == "0" || checkPort == "-" {
		checkPort = r.port
	}
	return s.address == r.address && s.port == r.port && s.checkPort == checkPort
}

// down is the line of a server that is stopped, in no one's maintenance, and
// checked: the 6 says that its check is configured and enabled, the check status
// 1 that there was none yet (with 0, results would never count). HAProxy finds
// servers by their names; the numbers 1 are not looked at.
func (s configured) down() string {
	return fmt.Sprintf("1 %s 1 %s %s 0 0 1 1 0 1 0 0 6 0 0 0 - %s - 0 0 - - 0", s.backend, s.name, s.address, s.port)
}
