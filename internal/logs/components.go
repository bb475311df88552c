// Package logs shows the logs of all servers as one: each server tells its own in the
// order of its clock, and they are merged by time. It knows which units write which
// component's log, and nothing of how a server is reached.
package logs

import (
	"cmp"
	"slices"
	"strings"

	"scaleup/internal/remote"
	"scaleup/internal/spec"
)

// component is a program whose log can be asked for.
type component struct {
	name  string
	roles []spec.Role // where it runs
	units []string    // what writes its log
}

var components = []component{
	{"haproxy", []spec.Role{spec.LoadBalancer}, []string{"haproxy.service"}},
	{"keepalived", []spec.Role{spec.LoadBalancer}, []string{"keepalived.service"}},
	{"lb-agent", []spec.Role{spec.LoadBalancer}, []string{"scaleup-lb-agent.service"}},
	{"nginx", []spec.Role{spec.Web}, []string{"nginx.service"}},
	{"app", []spec.Role{spec.App}, []string{"app@a.service", "app@b.service", "app-migrate.service"}},
	{"mysql", []spec.Role{spec.Database}, []string{"mysql.service"}},
	{"guard", []spec.Role{spec.Database}, []string{"scaleup-guard.service"}},
	{"firewall", spec.Roles, []string{"nftables.service"}},
	{"ssh", spec.Roles, []string{"ssh.service"}},
}

// Components are the names of the components whose logs can be asked for one by one.
func Components() []string {
	names := make([]string, len(components))
	for i, c := range components {
		names[i] = c.name
	}
	return names
}

// ComponentOf names what wrote an entry: a component, or else the program's or the
// unit's own name.
func ComponentOf(e remote.LogEntry) string {
	for _, c := range components {
		if slices.Contains(c.units, e.Unit) {
			return c.name
		}
	}
	return cmp.Or(e.Identifier, strings.TrimSuffix(e.Unit, ".service"), "-")
}

// Ask is what a server of a role is asked for these components, none standing for all
// that it has. It reports false when it has none of them.
func Ask(role spec.Role, names []string) (remote.LogAsk, bool) {
	if len(names) == 0 {
		return remote.LogAsk{Nginx: role == spec.Web}, true
	}
	var a remote.LogAsk
	for _, c := range components {
		if slices.Contains(names, c.name) && slices.Contains(c.roles, role) {
			a.Units = append(a.Units, c.units...)
			a.Nginx = a.Nginx || c.name == "nginx"
		}
	}
	return a, len(a.Units) > 0
}
