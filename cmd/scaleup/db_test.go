package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
	"scaleup/internal/component/componenttest"
	"scaleup/internal/component/mysql"
	"scaleup/internal/dbstatus"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/rotation"
)

func TestShellArgs(t *testing.T) {
	for _, c := range []struct {
		args   []string
		dash   int
		server string
		rest   []string
		fails  bool
	}{
		{nil, -1, "", nil, false},
		{[]string{"db2"}, -1, "db2", nil, false},
		{[]string{"-e", "SELECT 1"}, 0, "", []string{"-e", "SELECT 1"}, false},
		{[]string{"db2", "--table"}, 1, "db2", []string{"--table"}, false},
		{[]string{"db1", "db2"}, -1, "", nil, true},
		{[]string{"db1", "db2", "-e"}, 2, "", nil, true},
	} {
		server, rest, err := shellArgs(c.args, c.dash)
		if server != c.server || (err != nil) != c.fails || !slices.Equal(rest, c.rest) {
			t.Errorf("%q with -- at %d: %q, %q, %v", c.args, c.dash, server, rest, err)
		}
	}
}

func TestShellServer(t *testing.T) {
	group := func(primary string, servers ...dbstatus.Server) dbstatus.Report {
		return dbstatus.Report{Primary: primary, Servers: servers, Verdict: "as it is"}
	}
	member := func(name, state, role string, lag int64) dbstatus.Server {
		return dbstatus.Server{Server: name, State: state, Role: role, LagTransactions: lag}
	}
	one := member("db1", "ONLINE", "PRIMARY", 0)
	three := group("db1", one, member("db2", "ONLINE", "SECONDARY", 7), member("db3", "ONLINE", "SECONDARY", 3))
	for _, c := range []struct {
		name  string
		r     dbstatus.Report
		asked string
		write bool
		want  string // a server, or a part of the error
	}{
		{"least behind", three, "", false, "db3"},
		{"the one named", three, "db1", false, "db1"},
		{"to write", three, "", true, "db1"},
		{"to write, named", three, "db1", true, "db1"},
		{"to write elsewhere", three, "db2", true, "db2 is not the primary"},
		{"secondaries that are not ONLINE", group("db1", one, member("db2", "RECOVERING", "SECONDARY", 0)), "", false, "db1"},
		{"no primary", group("", member("db2", "OFFLINE", "", 0)), "", true, "there is no primary to write to: as it is"},
		{"nobody", group("", member("db2", "OFFLINE", "", 0)), "", false, "no member is ONLINE: as it is"},
		{"to look at one that is out", group("", member("db2", "OFFLINE", "", 0)), "db2", false, "db2"},
	} {
		got, err := shellServer(c.r, c.asked, c.write)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The client signs in as accounts that MySQL has, by its socket, and without --write
// as one that cannot write.
func TestShellArgv(t *testing.T) {
	in := componenttest.Input(t, componenttest.Site(1, 1, 1, 3), "db2")
	rights := map[string]string{}
	for _, s := range componenttest.Resources(t, mysql.Component{}, in) {
		if m, ok := s.(*resource.MySQLAccounts); ok {
			for _, a := range m.Accounts {
				if a.As == "root" && a.Host == "localhost" {
					rights[a.User] = a.Grants[0]
				}
			}
		}
	}
	if !strings.HasPrefix(rights[readerAccount], "SELECT, SHOW VIEW ON ") || !strings.Contains(rights[writerAccount], "INSERT") {
		t.Errorf("accounts by the socket: %v", rights)
	}
	common := []string{"mysql", "--no-defaults", "--socket=/run/mysqld/mysqld.sock", "--database=foobar"}
	for write, want := range map[bool][]string{
		false: {"--user=reader", "--prompt=db2> ", "--init-command=SET SESSION TRANSACTION READ ONLY", "-e", "SELECT 'a b'"},
		true:  {"--user=writer", "--prompt=db2 (writes)> ", "-e", "SELECT 'a b'"},
	} {
		got := shellArgv("db2", "foobar", shellOrder{write: write, args: []string{"-e", "SELECT 'a b'"}})
		if diff := cmp.Diff(slices.Concat(common, want), got); diff != "" {
			t.Errorf("write %t (-want +got):\n%s", write, diff)
		}
	}
}

// What a rotation asks MySQL about is what is rendered for it.
func TestRotationUnderstands(t *testing.T) {
	in := componenttest.Input(t, componenttest.Site(1, 1, 1, 3), "db1")
	in.Secrets.Rotating = &component.Rotating{
		Old: component.Passwords{App: "a1", Replication: "r1", Drill: "d1"}, New: component.Passwords{App: "a2", Replication: "r2", Drill: "d2"},
	}
	specs := componenttest.Resources(t, mysql.Component{}, in)
	componenttest.Find[*resource.File](t, specs, "file:"+rotation.CA)
	var got []remote.Login
	for _, a := range componenttest.Find[*resource.MySQLAccounts](t, specs, "mysql-accounts:foobar").Accounts {
		if a.Password != "" {
			got = append(got, remote.Login{User: a.User, Password: a.Password})
		}
	}
	if diff := cmp.Diff(rotation.Logins(in.Secrets.Rotating.New), got); diff != "" {
		t.Errorf("logins (-asked +rendered):\n%s", diff)
	}
}

func TestPrintDatabase(t *testing.T) {
	var out strings.Builder
	printDatabase(&out, dbstatus.Report{
		Verdict: "degraded: 1 of 2 members ONLINE", Primary: "db1", Quorum: dbstatus.Quorum{Members: 2, Online: 1},
		Servers: []dbstatus.Server{
			{Server: "db1", State: "ONLINE", Role: "PRIMARY", LagTransactions: 3, LagSeconds: 0.25, Epoch: 2, Actions: []dbstatus.Done{{Kind: "join", Error: "refused"}, {Kind: "switch"}}},
			{Server: "db2", State: "unreachable", Waits: "no\nroute", Aside: []dbstatus.Copy{{Path: "/var/lib/mysql-aside/1"}}, Actions: []dbstatus.Done{{Kind: "join", Took: 1.5, Error: "not\nnow"}}},
		},
		History: []dbstatus.Change{{Epoch: 2, Primary: "db1", Members: dbstatus.Names{"db1", "db2"}, SeenBy: dbstatus.Names{"db1"}}},
	})
	for _, want := range []string{
		"degraded: 1 of 2 members ONLINE\nprimary db1; 1 of 2 ONLINE, tolerates 0 failures\n",
		"db1      ONLINE       primary       3 tx, 0.2 s      2  -\ndb2 ",
		"db2      unreachable  -                       -      0  no route\n" +
			"         0001-01-01 00:00:00 UTC: join failed after 1.5 s: not now\n" +
			"         0001-01-01 00:00:00 UTC: data was set aside: /var/lib/mysql-aside/1\n",
		"0001-01-01 00:00:00       2  db1      db1, db2                 db1\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
}
