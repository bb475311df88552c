package check

import (
	"strings"

	"scaleup/internal/evidence"
	"scaleup/internal/spec"
)

var durability = kind{
	id: "durability", drill: "database-all-kill",
	why: "the site promises that no acknowledged write is lost; with this setting a crash or a failover can take one back",
}

// durable are MySQL's settings whose weakening loses acknowledged writes, or shows them
// undone for a while, and the values that do.
var durable = []struct {
	variable string
	weak     func(value string) bool
	loses    string
}{
	{"sync_binlog", func(v string) bool { return v != "1" }, "a power cut takes the newest writes from the log that members are filled from"},
	{"innodb_flush_log_at_trx_commit", func(v string) bool { return v != "1" }, "a power cut takes up to a second of writes"},
	{"innodb_doublewrite", off, "a power cut can leave half-written pages"},
	{"group_replication_single_primary_mode", off, "locks do not reach other members, and conflicting writes are rolled back"},
	{"group_replication_consistency", func(v string) bool { return v == "EVENTUAL" }, "a new primary shows and changes old rows until it has caught up"},
}

func off(value string) bool { return value == "OFF" || value == "0" }

// weakDurability looks at the variables of the running servers. One that is not known to
// a server, or was not read, is passed over.
func weakDurability(l evidence.Look) []Finding {
	var found []Finding
	for _, s := range l.Topology.With(spec.Database) {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		for _, d := range durable {
			value := strings.ToUpper(r.MySQL[d.variable])
			if value != "" && d.weak(value) {
				found = append(found, durability.found(Warning, s.Name, "remove what sets it; then restart with the site's configuration: "+converge(l.Topology),
					"%s is %s: %s", d.variable, value, d.loses))
			}
		}
	}
	return found
}
