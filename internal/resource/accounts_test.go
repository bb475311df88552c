package resource

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorder is a MySQL that takes statements down and fails at one of them.
type recorder struct {
	readOnly   bool
	marks      [][]driver.Value // user, host and mark of each account
	failAt     string
	statements []string
}

func (r *recorder) Connect(context.Context) (driver.Conn, error) { return r, nil }
func (r *recorder) Driver() driver.Driver                        { return nil }
func (r *recorder) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }
func (r *recorder) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (r *recorder) Close() error                                 { return nil }

func (r *recorder) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	r.statements = append(r.statements, query)
	if r.failAt != "" && strings.HasPrefix(query, r.failAt) {
		return nil, errors.New("refused")
	}
	return driver.ResultNoRows, nil
}

func (r *recorder) QueryContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Rows, error) {
	if strings.Contains(query, "user_attributes") {
		return &someRows{columns: []string{"user", "host", "mark"}, rows: r.marks}, nil
	}
	return &someRows{columns: []string{"@@global.super_read_only"}, rows: [][]driver.Value{{r.readOnly}}}, nil
}

type someRows struct {
	columns []string
	rows    [][]driver.Value
}

func (s *someRows) Columns() []string { return s.columns }
func (*someRows) Close() error        { return nil }
func (s *someRows) Next(dest []driver.Value) error {
	if len(s.rows) == 0 {
		return io.EOF
	}
	copy(dest, s.rows[0])
	s.rows = s.rows[1:]
	return nil
}

func TestAccountsAreWrittenToAReadOnlyMember(t *testing.T) {
	const off, on = "SET GLOBAL super_read_only = OFF", "SET GLOBAL super_read_only = ON"
	m := &MySQLAccounts{Schema: "foo`bar"}
	log, schema, root := "SET SESSION sql_log_bin = 0", "CREATE SCHEMA IF NOT EXISTS `foo``bar`", "ALTER USER root@localhost IDENTIFIED WITH auth_socket"
	for _, c := range []struct {
		name string
		db   recorder
		want []string
	}{
		{"writable", recorder{}, []string{log, schema, root}},
		{"read-only", recorder{readOnly: true}, []string{off, log, schema, root, on}},
		{"read-only and failing", recorder{readOnly: true, failAt: "CREATE SCHEMA"}, []string{off, log, schema, on}},
	} {
		db := sql.OpenDB(&c.db)
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.write(t.Context(), conn); (err != nil) != (c.db.failAt != "") {
			t.Errorf("%s: error %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, c.db.statements); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAccountStatements(t *testing.T) {
	const password = "correct-horse-battery"
	app := Account{User: "app", Host: "%", Password: password, TLS: true, Grants: []string{"SELECT ON `foobar`.*", "INSERT ON `foobar`.*"}}
	guard, reader := Account{User: "scaleup", Host: "localhost"}, Account{User: "reader", Host: "localhost", As: "root"}
	var got []string
	for _, s := range slices.Concat(app.statements(""), guard.statements("another"), reader.statements("")) {
		if strings.Contains(s.what, password) || strings.Contains(s.text, password) {
			t.Errorf("the password is in %q or %q, which errors may show", s.what, s.text)
		}
		got = append(got, s.text)
	}
	want := []string{
		"CREATE USER IF NOT EXISTS ?@? IDENTIFIED WITH caching_sha2_password BY ?",
		"REVOKE ALL PRIVILEGES, GRANT OPTION FROM ?@?",
		"GRANT SELECT ON `foobar`.* TO ?@?",
		"GRANT INSERT ON `foobar`.* TO ?@?",
		"ALTER USER ?@? DISCARD OLD PASSWORD",
		"ALTER USER ?@? IDENTIFIED WITH caching_sha2_password BY ? REQUIRE SSL ATTRIBUTE '{\"scaleup\": \"" + app.digest() + "\"}'",
		"CREATE USER IF NOT EXISTS ?@? IDENTIFIED WITH auth_socket",
		"REVOKE ALL PRIVILEGES, GRANT OPTION FROM ?@?",
		"ALTER USER ?@? IDENTIFIED WITH auth_socket REQUIRE NONE ATTRIBUTE '{\"scaleup\": \"" + guard.digest() + "\"}'",
		"CREATE USER IF NOT EXISTS ?@? IDENTIFIED WITH auth_socket AS ?",
		"REVOKE ALL PRIVILEGES, GRANT OPTION FROM ?@?",
		"ALTER USER ?@? IDENTIFIED WITH auth_socket AS ? REQUIRE NONE ATTRIBUTE '{\"scaleup\": \"" + reader.digest() + "\"}'",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is as it should be is left alone: rights that are cleared and given again are
// missing in between.
func TestAccountsThatAreRightStay(t *testing.T) {
	app, drill := Account{User: "app", Host: "%", Password: "p"}, Account{User: "drill", Host: "%", Password: "q"}
	db := &recorder{marks: [][]driver.Value{{"app", "%", app.mark()}, {"mysql.sys", "localhost", ""}}}
	conn, err := sql.OpenDB(db).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &MySQLAccounts{Schema: "foobar", Accounts: []Account{app, drill}}
	if err := m.write(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if n := len(drill.statements("")); n != 4 || len(db.statements) != 3+n {
		t.Errorf("wrote %q, want the %d statements of one account beside the first three", db.statements, n)
	}
}

// From one password to the other by way of both, whichever way the account came
// there; rights are touched only when the account was something else.
func TestPasswordsAreReplacedWithoutAGap(t *testing.T) {
	define := func(a Account) Account {
		a.User, a.Host, a.TLS, a.Grants = "app", "%", true, []string{"SELECT ON *.*"}
		return a
	}
	old, next, both := define(Account{Password: "old"}), define(Account{Password: "new"}), define(Account{Password: "new", Former: "old"})
	const add, drop = "IDENTIFIED WITH caching_sha2_password BY ? RETAIN CURRENT PASSWORD", "DISCARD OLD PASSWORD"
	for _, c := range []struct {
		name  string
		mark  string
		to    Account
		want  []string // the part between the account and its attribute
		whole bool     // all is written
	}{
		{"the second password comes", old.mark(), both, []string{add}, false},
		{"both are there", both.mark(), both, nil, false},
		{"the first goes", both.mark(), next, []string{drop}, false},
		{"it is gone", next.mark(), next, nil, false},
		{"other rights beside two passwords", "0123456789abcdef+01234567", both, []string{"IDENTIFIED WITH caching_sha2_password BY ?", add}, true},
		{"the old secrets were brought back", both.mark(), old, []string{drop, "IDENTIFIED WITH caching_sha2_password BY ?"}, true},
		{"a new member", "", both, []string{"IDENTIFIED WITH caching_sha2_password BY ?", add}, true},
	} {
		var got []string
		whole := false
		list := c.to.statements(c.mark)
		for _, s := range list {
			middle, ok := strings.CutPrefix(s.text, "ALTER USER ?@? ")
			if !ok {
				whole = true
				continue
			}
			middle, _, _ = strings.Cut(middle, " ATTRIBUTE")
			got = append(got, strings.TrimSuffix(middle, " REQUIRE SSL"))
		}
		if diff := cmp.Diff(c.want, got); diff != "" || whole != c.whole {
			t.Errorf("%s: written whole: %t; passwords (-want +got):\n%s", c.name, whole, diff)
		}
		if len(list) > 0 && !strings.Contains(list[len(list)-1].text, c.to.mark()) {
			t.Errorf("%s: the last statement does not say that all is done: %s", c.name, list[len(list)-1].text)
		}
		for _, s := range list {
			if strings.Contains(s.text, "RETAIN") && s.args[2] != "new" || s.what == "set the former password of app@%" && s.args[2] != "old" {
				t.Errorf("%s: %s takes %q", c.name, s.text, s.args)
			}
		}
	}
}

func TestAccountDigest(t *testing.T) {
	base := Account{User: "app", Host: "%", Password: "p", Grants: []string{"SELECT ON *.*"}}
	for name, other := range map[string]Account{
		"password": {User: "app", Host: "%", Password: "q", Grants: base.Grants},
		"TLS":      {User: "app", Host: "%", Password: "p", TLS: true, Grants: base.Grants},
		"grants":   {User: "app", Host: "%", Password: "p"},
		"host":     {User: "app", Host: "10.%", Password: "p", Grants: base.Grants},
		"user":     {User: "app", Host: "%", Password: "p", Grants: base.Grants, As: "root"},
	} {
		if other.digest() == base.digest() {
			t.Errorf("another %s gives the same digest", name)
		}
	}
}
