package inspect

import (
	"context"

	"scaleup/internal/haproxyctl"
)

func (s server) balancer(ctx context.Context) (*Balancer, error) {
	client := haproxyctl.Client{Socket: s.path(haproxyctl.AdminSocket)}
	info, err := client.Info(ctx)
	if err != nil {
		return nil, err
	}
	lines, err := client.Lines(ctx)
	if err != nil {
		return nil, err
	}
	return balancerOf(info, lines), nil
}

func balancerOf(info haproxyctl.Info, lines []haproxyctl.Line) *Balancer {
	b := &Balancer{Version: info.Version, Uptime: info.Uptime, Sessions: info.Sessions, MaxConn: info.MaxConn}
	for _, l := range lines {
		p := Proxy{Name: l.Proxy, Algorithm: l.Algorithm, Rate: l.Rate, Total: l.Total, Sessions: l.Sessions, Errors5xx: l.Errors5xx}
		switch l.Server {
		case haproxyctl.Frontend:
			p.Kind = "frontend"
			b.Proxies = append(b.Proxies, p)
		case haproxyctl.Backend:
			p.Kind = "backend"
			b.Proxies = append(b.Proxies, p)
		default:
			b.Counters = append(b.Counters, Counter{Backend: l.Proxy, Server: l.Server, Total: l.Total, Rate: l.Rate, Check: l.Check})
		}
	}
	return b
}
