package resource_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

var dataDirectory = &resource.MySQLData{Path: "/var/lib/mysql", User: "mysql"}

// mysqld is a server whose mysqld initialises a data directory, but stops half
// way as often as cuts says.
func mysqld(t *testing.T, cuts int) *hosttest.Host {
	t.Helper()
	h := newHost(t)
	if err := os.MkdirAll(h.Path(dataDirectory.Path), 0o750); err != nil {
		t.Fatal(err)
	}
	h.On(func(resource.Command) (string, error) {
		if h.Read("/var/lib/mysql/half") != "" {
			t.Error("mysqld found what a cut off run had left")
		}
		if cuts--; cuts >= 0 {
			h.Write("/var/lib/mysql/half", "x")
			return "", errors.New("killed")
		}
		h.Write("/var/lib/mysql/mysql.ibd", "x")
		return "", nil
	}, "mysqld", "--no-defaults", "--initialize-insecure", "--user=mysql", "--datadir=/var/lib/mysql")
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

func TestMySQLAccountsWithoutMySQL(t *testing.T) {
	m := &resource.MySQLAccounts{Socket: "/run/mysqld/mysqld.sock", Schema: "foobar"}
	expectState(t, newHost(t), m, "mysqld is not running")
}
