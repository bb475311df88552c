package mysql

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
	"scaleup/internal/component/componenttest"
	"scaleup/internal/drill/ledger"
	"scaleup/internal/facts"
	"scaleup/internal/guard"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

func input(t *testing.T, server string) component.Input {
	return componenttest.Input(t, componenttest.Site(2, 2, 2, 3), server)
}

func file(t *testing.T, in component.Input, path string) *resource.File {
	t.Helper()
	return componenttest.Find[*resource.File](t, componenttest.Resources(t, Component{}, in), "file:"+path)
}

func TestGolden(t *testing.T) {
	in := input(t, "db1")
	componenttest.Golden(t, "server/my.cnf", file(t, in, configPath).Content)
	componenttest.Golden(t, "mysql.service", file(t, in, unitPath).Content)
	componenttest.Golden(t, "scaleup-guard.service", file(t, in, guardUnitPath).Content)
	componenttest.Golden(t, "guard.json", file(t, in, guardConfigPath).Content)
	in.Facts = componenttest.Debian12(in.Facts)
	componenttest.Golden(t, "container/my.cnf", file(t, in, configPath).Content)
}

// mysqld judges the file where it is installed.
func TestMysqldAccepts(t *testing.T) {
	mysqld := componenttest.Program(t, "mysqld")
	for _, change := range []func(facts.Facts) facts.Facts{func(f facts.Facts) facts.Facts { return f }, componenttest.Debian12} {
		in := input(t, "db1")
		in.Facts = change(in.Facts)
		f := file(t, in, configPath)
		path := filepath.Join(t.TempDir(), "my.cnf")
		if err := os.WriteFile(path, f.Content, 0o644); err != nil {
			t.Fatal(err)
		}
		componenttest.Check(t, mysqld, "--defaults-file="+path, "--user=root", "--validate-config")
	}
}

func TestSystemdAccepts(t *testing.T) {
	analyze := componenttest.Program(t, "systemd-analyze")
	in := input(t, "db1")
	in.Binary = "/bin/true"
	dir := t.TempDir()
	for _, path := range []string{unitPath, guardUnitPath} {
		content := bytes.ReplaceAll(file(t, in, path).Content, []byte("/usr/sbin/mysqld"), []byte("/bin/true"))
		target := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(target, content, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", "--man=no", target).CombinedOutput()
		if err != nil || strings.Contains(string(out), filepath.Base(path)+":") {
			t.Errorf("systemd-analyze verify %s: %v\n%s", filepath.Base(path), err, out)
		}
	}
}

// So it does after a recovery with loss.
func TestGuardUnderstandsRecovery(t *testing.T) {
	in := input(t, "db2")
	in.Secrets.Recovered = &component.Recovered{
		Replaces: []string{"6a1f0a3e-0000-4000-8000-000000000009"}, Initial: "db1", Voters: []string{"db1", "db2"},
		GTIDs: "6a1f0a3e-0000-4000-8000-000000000009:1-10", GivenUp: "6a1f0a3e-0000-4000-8000-000000000009:11",
	}
	got, err := guard.ParseConfig(file(t, in, guardConfigPath).Content)
	if err != nil {
		t.Fatal(err)
	}
	want := guard.Recovered(*in.Secrets.Recovered)
	if diff := cmp.Diff(&want, got.Recovered); diff != "" {
		t.Errorf("recovered (-want +got):\n%s", diff)
	}
}

// The guard reads what is rendered for it, and asks for the rights it is given.
func TestGuardUnderstands(t *testing.T) {
	in := input(t, "db2")
	got, err := guard.ParseConfig(file(t, in, guardConfigPath).Content)
	if err != nil {
		t.Fatal(err)
	}
	want := guard.Config{
		Server: "db2", GroupName: in.Secrets.GroupName, Initial: "db1",
		Voters: []guard.Voter{{Name: "db1", Address: "10.77.0.51"}, {Name: "db2", Address: "10.77.0.52"}, {Name: "db3", Address: "10.77.0.53"}},
		Socket: socket, MySQLUser: "guard", MySQLPort: 3306, ReplicationUser: "replication",
		ReplicationPasswordFile: "${CREDENTIALS_DIRECTORY}/replication-password",
		Listen:                  "10.77.0.52:8008", PeerListen: "10.77.0.52:8009", Control: guard.DefaultControl,
		TLS:      guard.TLS{CA: caPath, Cert: certPath, Key: "${CREDENTIALS_DIRECTORY}/key"},
		StateDir: "/var/lib/scaleup-guard",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("guard.json (-want +got):\n%s", diff)
	}
	for _, c := range []struct{ name, here, there string }{
		{"guard", guardGrants, guard.Grants}, {"guard's reads", guardReads, guard.PerformanceSchemaGrant}, {"replication", replicationGrants, guard.ReplicationGrants},
		{"guard's writes", guardWrites, guard.PulseGrant}, {"copies", asideDir, guard.AsideDir},
	} {
		if c.here != c.there {
			t.Errorf("rights of %s: rendered %q, the guard asks for %q", c.name, c.here, c.there)
		}
	}
}

// What a member needs is there before it is started, in this order.
func TestOrder(t *testing.T) {
	specs := componenttest.Resources(t, Component{}, input(t, "db1"))
	position := map[string]int{}
	for i, s := range specs {
		position[s.ID()] = i + 1
	}
	order := []string{
		"packages:mysql", "user:mysql", "directory:" + dataDir, "file:" + keyPath, "file:" + configPath, "file:" + unitPath, "mysql-data:" + dataDir,
		"unit:" + Unit, "mysql-accounts:foobar", "user:guard", "file:" + guardConfigPath, "file:" + guardUnitPath, "unit:" + GuardUnit, "member:db1",
	}
	for i, id := range order {
		if position[id] == 0 || i > 0 && position[id] < position[order[i-1]] {
			t.Errorf("%s is at %d; want it after %v", id, position[id], order[:i])
		}
	}
}

func TestAccounts(t *testing.T) {
	in := input(t, "db1")
	in.Topology.Site.Database.Name = "foo_bar"
	accounts := componenttest.Find[*resource.MySQLAccounts](t, componenttest.Resources(t, Component{}, in), "mysql-accounts:foo_bar").Accounts
	for _, a := range accounts {
		if a.Host == "%" && (a.Password == "" || !a.TLS) {
			t.Errorf("%s@%s may come from anywhere without a password or without TLS", a.User, a.Host)
		}
	}
	if got, want := accounts[0].Grants[0], " ON `foo\\_bar`.*"; !strings.HasSuffix(got, want) {
		t.Errorf("the app's rights are %q, want them%s: _ stands for any character", got, want)
	}
}

// While passwords are replaced, every account takes both, whichever the programs use:
// changing them over changes no account.
func TestRotatingAccounts(t *testing.T) {
	in := input(t, "db1")
	old, next := component.Passwords{App: "a1", Replication: "r1", Drill: "d1"}, component.Passwords{App: "a2", Replication: "r2", Drill: "d2"}
	in.Secrets.Rotating = &component.Rotating{Old: old, New: next}
	for _, used := range []component.Passwords{old, next} {
		in.Secrets.MySQLApp, in.Secrets.MySQLReplication, in.Secrets.MySQLDrill = used.App, used.Replication, used.Drill
		specs := componenttest.Resources(t, Component{}, in)
		got := map[string]string{}
		for _, a := range componenttest.Find[*resource.MySQLAccounts](t, specs, "mysql-accounts:foobar").Accounts {
			if a.Password != "" || a.Former != "" {
				got[a.User] = a.Password + " " + a.Former
			}
		}
		if diff := cmp.Diff(map[string]string{"app": "a2 a1", "replication": "r2 r1", "drill": "d2 d1"}, got); diff != "" {
			t.Errorf("passwords (-want +got):\n%s", diff)
		}
		if got := componenttest.Find[*resource.File](t, specs, "file:"+replicationPasswordPath).Content; string(got) != used.Replication {
			t.Errorf("the guard uses %q, want %q", got, used.Replication)
		}
	}
}

// The operator's shell signs in without a password, to the site's schema only, and
// the reader changes nothing.
func TestShellAccounts(t *testing.T) {
	accounts := componenttest.Find[*resource.MySQLAccounts](t, componenttest.Resources(t, Component{}, input(t, "db1")), "mysql-accounts:foobar").Accounts
	want := []resource.Account{
		{User: "reader", Host: "localhost", As: "root", Grants: []string{"SELECT, SHOW VIEW ON `foobar`.*"}},
		{User: "writer", Host: "localhost", As: "root", Grants: accounts[0].Grants},
	}
	if diff := cmp.Diff(want, accounts[len(accounts)-2:]); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
}

// The drills sign in as the account they are given, to the schema it is good for,
// and the far end finds the socket.
func TestDrillsUnderstand(t *testing.T) {
	in := input(t, "db1")
	accounts := componenttest.Find[*resource.MySQLAccounts](t, componenttest.Resources(t, Component{}, in), "mysql-accounts:foobar")
	want := resource.Account{User: ledger.User, Host: "%", Password: in.Secrets.MySQLDrill, TLS: true, Grants: []string{
		"CREATE, DROP, ALTER, INDEX, SELECT, INSERT, UPDATE, DELETE ON `scaleup\\_drill`.*",
	}}
	got := accounts.Accounts[2]
	if diff := cmp.Diff(want, got); diff != "" || drillSchema != ledger.Schema {
		t.Errorf("the drills' schema is %q here, %q there; their account (-want +got):\n%s", drillSchema, ledger.Schema, diff)
	}
	if accounts.Socket != remote.MySQLSocket {
		t.Errorf("mysqld listens on %s, the far end asks on %s", accounts.Socket, remote.MySQLSocket)
	}
}

func TestPackages(t *testing.T) {
	site := componenttest.Site(1, 1, 1, 1)
	if got := (Component{}).Packages(site); len(got) != 1 || got[0].Release != "sid" {
		t.Errorf("debian-sid: %+v, want packages of sid", got)
	}
	site.Database.Packages = spec.Installed
	if got := (Component{}).Packages(site); got != nil {
		t.Errorf("installed: %+v, want none", got)
	}
}

func TestSizes(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		facts facts.Facts
		want  sizes
	}{
		{facts.Facts{Memory: 64 * gib, Container: true, CPUs: 2, OpenFiles: 20000}, sizes{128, 128, 128, 4, 20000}},
		{facts.Facts{Memory: gib / 8, CPUs: 1, OpenFiles: 1 << 20}, sizes{128, 256, 128, 4, 32768}},
		{facts.Facts{Memory: 4 * gib, CPUs: 8, OpenFiles: 1 << 20}, sizes{2048, 512, 256, 8, 32768}},
		{facts.Facts{Memory: 256 * gib, CPUs: 96, OpenFiles: 1 << 20}, sizes{131072, 8192, 1024, 16, 32768}},
	} {
		if got := sizesFor(c.facts); got != c.want {
			t.Errorf("sizesFor(%+v) = %+v, want %+v", c.facts, got, c.want)
		}
	}
}

func TestServerIDs(t *testing.T) {
	seen := map[uint32]string{}
	for _, server := range []string{"db1", "db2", "db3"} {
		v, err := newView(input(t, server))
		if err != nil {
			t.Fatal(err)
		}
		if v.ServerID == 0 || seen[v.ServerID] != "" {
			t.Errorf("%s has server_id %d, as has %q", server, v.ServerID, seen[v.ServerID])
		}
		seen[v.ServerID] = server
	}
}

func TestSecretsStayInTheirFiles(t *testing.T) {
	in := input(t, "db1")
	for _, s := range componenttest.Resources(t, Component{}, in) {
		f, ok := s.(*resource.File)
		if !ok || f.Secret {
			if ok && f.Mode != 0o600 {
				t.Errorf("%s is secret and has mode %04o", f.Path, f.Mode)
			}
			continue
		}
		for _, secret := range []string{in.Secrets.MySQLApp, in.Secrets.MySQLReplication, in.Secrets.MySQLDrill, "key of db1"} {
			if bytes.Contains(f.Content, []byte(secret)) {
				t.Errorf("%s holds a secret", f.Path)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*component.Input){
		"group name with a newline": func(in *component.Input) { in.Secrets.GroupName += "\nuser=root" },
		"binary with a newline":     func(in *component.Input) { in.Binary = "/x\nUser=root" },
		"server with a newline":     func(in *component.Input) { in.Server.Name = "db1\nplugin_load=x" },
		"long password":             func(in *component.Input) { in.Secrets.MySQLReplication = strings.Repeat("x", 33) },
		"no password for drills":    func(in *component.Input) { in.Secrets.MySQLDrill = "" },
		"a next password missing": func(in *component.Input) {
			in.Secrets.Rotating = &component.Rotating{New: component.Passwords{App: "a", Drill: "d"}}
		},
		"long next password": func(in *component.Input) {
			in.Secrets.Rotating = &component.Rotating{New: component.Passwords{App: "a", Drill: "d", Replication: strings.Repeat("x", 33)}}
		},
		"no certificate": func(in *component.Input) { in.Secrets.Servers = nil },
	} {
		in := input(t, "db1")
		change(&in)
		if _, err := (Component{}).Resources(in); err == nil {
			t.Errorf("%s: rendered, want an error", name)
		}
	}
}
