package remote

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/resource"
)

// fakeMySQL answers every question with the same rows, and takes down how it was
// asked.
type fakeMySQL struct {
	rows       [][]driver.Value
	fails      error
	statements []string
	args       []driver.NamedValue // of the last statement
}

func (f *fakeMySQL) Connect(context.Context) (driver.Conn, error) { return f, nil }
func (f *fakeMySQL) Driver() driver.Driver                        { return nil }
func (f *fakeMySQL) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }
func (f *fakeMySQL) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (f *fakeMySQL) Close() error                                 { return nil }

func (f *fakeMySQL) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	f.statements = append(f.statements, query)
	return driver.ResultNoRows, nil
}

func (f *fakeMySQL) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	f.statements, f.args = append(f.statements, query), args
	return &fakeRows{left: f.rows, fails: f.fails}, nil
}

type fakeRows struct {
	left  [][]driver.Value
	fails error // in place of the end
}

func (*fakeRows) Columns() []string { return []string{"a", "b"} }
func (*fakeRows) Close() error      { return nil }
func (r *fakeRows) Next(dest []driver.Value) error {
	if len(r.left) == 0 {
		if r.fails != nil {
			return r.fails
		}
		return io.EOF
	}
	copy(dest, r.left[0])
	r.left = r.left[1:]
	return nil
}

func TestQueryRun(t *testing.T) {
	three := [][]driver.Value{{[]byte("k1"), int64(1)}, {"k2", nil}, {"", int64(-3)}}
	broke := errors.New("the connection broke")
	for _, c := range []struct {
		name  string
		rows  [][]driver.Value
		fails error
		most  int
		want  [][]string
		err   string
	}{
		{"numbers, texts and NULL", three, nil, 6, [][]string{{"k1", "1"}, {"k2", ""}, {"", "-3"}}, ""},
		{"no rows", nil, nil, 6, nil, ""},
		{"one value too many", three, nil, 5, nil, "more than 5 values"},
		// Half an answer would be read as rows that are lost.
		{"broken off", three, broke, 6, nil, broke.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := &fakeMySQL{rows: c.rows, fails: c.fails}
			db := sql.OpenDB(fake)
			defer db.Close()
			got, err := Query{SQL: "SELECT ?", Args: []string{"x"}}.run(t.Context(), db, c.most)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("error %v, rows (-want +got):\n%s", err, diff)
			}
			want := []string{"SET SESSION TRANSACTION READ ONLY", "SELECT ?"}
			if diff := cmp.Diff(want, fake.statements); diff != "" || len(fake.args) != 1 || fake.args[0].Value != "x" {
				t.Errorf("asked with %v, statements (-want +got):\n%s", fake.args, diff)
			}
		})
	}
}

func TestQueryWithoutMySQL(t *testing.T) {
	s := &Server{System: resource.System{Root: t.TempDir()}}
	p := s.Answer(t.Context(), Request{Query: &Query{SQL: "SELECT 1"}})
	if !strings.Contains(p.Error, "ask MySQL") || !strings.Contains(p.Error, MySQLSocket) {
		t.Errorf("error %q, want: ask MySQL, and the socket", p.Error)
	}
}

func TestQueryOnTheWire(t *testing.T) {
	want := Request{Query: &Query{Schema: "foobar", SQL: "SELECT 'é\n' WHERE ? <> ?", Args: []string{"", `"\`}}}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Request
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-sent +received):\n%s", diff)
	}
}
