package doctor

import (
	"net/netip"
	"testing"

	"scaleup/internal/inspect"
)

func TestPorts(t *testing.T) {
	topo := site(t)
	running := func(units ...string) map[string]string {
		states := map[string]string{}
		for _, u := range units {
			states[u] = "running"
		}
		return states
	}
	for _, c := range []struct {
		name, server, at, program string
		units                     map[string]string
		result                    Result
	}{
		{"nginx itself", "web1", "10.77.0.31:80", "nginx", nil, Pass},
		{"another web server", "web1", "0.0.0.0:80", "apache2", nil, Fail},
		{"on every address of both families", "web1", "[::]:80", "apache2", nil, Fail},
		{"another web server beside a unit that failed", "web1", "10.77.0.31:80", "apache2", map[string]string{"nginx.service": "failed"}, Fail},
		{"on another port", "web1", "0.0.0.0:81", "apache2", nil, Pass},
		{"on another address", "web1", "10.77.0.99:80", "apache2", nil, Pass},
		{"without a name, while nginx runs", "web1", "10.77.0.31:80", "", running("nginx.service"), Pass},
		{"without a name", "web1", "10.77.0.31:80", "", nil, Fail},
		{"on the load balancer's own address", "lb1", "10.77.0.21:443", "nginx", nil, Pass},
		{"on the virtual address", "lb1", "10.77.0.10:443", "nginx", nil, Fail},
		{"haproxy", "lb1", "10.77.0.10:443", "haproxy", nil, Pass},
		{"mysqld that is another one's", "lb1", "0.0.0.0:3306", "mysqld", nil, Fail},
		{"mysqld", "db1", "10.77.0.51:3306", "mysqld", nil, Pass},
		{"the guard", "db1", "10.77.0.51:8009", "scaleup", nil, Pass},
		{"the guard's, while it is started again", "db1", "10.77.0.51:8008", "systemd", nil, Pass},
		{"one that systemd holds for others", "db1", "10.77.0.51:3306", "systemd", nil, Fail},
		{"the app, whatever its name", "app1", "10.77.0.41:8001", "python3", running("app@a.service"), Pass},
		{"the other slot's port", "app1", "0.0.0.0:8002", "python3", running("app@a.service"), Fail},
	} {
		s, err := topo.Server(c.server)
		if err != nil {
			t.Fatal(err)
		}
		checks := ports(topo, s, []inspect.Listen{{At: netip.MustParseAddrPort(c.at), Program: c.program}}, c.units)
		want(t, c.name, checks, "ports", c.result, c.result == Fail)
	}
}
