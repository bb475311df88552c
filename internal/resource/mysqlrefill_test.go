package resource_test

import (
	"os"
	"testing"

	"scaleup/internal/resource"
)

func TestRefill(t *testing.T) {
	refill := resource.Refill{Data: *dataDirectory}
	const (
		member   = "/var/lib/scaleup-guard/record.json"
		refilled = "/var/lib/scaleup/mysql-data-is-refilled"
		whole    = "/var/lib/mysql/mysql.ibd"
	)
	for _, c := range []struct {
		name  string
		files map[string]string
		made  bool
		fails bool
	}{
		{"the data is gone", map[string]string{member: "x"}, true, false},
		{"a new disk", map[string]string{member: "x", "/var/lib/mysql/lost+found/x": "x"}, true, false},
		{"a refill was cut off", map[string]string{member: "x", "/var/lib/mysql/.scaleup-initialising": "x", "/var/lib/mysql/half": "x"}, true, false},
		{"mysqld was started without it", map[string]string{member: "x", "/var/lib/mysql/auto.cnf": "x", "/var/lib/mysql/binlog.index": "x"}, true, false},
		{"it is there", map[string]string{member: "x", whole: "x", "/var/lib/mysql/.scaleup-data": "x"}, false, false},
		{"it was never in the group", nil, false, false},
		{"somebody restores into it", map[string]string{member: "x", "/var/lib/mysql/foobar/orders.ibd": "precious"}, false, true},
		{"somebody's data is in its place", map[string]string{member: "x", "/var/lib/scaleup/mysql-data-is-marked": "x", whole: "precious"}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := mysqld(t, 0)
			for path, content := range c.files {
				h.Write(path, content)
			}
			made, err := refill.BeforeStart(t.Context(), h.System())
			if made != c.made || (err != nil) != c.fails {
				t.Fatalf("made %t (%v), want %t", made, err, c.made)
			}
			if got := h.Read(refilled) != ""; got != c.made {
				t.Errorf("noted that accounts are missing: %t, want %t", got, c.made)
			}
			if c.made && (h.Read(whole) == "" || h.Read("/var/lib/mysql/.scaleup-data") == "") {
				t.Error("the data was not initialised and marked")
			}
			if !c.made && c.files[whole] != h.Read(whole) {
				t.Error("the data was touched")
			}
		})
	}
}

// Without a note, starting MySQL asks it for nothing.
func TestRefillOfWholeData(t *testing.T) {
	h := newHost(t)
	if err := (resource.Refill{Data: *dataDirectory}).AfterStart(t.Context(), h.System()); err != nil {
		t.Errorf("there is no MySQL to ask, and nothing to ask it: %v", err)
	}
	if _, err := os.Stat(h.Path("/var/lib/scaleup")); err == nil {
		t.Error("it has written something")
	}
}
