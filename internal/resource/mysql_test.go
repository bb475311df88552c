package resource_test

import (
	"errors"
	"os"
	"os/user"
	"strings"
	"testing"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

var dataDirectory = &resource.MySQLData{Path: "/var/lib/mysql", User: ownName()}

// ownName is a user that is sure to exist, and whose files this process may make.
func ownName() string {
	u, err := user.Current()
	if err != nil {
		panic(err)
	}
	return u.Username
}

// mysqld is a server whose mysqld initialises a data directory, but stops half
// way as often as cuts says.
func mysqld(t *testing.T, cuts int) *hosttest.Host {
	t.Helper()
	h := newHost(t)
	if err := os.MkdirAll(h.Path(dataDirectory.Path), 0o750); err != nil {
		t.Fatal(err)
	}
	h.On(func(resource.Command) (string, error) {
		if h.Read("/var/lib/mysql/half")+h.Read("/var/lib/mysql/auto.cnf") != "" {
			t.Error("mysqld found what a cut off run had left")
		}
		if cuts--; cuts >= 0 {
			h.Write("/var/lib/mysql/half", "x")
			return "", errors.New("killed")
		}
		h.Write("/var/lib/mysql/mysql.ibd", "x")
		return "", nil
	}, "mysqld", "--no-defaults", "--initialize-insecure", "--user="+ownName(), "--datadir=/var/lib/mysql")
	return h
}

func TestMySQLData(t *testing.T) {
	h := mysqld(t, 0)
	expectState(t, h, dataDirectory, resource.Absent)
	apply(t, h, dataDirectory)
	h.Forget()
	apply(t, h, dataDirectory)
	if got := h.Commands(); len(got) != 0 {
		t.Errorf("an initialised directory was touched: %q", got)
	}
}

func TestMySQLDataCutOff(t *testing.T) {
	h := mysqld(t, 2)
	h.Write("/var/lib/mysql/lost+found/x", "the file system's own")
	for range 2 {
		if err := dataDirectory.Apply(t.Context(), h.System()); err == nil {
			t.Error("no error from a run that was cut off")
		}
		expectState(t, h, dataDirectory, "half initialised")
	}
	apply(t, h, dataDirectory)
	if h.Read("/var/lib/mysql/lost+found/x") == "" {
		t.Error("lost+found is gone")
	}
}

// Somebody's data must survive any number of runs.
func TestMySQLDataOfSomebodyElse(t *testing.T) {
	h := mysqld(t, 0)
	h.Write("/var/lib/mysql/backup/orders.ibd", "precious")
	for range 3 {
		if err := dataDirectory.Apply(t.Context(), h.System()); err == nil || !strings.Contains(err.Error(), "backup") {
			t.Errorf("error %v, want one that names what is in the way", err)
		}
	}
	if got := h.Read("/var/lib/mysql/backup/orders.ibd"); got != "precious" {
		t.Errorf("the data is %q", got)
	}
}

// A whole data directory that scaleup did not initialise is refused by file, with
// the way out, before anything is done; told so, scaleup uses it and changes nothing.
func TestMySQLDataOfAnotherMySQL(t *testing.T) {
	h := mysqld(t, 0)
	h.Write("/var/lib/mysql/mysql.ibd", "precious")
	if _, err := dataDirectory.Observe(t.Context(), h.System()); err == nil {
		t.Fatal("foreign data is taken for scaleup's own")
	}
	err := dataDirectory.Apply(t.Context(), h.System())
	for _, want := range []string{"/var/lib/mysql", "mysql.ibd", "did not initialise", "touch /var/lib/mysql/.scaleup-data"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	if got := h.Read("/var/lib/mysql/mysql.ibd"); got != "precious" || len(h.Commands()) != 0 || h.Read("/var/lib/mysql/.scaleup-data") != "" {
		t.Errorf("the data is %q after %q", got, h.Commands())
	}
	h.Write("/var/lib/mysql/.scaleup-data", "")
	expectState(t, h, dataDirectory, "initialised")
}

// Data from before there were marks is marked once; after that, data without a
// mark is somebody else's, even though the guard's record is still there.
func TestMySQLDataWithoutMark(t *testing.T) {
	h := mysqld(t, 0)
	h.Write("/var/lib/mysql/mysql.ibd", "ours")
	h.Write("/var/lib/scaleup-guard/record.json", "{}")
	expectState(t, h, dataDirectory, "initialised, without scaleup's mark")
	apply(t, h, dataDirectory)
	if len(h.Commands()) != 0 || h.Read("/var/lib/mysql/mysql.ibd") != "ours" {
		t.Errorf("marking ran %q", h.Commands())
	}
	if err := os.Remove(h.Path("/var/lib/mysql/.scaleup-data")); err != nil {
		t.Fatal(err)
	}
	if _, err := dataDirectory.Observe(t.Context(), h.System()); err == nil {
		t.Error("data that was put in the place of scaleup's is taken for scaleup's own")
	}
}

func TestMySQLDataOfNewerMySQL(t *testing.T) {
	const history = `{"file_format":"1","upgrade_history":[{"date":"2026-01-02 03:04:05","version":"9.6.0","maturity":"INNOVATION","initialize":true},{"date":"2026-11-02 03:04:05","version":"9.7.4","maturity":"LTS"}]}`
	for _, c := range []struct{ history, version, want string }{
		{history, "9.7.4", ""}, {history, "9.7.5", ""}, {history, "9.10.0", ""}, {history, "26.7.0", ""},
		{history, "", ""}, // nobody knows yet what will be installed
		{"", "8.0.46", ""},
		{history, "9.7.3", "install MySQL 9.7.4 or newer"},
		{history, "9.6.0", "last used by MySQL 9.7.4 (mysql_upgrade_history), and MySQL 9.6.0"},
		{history, "8.4.11", "older MySQL cannot open it"},
		{`{"upgrade_history":`, "9.7.4", "read /var/lib/mysql/mysql_upgrade_history"},
	} {
		h := mysqld(t, 0)
		h.Write("/var/lib/mysql/mysql.ibd", "x")
		h.Write("/var/lib/mysql/.scaleup-data", "")
		if c.history != "" {
			h.Write("/var/lib/mysql/mysql_upgrade_history", c.history)
		}
		d := &resource.MySQLData{Path: dataDirectory.Path, User: "mysql", Version: c.version}
		_, err := d.Observe(t.Context(), h.System())
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("MySQL %q: error %v, want %q in it", c.version, err, c.want)
		}
	}
}

func TestMySQLAccountsWithoutMySQL(t *testing.T) {
	m := &resource.MySQLAccounts{Socket: "/run/mysqld/mysqld.sock", Schema: "foobar"}
	expectState(t, newHost(t), m, "mysqld is not running")
}
