package haproxyctl

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func fixture(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(string(content), "\n")
}

func TestParseServers(t *testing.T) {
	got, err := ParseServers(fixture(t, "state.txt"), fixture(t, "stat.csv"))
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort
	want := []Server{
		{Backend: "web", Name: "web1", Address: at("127.0.9.31:18081"), State: Drain, Healthy: true, Sessions: 7, Rate: 31, Queue: 2, Check: "L7OK"},
		{Backend: "web", Name: "web2", Address: at("127.0.9.32:18082"), State: Down, Check: "L4CON", Reason: "Connection refused"},
		{Backend: "app", Name: "app1-a", Address: at("127.0.9.41:8001"), State: Up, Healthy: true, Check: "L7OK"},
		{Backend: "app", Name: "app1-b", Address: at("127.0.9.41:8002"), State: Maint},
		{Backend: "mysql_primary", Name: "db1", Address: at("127.0.9.51:3306"), State: Up, Healthy: true},
		{Backend: "mysql_primary", Name: "db2", Address: at("127.0.9.52:3306"), State: Down},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}

func TestParseServersRefusesOtherAnswers(t *testing.T) {
	state, stat := fixture(t, "state.txt"), fixture(t, "stat.csv")
	for _, c := range []struct{ name, state, stat string }{
		{"empty state", "", stat},
		{"another version", strings.Replace(state, "1\n", "2\n", 1), stat},
		{"permission denied", "Permission denied", stat},
		{"short line", "1\n3 web 1 web1 127.0.9.31 2 8", stat},
		{"no number", strings.Replace(state, "127.0.9.31 2 8", "127.0.9.31 up 8", 1), stat},
		{"empty statistics", state, ""},
		{"other columns", state, "# pxname,svname,\nweb,web1,"},
		{"ragged statistics", state, "# pxname,svname,\nweb,"},
	} {
		if got, err := ParseServers(c.state, c.stat); err == nil {
			t.Errorf("%s: got %v, want an error", c.name, got)
		}
	}
}

func TestStateOf(t *testing.T) {
	for _, c := range []struct {
		name               string
		admin, operational int
		want               State
	}{
		{"healthy", 0, 2, Up},
		{"slow start", 0, 1, Up},
		{"checks fail", 0, 0, Down},
		{"answers 404", 0, 3, Drain},
		{"drained", 8, 2, Drain},
		{"drained and dead", 8, 0, Drain},
		{"in maintenance by order", 1, 0, Maint},
		{"disabled in the configuration", 5, 0, Maint},
		{"disabled in the configuration, ready by order", 4, 2, Up},
		{"disabled in the configuration, drained by order", 12, 2, Drain},
		{"name does not resolve", 0x20, 0, Maint},
	} {
		if got := stateOf(c.admin, c.operational); got != c.want {
			t.Errorf("%s: stateOf(%#x, %d) = %s, want %s", c.name, c.admin, c.operational, got, c.want)
		}
	}
}
