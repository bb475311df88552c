package inspect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
)

// fakeMySQL knows variables, takes writes or does not, and takes down what it was asked.
type fakeMySQL struct {
	variables  [][]driver.Value
	answer     error // to statements that write
	statements []string
	args       []driver.NamedValue
}

func (f *fakeMySQL) Connect(context.Context) (driver.Conn, error) { return f, nil }
func (f *fakeMySQL) Driver() driver.Driver                        { return nil }
func (f *fakeMySQL) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }
func (f *fakeMySQL) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (f *fakeMySQL) Close() error                                 { return nil }

func (f *fakeMySQL) ExecContext(_ context.Context, statement string, _ []driver.NamedValue) (driver.Result, error) {
	f.statements = append(f.statements, statement)
	return driver.ResultNoRows, f.answer
}

func (f *fakeMySQL) QueryContext(_ context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	f.statements, f.args = append(f.statements, statement), args
	return &fakeRows{left: f.variables}, nil
}

type fakeRows struct{ left [][]driver.Value }

func (*fakeRows) Columns() []string { return []string{"Variable_name", "Value"} }
func (*fakeRows) Close() error      { return nil }
func (r *fakeRows) Next(dest []driver.Value) error {
	if len(r.left) == 0 {
		return io.EOF
	}
	copy(dest, r.left[0])
	r.left = r.left[1:]
	return nil
}

func TestGlobals(t *testing.T) {
	fake := &fakeMySQL{variables: [][]driver.Value{{"sync_binlog", "1"}, {[]byte("super_read_only"), []byte("ON")}}}
	db := sql.OpenDB(fake)
	defer db.Close()
	got, err := globals(t.Context(), db, []string{"sync_binlog", "super_read_only", "unknown"})
	if diff := cmp.Diff(map[string]string{"sync_binlog": "1", "super_read_only": "ON"}, got); diff != "" || err != nil {
		t.Errorf("%v, values (-want +got):\n%s", err, diff)
	}
	want := []string{"SHOW GLOBAL VARIABLES WHERE Variable_name IN (?, ?, ?)"}
	if diff := cmp.Diff(want, fake.statements); diff != "" || len(fake.args) != 3 || fake.args[2].Value != "unknown" {
		t.Errorf("asked with %v, statements (-want +got):\n%s", fake.args, diff)
	}
}

func TestRefusal(t *testing.T) {
	readOnly := &mysql.MySQLError{Number: 1290, SQLState: [5]byte([]byte("HY000")), Message: "running with the --super-read-only option"}
	for _, c := range []struct {
		name   string
		answer error
		want   *Refusal // nil: an error
	}{
		{"a primary", nil, &Refusal{Statement: harmless}},
		{"a replica", readOnly, &Refusal{Statement: harmless, Refused: true, Error: readOnly.Error()}},
		// Not a refusal of writes: a member that was expelled, or one that is going down.
		{"another error", &mysql.MySQLError{Number: 1053, Message: "Server shutdown in progress"}, nil},
		{"no MySQL", errors.New("connection refused"), nil},
	} {
		fake := &fakeMySQL{answer: c.answer}
		db := sql.OpenDB(fake)
		got, err := refusal(t.Context(), db)
		db.Close()
		if (err == nil) != (c.want != nil) || c.want == nil && !errors.Is(err, c.answer) {
			t.Errorf("%s: error %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff([]string{"DELETE FROM mysql.help_topic WHERE FALSE"}, fake.statements); diff != "" {
			t.Errorf("%s: statements (-want +got):\n%s", c.name, diff)
		}
	}
}
