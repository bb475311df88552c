package base

import (
	"slices"
	"strings"

	"scaleup/internal/spec"
)

// setting is one kernel setting and why it is not the kernel's default.
type setting struct {
	Key, Value, Reason string
	roles              []spec.Role
	wholeKernel        bool // not of a network namespace: a container cannot set it, and must not
	neighbour          bool // of the interface that leads to the other servers; Key lacks what comes before
}

var (
	clients  = []spec.Role{spec.Web, spec.App, spec.Database}
	proxies  = []spec.Role{spec.LoadBalancer, spec.Web}
	balancer = []spec.Role{spec.LoadBalancer}
	database = []spec.Role{spec.Database}
)

// settings returns all settings, in the order they are written.
func settings() []setting {
	return []setting{
		{Key: "net.ipv4.ip_nonlocal_bind", Value: "1", roles: balancer,
			Reason: "HAProxy listens on the virtual addresses on every load balancer, also while another one holds them: a takeover starts nothing."},
		{Key: "net.core.somaxconn", Value: "16384", roles: balancer,
			Reason: "How many finished handshakes may wait for HAProxy: a reconnect storm after a failover, or a reload, fits."},
		{Key: "net.ipv4.tcp_max_syn_backlog", Value: "16384", roles: balancer,
			Reason: "The same for handshakes under way; beyond it the kernel falls back to SYN cookies, which lose TCP options."},
		{Key: "net.ipv4.ip_local_port_range", Value: "16384 65535", roles: proxies,
			Reason: "Connections to one address and port of the next tier are limited by the local ports: 49,152 instead of 28,232, and none that a service here listens on."},
		{Key: "net.ipv4.tcp_tw_reuse", Value: "1", roles: proxies,
			Reason: "Requests that are not idempotent get a fresh connection each; a closed one would hold its port for 60 s. Reuse is safe with timestamps, for outgoing connections only."},
		{Key: "net.ipv4.tcp_slow_start_after_idle", Value: "0", roles: proxies,
			Reason: "Kept-alive connections between tiers keep the window they have learned; the path is our own network."},
		{Key: "net.ipv4.tcp_keepalive_time", Value: "3", roles: clients,
			Reason: "An idle or waiting connection asks after its peer once 3 s have passed: the load balancer that took the address over answers with RST, and the program reconnects instead of waiting for hours (default 7200)."},
		{Key: "net.ipv4.tcp_keepalive_intvl", Value: "1", roles: clients, Reason: "Asks again every second,"},
		{Key: "net.ipv4.tcp_keepalive_probes", Value: "3", roles: clients, Reason: "and gives up after three questions: a silent peer is given up after 6 s."},
		{Key: "base_reachable_time_ms", neighbour: true, Value: "1000", roles: database,
			Reason: "A member that lost power answers nothing, and Group Replication stands still for the second that each connection to it is tried, in the midst of a failover, too. So what is known of a neighbour is old after 1 s instead of 30,"},
		{Key: "delay_first_probe_time", neighbour: true, Value: "1", roles: database, Reason: "it is asked 1 s later instead of 5,"},
		{Key: "retrans_time_ms", neighbour: true, Value: "200", roles: database, Reason: "and after three questions in 0.6 s instead of 3 s connections to it end at once."},
		{Key: "vm.swappiness", Value: "1", roles: database, wholeKernel: true,
			Reason: "A buffer pool that was swapped out stalls MySQL for seconds, which the group takes for a dead member. 1, not 0: rather swap than be killed."},
	}
}

// settingsFor picks what a role needs and the server can set. Without the name of the
// interface, its settings are left out.
func settingsFor(role spec.Role, container bool, network string) []setting {
	var picked []setting
	for _, s := range settings() {
		if !slices.Contains(s.roles, role) || s.wholeKernel && container || s.neighbour && network == "" {
			continue
		}
		if s.neighbour {
			s.Key = neighbourKey(network, s.Key)
		}
		picked = append(picked, s)
	}
	return picked
}

// neighbourKey is the whole key of a setting of an interface. In a name like eth0.100 the
// dot is part of it, and then slashes separate.
func neighbourKey(network, name string) string {
	separator := "."
	if strings.Contains(network, ".") {
		separator = "/"
	}
	return strings.Join([]string{"net", "ipv4", "neigh", network, name}, separator)
}

func values(settings []setting) map[string]string {
	m := make(map[string]string, len(settings))
	for _, s := range settings {
		m[s.Key] = s.Value
	}
	return m
}
