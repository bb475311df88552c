package plan

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"scaleup/internal/topology"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name    string
		named   []string // by the site file
		running []string // as the guards know them
		refused string   // a part of the reason, "" when it is fine
	}{
		{"as it is", []string{"db1", "db2", "db3"}, []string{"db1", "db2", "db3"}, ""},
		{"a new site", []string{"db1", "db2", "db3"}, nil, ""},
		{"a new site with one", []string{"db1"}, nil, ""},
		{"always one", []string{"db1"}, []string{"db1"}, ""},
		{"one becomes three", []string{"db1", "db2", "db3"}, []string{"db1"}, ""},
		{"five become three", []string{"db1", "db2", "db3"}, []string{"db1", "db2", "db3", "db4", "db5"}, ""},
		{"one is replaced", []string{"db1", "db2", "db3"}, []string{"db1", "db2", "db9"}, ""},
		{"three become one", []string{"db1"}, []string{"db1", "db2", "db3"}, "names 1 database server (db1), and the running group has 3 (db1, db2, db3): without db2 and db3"},
		{"five become one", []string{"db4"}, []string{"db1", "db2", "db3", "db4", "db5"}, "without db1 and db2 and db3 and db5"},
	} {
		s := newSite(t, 1)
		top := *s.want.Topology
		top.Servers = slices.DeleteFunc(slices.Clone(top.Servers), func(x topology.Server) bool {
			return strings.HasPrefix(x.Name, "db") && !slices.Contains(c.named, x.Name)
		})
		if len(c.named) == 1 {
			top.Servers = slices.DeleteFunc(top.Servers, func(x topology.Server) bool { return strings.HasPrefix(x.Name, "db") })
			top.Servers = append(top.Servers, topology.Server{Name: c.named[0], Role: "database"})
		}
		s.want.Topology, s.got.Members = &top, c.running
		err := Check(s.want, s.got)
		refusal, _ := errors.AsType[*RefusedError](err)
		switch {
		case c.refused == "" && err != nil:
			t.Errorf("%s: refused: %v", c.name, err)
		case c.refused != "" && (refusal == nil || !strings.Contains(refusal.Reason, c.refused) || !strings.Contains(refusal.Fix, "keep three")):
			t.Errorf("%s: %v, want a refusal with %q and the way out", c.name, err, c.refused)
		}
	}
}

func TestAwayFrom(t *testing.T) {
	if got := AwayFrom(NotOn("db1")); got != "db1" {
		t.Errorf("away from %q, want db1", got)
	}
	if got := AwayFrom("ONLINE"); got != "" {
		t.Errorf("away from %q, want nothing", got)
	}
}
