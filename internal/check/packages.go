package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"scaleup/internal/evidence"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

var (
	packageTwins = kind{id: "version-twins", drill: "planned-reboot",
		why: "twins of different versions behave differently when one stands in for the other; of the database, a newer member may not join an older group"}
	packageBehind = kind{id: "version-behind",
		why: "the archive has a newer version. Which archive it comes from is not told here, so it may mend a hole that is known to everybody"}
)

// packages compares the versions of a tier's programs with each other, and with what apt
// would install now. A version that is behind is a warning on real servers: versions do
// not tell a security update from another. In a lab it is a remark, as nobody from
// outside reaches one.
func packages(l evidence.Look) []Finding {
	var found []Finding
	for _, role := range spec.Roles {
		tier := l.Topology.With(role)
		names := map[string]bool{}
		for _, s := range tier {
			if r := l.Of(s.Name); r != nil {
				for name := range r.Packages {
					names[name] = true
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			found = append(found, unevenVersions(l, tier, role, name)...)
			found = append(found, behind(l, tier, name)...)
		}
	}
	return found
}

// unevenVersions is one finding for a tier: none of its versions is the right one.
func unevenVersions(l evidence.Look, tier []topology.Server, role spec.Role, name string) []Finding {
	have := map[string][]string{}
	for _, s := range tier {
		if r := l.Of(s.Name); r != nil && r.Packages[name].Installed != "" {
			v := r.Packages[name].Installed
			have[v] = append(have[v], s.Name)
		}
	}
	if len(have) < 2 {
		return nil
	}
	var said []string
	for _, v := range slices.Sorted(maps.Keys(have)) {
		said = append(said, fmt.Sprintf("%s on %s", v, strings.Join(have[v], ", ")))
	}
	return []Finding{packageTwins.found(Warning, "", "one server at a time: "+upgrade(l.Topology, "SERVER", name),
		"%s of the %s tier is %s", name, role, strings.Join(said, " and "))}
}

func behind(l evidence.Look, tier []topology.Server, name string) []Finding {
	severity := Warning
	if l.Topology.InLab() {
		severity = Info
	}
	var found []Finding
	for _, s := range tier {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		if v := r.Packages[name]; v.Installed != "" && v.Candidate != "" && v.Installed != v.Candidate {
			found = append(found, packageBehind.found(severity, s.Name, upgrade(l.Topology, s.Name, name), "%s is %s, and %s can be had", name, v.Installed, v.Candidate))
		}
	}
	return found
}

func upgrade(t *topology.Topology, server, name string) string {
	return on(t, server, "apt-get install --only-upgrade "+name)
}
