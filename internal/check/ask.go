package check

import (
	"net/netip"

	"scaleup/internal/inspect"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// The configurations that are compared and read, where package component's parts write
// them.
const (
	haproxyConfig    = "/etc/haproxy/haproxy.cfg"
	keepalivedConfig = "/etc/keepalived/keepalived.conf"
	nginxConfig      = "/etc/nginx/nginx.conf"
	mysqlConfig      = "/etc/mysql/my.cnf"
)

// alive is where a load balancer answers TLS to itself, with the site's certificate,
// whether it holds the virtual addresses or not.
var alive = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), topology.PortHTTPS)

// Ask is what a server has to show for Running.
func Ask(t *topology.Topology, s topology.Server) inspect.Ask {
	ask := inspect.Ask{Units: true, Rules: true}
	switch s.Role {
	case spec.LoadBalancer:
		ask.Configs = []string{haproxyConfig, keepalivedConfig}
		ask.Upgrades = []string{"haproxy", "keepalived"}
		ask.Wire, ask.Name = alive, t.Site.Name
	case spec.Web:
		ask.Configs = []string{nginxConfig}
		ask.Upgrades = []string{"nginx"}
	case spec.Database:
		ask.Configs = []string{mysqlConfig}
		ask.Upgrades = []string{"mysql-server-core"}
		ask.MySQL = []string{maxConnections}
		for _, s := range durable {
			ask.MySQL = append(ask.MySQL, s.variable)
		}
	}
	return ask
}
