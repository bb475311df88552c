package spec

import (
	"regexp"
	"slices"
)

var (
	schemaName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	systemNames = []string{"mysql", "sys", "information_schema", "performance_schema"}
	// What scaleup makes itself: drillSchema is the drills', guardSchema the guards'.
	drillSchema = "scaleup_drill"
	guardSchema = "scaleup_guard"

	packagesNames = []string{string(DebianSid), string(Oracle), string(Installed)}
)

// database reads the database: stanza. What is installed on other people's
// servers has no default.
func (d decoder) database(n node, remote bool) DatabaseTier {
	var t DatabaseTier
	m, ok := n.mapping()
	if !ok {
		return t
	}
	if e, ok := m.require("name", "add name: with the database of the program, such as shop"); ok {
		t.Name = e.schema()
	}
	switch e, ok := m.get("packages"); {
	case ok:
		t.Packages = e.packages()
	case remote:
		m.fail("add packages: debian-sid, or installed when MySQL is there already",
			`"packages" is missing: servers with addresses have no default`)
	default:
		t.Packages = DebianSid
	}
	return t
}

// schema reads the name of the program's database.
func (n node) schema() string {
	s, ok := n.match(schemaName, "a database name",
		"start with a letter and use at most 64 lower-case letters, digits and _")
	if ok && s == drillSchema {
		n.fail("use a name of your own, such as shop", "%s is the drills' own database, which they drop", quote(s))
		return ""
	}
	if ok && s == guardSchema {
		n.fail("use a name of your own, such as shop", "%s is the guards' own database", quote(s))
		return ""
	}
	if ok && slices.Contains(systemNames, s) {
		n.fail("use a name of your own, such as shop", "%s is a database of MySQL itself", quote(s))
		return ""
	}
	return s
}

// packages reads where MySQL comes from.
func (n node) packages() Packages {
	p := Packages(n.oneOf(packagesNames, "a source of packages"))
	if p == Oracle {
		n.fail("use debian-sid, or installed when MySQL is there already", "oracle is not built yet")
		return ""
	}
	return p
}
