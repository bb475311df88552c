package check

import (
	"fmt"
	"strings"

	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// call is a verb of scaleup for this site.
func call(t *topology.Topology, verb string) string {
	return fmt.Sprintf("scaleup %s -f %s", verb, t.Site.File)
}

// converge is the verb that brings the site to what its file says.
func converge(t *topology.Topology) string {
	if t.InLab() {
		return call(t, "up")
	}
	return call(t, "apply")
}

// on is a command on a server.
func on(t *topology.Topology, server, command string) string {
	return fmt.Sprintf("scaleup exec -f %s %s -- %s", t.Site.File, server, command)
}

// serverWord is what a server of a role is called.
var serverWord = map[spec.Role]string{
	spec.LoadBalancer: "load balancer", spec.Web: "web server", spec.App: "app server", spec.Database: "database server",
}

// awayDrill takes one server of a role away: its power in a lab, its program on real
// servers, whose power scaleup does not cut.
func awayDrill(t *topology.Topology, r spec.Role) string {
	if t.InLab() {
		return map[spec.Role]string{
			spec.LoadBalancer: "lb-holder-off", spec.Web: "web-off", spec.App: "app-off", spec.Database: "database-primary-off",
		}[r]
	}
	return map[spec.Role]string{
		spec.LoadBalancer: "lb-process-kill", spec.Web: "web-process-kill", spec.App: "app-process-kill", spec.Database: "database-primary-kill",
	}[r]
}

// twinLines are lines of the site file that give a server of a role its twins: another
// one, or two for a majority of the database.
func twinLines(t *topology.Topology, r spec.Role) string {
	short := map[spec.Role]string{spec.LoadBalancer: "lb", spec.Web: "web", spec.App: "app", spec.Database: "db"}[r]
	want := 2
	if r == spec.Database {
		want = 3
	}
	taken := map[string]bool{}
	for _, s := range t.Servers {
		taken[s.Name] = true
	}
	address := ""
	if !t.InLab() {
		address = ", address: …"
	}
	var lines []string
	for n := 1; len(lines) < want-len(t.With(r)); n++ {
		if name := fmt.Sprintf("%s%d", short, n); !taken[name] {
			lines = append(lines, fmt.Sprintf("%s: {role: %s%s}", name, r, address))
		}
	}
	return strings.Join(lines, " and ")
}

// gigabytes says bytes for a person.
func gigabytes(bytes int64) string { return fmt.Sprintf("%.1f GB", float64(bytes)/(1<<30)) }

// percent of a whole; a whole of nothing is full.
func percent(part, whole int64) float64 {
	if whole <= 0 {
		return 100
	}
	return 100 * float64(part) / float64(whole)
}
