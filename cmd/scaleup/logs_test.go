package main

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func logsTopology() *topology.Topology {
	t := &topology.Topology{Site: &spec.Site{File: "site.yaml"}}
	for _, s := range []struct {
		name string
		role spec.Role
	}{{"lb1", spec.LoadBalancer}, {"web1", spec.Web}, {"web2", spec.Web}, {"app1", spec.App}, {"db1", spec.Database}} {
		t.Servers = append(t.Servers, topology.Server{Name: s.name, Role: s.role, Address: netip.MustParseAddr("10.0.0.1")})
	}
	return t
}

func TestWantedLogs(t *testing.T) {
	now := time.Date(2026, 11, 27, 15, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name  string
		flags logsFlags
		want  string // servers
	}{
		{"all", logsFlags{}, "lb1 web1 web2 app1 db1"},
		{"a tier", logsFlags{tier: "web"}, "web1 web2"},
		{"servers", logsFlags{servers: []string{"db1", "web2"}}, "web2 db1"},
		{"a component", logsFlags{components: []string{"nginx", "guard"}}, "web1 web2 db1"},
		{"both", logsFlags{tier: "web", servers: []string{"web2", "db1"}, components: []string{"ssh"}}, "web2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, err := test.flags.wanted(logsTopology(), now)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range w.servers {
				names = append(names, s.Name)
				if _, ok := w.asks[s.Name]; !ok {
					t.Errorf("%s is asked for nothing", s.Name)
				}
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("servers %s, want %s", got, test.want)
			}
		})
	}
}

func TestWantedLogsRefusals(t *testing.T) {
	for want, flags := range map[string]logsFlags{
		"loadbalancer, web, app, database":                {tier: "webs"},
		"there are: lb1, web1, web2, app1, db1":           {servers: []string{"web3"}},
		"there are: haproxy, keepalived, lb-agent, nginx": {components: []string{"apache"}},
		"none of the servers named runs such a component": {tier: "web", components: []string{"mysql"}},
		"not the name of a request":                       {request: "a b"},
		"--lines -1":                                      {lines: -1},
		"--follow has no end":                             {follow: true, until: "5m"},
		"--until is before --since":                       {since: "5m", until: "10m"},
		`--since "yesterday" is not a time`:               {since: "yesterday"},
		`--until "-5m" is not a time`:                     {until: "-5m"},
		`--since "2026-11-27T15:00:00" is not a time`:     {since: "2026-11-27T15:00:00"},
	} {
		_, err := flags.wanted(logsTopology(), time.Date(2026, 11, 27, 15, 0, 0, 0, time.UTC))
		var wrong usage
		if !errors.As(err, &wrong) || !strings.Contains(wrong.reason, want) || wrong.hint == "" {
			t.Errorf("%+v: error %v, want %q", flags, err, want)
		}
	}
}

func TestSpan(t *testing.T) {
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 11, 27, 15, 0, 0, 0, zone)
	for _, test := range []struct {
		name         string
		flags        logsFlags
		since, until time.Time
	}{
		{"without bounds", logsFlags{}, time.Time{}, time.Time{}},
		{"ago", logsFlags{since: "1h30m", until: "0s"}, now.Add(-90 * time.Minute), now},
		{"of this computer's zone", logsFlags{since: "2026-11-27 14:00", until: "2026-11-27 14:00:30"}, now.Add(-time.Hour), now.Add(-time.Hour + 30*time.Second)},
		{"a day", logsFlags{since: "2026-11-27"}, now.Add(-15 * time.Hour), time.Time{}},
		{"RFC 3339", logsFlags{since: "2026-11-27T13:00:00.5Z"}, now.Add(-time.Hour + time.Second/2), time.Time{}},
		{"a request", logsFlags{request: "x"}, now.Add(-time.Hour), time.Time{}},
		{"a request of that time", logsFlags{request: "x", until: "2h"}, now.Add(-3 * time.Hour), now.Add(-2 * time.Hour)},
		{"a request long ago", logsFlags{request: "x", since: "24h"}, now.Add(-24 * time.Hour), time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			since, until, err := test.flags.span(now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]time.Time{test.since, test.until}, []time.Time{since, until}); diff != "" {
				t.Error(diff)
			}
		})
	}
}
