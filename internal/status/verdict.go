package status

import (
	"fmt"
	"strings"

	"scaleup/internal/haproxyctl"
)

// backendState puts HAProxy's view into status's words. A server in maintenance
// in the app tier is the slot that does not serve.
func backendState(backend string, s haproxyctl.State) string {
	switch s {
	case haproxyctl.Up:
		return "up"
	case haproxyctl.Drain:
		return "drain"
	case haproxyctl.Maint:
		if backend == "app" {
			return "idle"
		}
		return "drain"
	default:
		return "down"
	}
}

// roleBackends are those whose servers are up or down by role, not by health: of
// the database members one is primary and the others are not.
func roleBackend(name string) bool { return strings.HasPrefix(name, "mysql_") }

// findings lists what keeps the site from being healthy, worst first.
func findings(r Report) []string {
	var list []string
	for _, s := range r.Servers {
		if s.State != "up" {
			list = append(list, s.Name+" is "+s.State)
		}
		for _, c := range s.Components {
			if c.State != "running" {
				list = append(list, fmt.Sprintf("%s on %s is %s", c.Name, s.Name, c.State))
			}
		}
	}
	for _, v := range r.VIPs {
		switch {
		case v.Holder == "":
			list = append(list, fmt.Sprintf("nobody holds the %s address %s", v.Name, v.Address))
		case strings.Contains(v.Holder, ","):
			list = append(list, fmt.Sprintf("%s hold the %s address at once", v.Holder, v.Name))
		}
	}
	if r.Database.Primary == "" {
		list = append(list, "the database has no primary")
	}
	for _, m := range r.Database.Members {
		if m.State != "ONLINE" {
			list = append(list, fmt.Sprintf("database member %s is %s", m.Server, m.State))
		}
	}
	for _, t := range r.Tiers {
		for _, b := range t.Backends {
			if !roleBackend(t.Name) && b.State != "up" && b.State != "idle" {
				list = append(list, fmt.Sprintf("%s is %s in the %s tier", b.Server, b.State, t.Name))
			}
		}
	}
	return list
}

// notes tells what is to be known of programs that run, by server.
func notes(r Report) string {
	text := ""
	for _, s := range r.Servers {
		for _, c := range s.Components {
			if c.Note != "" {
				text += fmt.Sprintf("; %s on %s %s", c.Name, s.Name, c.Note)
			}
		}
	}
	return text
}

func verdict(r Report, findings []string) string {
	if len(findings) == 0 {
		return fmt.Sprintf("healthy: %d servers serve %s", len(r.Servers), r.Site) + notes(r)
	}
	off := 0
	for _, s := range r.Servers {
		if s.State == "down" {
			off++
		}
	}
	if off == len(r.Servers) {
		return "not running: all servers are off"
	}
	more := ""
	if len(findings) > 3 {
		more = fmt.Sprintf("; and %d more", len(findings)-3)
		findings = findings[:3]
	}
	word := "degraded: "
	if !serves(r) {
		word = "down: "
	}
	return word + strings.Join(findings, "; ") + more
}

// serves reports whether requests can get through all tiers.
func serves(r Report) bool {
	if r.VIPs[0].Holder == "" || r.Database.Primary == "" || len(r.Tiers) == 0 {
		return false // without tiers, no HAProxy answers
	}
	for _, t := range r.Tiers {
		if roleBackend(t.Name) {
			continue
		}
		up := 0
		for _, b := range t.Backends {
			if b.State == "up" {
				up++
			}
		}
		if up == 0 {
			return false
		}
	}
	return true
}
