package resource

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorder is a MySQL that takes statements down and fails at one of them.
type recorder struct {
	readOnly   bool
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

func (r *recorder) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &oneRow{value: r.readOnly}, nil
}

type oneRow struct {
	value bool
	done  bool
}

func (*oneRow) Columns() []string { return []string{"@@global.super_read_only"} }
func (*oneRow) Close() error      { return nil }
func (o *oneRow) Next(dest []driver.Value) error {
	if o.done {
		return io.EOF
	}
	o.done, dest[0] = true, o.value
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
	guard := Account{User: "scaleup", Host: "localhost"}
	var got []string
	for _, s := range append(app.statements(), guard.statements()...) {
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
		"ALTER USER ?@? IDENTIFIED WITH caching_sha2_password BY ? REQUIRE SSL ATTRIBUTE '{\"scaleup\": \"" + app.digest() + "\"}'",
		"CREATE USER IF NOT EXISTS ?@? IDENTIFIED WITH auth_socket",
		"REVOKE ALL PRIVILEGES, GRANT OPTION FROM ?@?",
		"ALTER USER ?@? IDENTIFIED WITH auth_socket REQUIRE NONE ATTRIBUTE '{\"scaleup\": \"" + guard.digest() + "\"}'",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAccountDigest(t *testing.T) {
	base := Account{User: "app", Host: "%", Password: "p", Grants: []string{"SELECT ON *.*"}}
	for name, other := range map[string]Account{
		"password": {User: "app", Host: "%", Password: "q", Grants: base.Grants},
		"TLS":      {User: "app", Host: "%", Password: "p", TLS: true, Grants: base.Grants},
		"grants":   {User: "app", Host: "%", Password: "p"},
		"host":     {User: "app", Host: "10.%", Password: "p", Grants: base.Grants},
	} {
		if other.digest() == base.digest() {
			t.Errorf("another %s gives the same digest", name)
		}
	}
}
