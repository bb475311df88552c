package survey

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/facts"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

func TestChooseSlot(t *testing.T) {
	const new, old, idle = "running sha256:2", "running sha256:1", "stopped"
	for _, c := range []struct {
		name string
		a, b plan.State
		want topology.Slot
	}{
		{"a new server", idle, idle, topology.SlotA},
		{"a runs what is wanted", new, idle, topology.SlotA},
		{"b runs what is wanted", idle, new, topology.SlotB},
		{"a new release: not over the one that serves", old, idle, topology.SlotB},
		{"a new release, b serves", idle, old, topology.SlotA},
		{"a deploy was cut off before the old one stopped", old, new, topology.SlotB},
		{"the same, the other way", new, old, topology.SlotA},
		{"a deploy was cut off while b started", old, "started, but not proved ready", topology.SlotB},
		{"b crashes again and again", old, "activating", topology.SlotB},
		{"the only one failed", "failed", idle, topology.SlotA},
	} {
		wanted := slotStates{topology.SlotA: new, topology.SlotB: new}
		if got := chooseSlot(slotStates{topology.SlotA: c.a, topology.SlotB: c.b}, wanted); got != c.want {
			t.Errorf("%s: slot %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRotation(t *testing.T) {
	server := func(backend, name string, state haproxyctl.State) haproxyctl.Server {
		return haproxyctl.Server{Backend: backend, Name: name, State: state}
	}
	up := func(name string) haproxyctl.Server { return server("web", name, haproxyctl.Up) }
	for _, c := range []struct {
		name  string
		views [][]haproxyctl.Server
		want  map[string]plan.Rotation
	}{
		{"up in both", [][]haproxyctl.Server{{up("web1")}, {up("web1")}}, map[string]plan.Rotation{"web1": plan.Ready}},
		{"down in one", [][]haproxyctl.Server{{up("web1")}, {server("web", "web1", haproxyctl.Down)}}, map[string]plan.Rotation{"web1": plan.Down}},
		{"drained in one, down in one", [][]haproxyctl.Server{{server("web", "web1", haproxyctl.Drain)}, {server("web", "web1", haproxyctl.Down)}},
			map[string]plan.Rotation{"web1": plan.Drained}},
		{"in maintenance", [][]haproxyctl.Server{{server("app", "app1-b", haproxyctl.Maint)}}, map[string]plan.Rotation{"app1-b": plan.Drained}},
		{"known to one only", [][]haproxyctl.Server{{up("web1"), up("web2")}, {up("web1")}}, map[string]plan.Rotation{"web1": plan.Ready, "web2": plan.Unknown}},
		{"one HAProxy does not run", [][]haproxyctl.Server{{up("web1")}, nil}, map[string]plan.Rotation{"web1": plan.Unknown}},
		{"database members are not rotated", [][]haproxyctl.Server{{server("mysql_write", "db1", haproxyctl.Up)}}, map[string]plan.Rotation{}},
	} {
		if diff := cmp.Diff(c.want, Rotation(c.views)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func databases(t *testing.T) *topology.Topology {
	t.Helper()
	site := &spec.Site{Name: "www.foobar.com", Lab: spec.Lab{Subnet: netip.MustParsePrefix("10.77.0.0/24")}}
	for _, name := range []string{"db1", "db2", "db3"} {
		site.Servers = append(site.Servers, spec.Server{Name: name, Role: spec.Database})
	}
	top, err := topology.Build(site)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func TestPrimary(t *testing.T) {
	said := func(text string) remote.Response { return remote.Response{Member: []byte(text)} }
	for _, c := range []struct {
		name    string
		answers map[string]remote.Response
		want    string
	}{
		{"nobody answers", nil, ""},
		{"all agree", map[string]remote.Response{"db1": said(`{"state":"ONLINE","primary":"db2"}`)}, "db2"},
		{"one that was expelled is not asked", map[string]remote.Response{
			"db1": said(`{"state":"ERROR","primary":"db1"}`), "db3": said(`{"state":"ONLINE","primary":"db3"}`)}, "db3"},
		{"an election", map[string]remote.Response{"db1": said(`{"state":"ONLINE","primary":""}`)}, ""},
		{"not a guard", map[string]remote.Response{"db1": said(`"hello"`)}, ""},
		{"one that came back has not heard that it was expelled", map[string]remote.Response{
			"db1": said(`{"state":"ONLINE","primary":"db1","epoch":2,"view":"17:9","members":[{"server":"db1","state":"ONLINE"},{"server":"db2","state":"ONLINE"},{"server":"db3","state":"ONLINE"}]}`),
			"db2": said(`{"state":"ONLINE","primary":"db2","epoch":2,"view":"17:10","members":[{"server":"db2","state":"ONLINE"},{"server":"db3","state":"ONLINE"}]}`)}, "db2"},
		{"a group that was formed anew", map[string]remote.Response{
			"db1": said(`{"state":"ONLINE","primary":"db1","epoch":2,"view":"17:9"}`), "db3": said(`{"state":"ONLINE","primary":"db3","epoch":3,"view":"18:1"}`)}, "db3"},
		{"one that is about to leave shows itself alone", map[string]remote.Response{
			"db1": said(`{"state":"ONLINE","primary":"db1","view":"17:9","members":[{"server":"db1","state":"ONLINE"}]}`),
			"db2": said(`{"state":"ONLINE","primary":"db3","view":"17:9","members":[{"server":"db1","state":"ONLINE"},{"server":"db2","state":"ONLINE"},{"server":"db3","state":"ONLINE"}]}`)}, "db3"},
		{"one that is left", map[string]remote.Response{
			"db1": said(`{"state":"ONLINE","primary":"db1","view":"17:9","members":[{"server":"db1","state":"ONLINE"},{"server":"db2","state":"UNREACHABLE"},{"server":"db3","state":"UNREACHABLE"}]}`)}, ""},
	} {
		if got := Primary(databases(t), c.answers); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSupported(t *testing.T) {
	for _, c := range []struct {
		os, release string
		want        bool
	}{
		{"debian", "12", true}, {"debian", "13", true}, {"ubuntu", "24.04", true},
		{"debian", "11", false}, {"debian", "sid", false}, {"ubuntu", "20.04", false}, {"fedora", "42", false}, {"", "", false},
	} {
		err := Supported("web1", facts.Facts{OS: c.os, Release: c.release})
		if (err == nil) != c.want {
			t.Errorf("%s %s: %v, want supported: %t", c.os, c.release, err, c.want)
		}
		if err != nil && (!strings.Contains(err.Error(), "web1 runs "+c.os) || !strings.Contains(err.Error(), "it supports")) {
			t.Errorf("error %q names neither the server and its system nor what works", err)
		}
	}
}

func TestStateOf(t *testing.T) {
	group := Group{Members: []GroupMember{{Server: "db1", State: "ONLINE"}, {Server: "db3", State: "RECOVERING"}}}
	for _, c := range []struct {
		name, server, says, want string
		group                    Group
	}{
		{"listed", "db1", "ONLINE", "ONLINE", group},
		{"listed, and ONLINE since", "db3", "ONLINE", "ONLINE", group},
		{"not listed", "db2", "ONLINE", Expelled, group},
		{"not listed, and it knows", "db2", "ERROR", "ERROR", group},
		{"about to join", "db2", "RECOVERING", "RECOVERING", group},
		{"nobody tells", "db2", "ONLINE", "ONLINE", Group{}},
	} {
		if got := c.group.StateOf(c.server, Group{State: c.says}); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
