package ledger

import (
	"context"
	"database/sql"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill/record"
)

// realMySQL is the MySQL that SCALEUP_TEST_MYSQL names by the DSN of its root, such as
// root@tcp(127.0.0.1:3306)/?tls=skip-verify. The test makes and removes the account and the schema
// of the drills there.
func realMySQL(t *testing.T) (root *sql.DB, s *SQL, dials *atomic.Int64) {
	t.Helper()
	dsn := os.Getenv("SCALEUP_TEST_MYSQL")
	if dsn == "" {
		t.Skip("skipped: set SCALEUP_TEST_MYSQL to the DSN of the root of a scratch MySQL server to run this test against the real thing")
	}
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	if root, err = sql.Open("mysql", dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	for _, s := range []string{
		dropSchema,
		"DROP USER IF EXISTS drill@'%'",
		"CREATE USER drill@'%' IDENTIFIED BY 'not-a-secret'",
		"GRANT CREATE, DROP, ALTER, INDEX, SELECT, INSERT, UPDATE, DELETE ON `scaleup\\_drill`.* TO drill@'%'",
	} {
		if _, err := root.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	dials = new(atomic.Int64)
	s, err = Open(Access{Password: "not-a-secret", TLS: c.TLS, Dial: func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, c.Net, c.Addr)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if _, err := root.Exec("DROP USER drill@'%'"); err != nil {
			t.Error(err)
		}
	})
	return root, s, dials
}

// ask asks as the far end does.
func ask(t *testing.T, root *sql.DB, s Statement) [][]string {
	t.Helper()
	conn, err := root.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if s.Schema != "" {
		if _, err := conn.ExecContext(t.Context(), "USE "+s.Schema); err != nil {
			t.Fatal(err)
		}
	}
	var args []any
	for _, a := range s.Args {
		args = append(args, a)
	}
	rows, err := conn.QueryContext(t.Context(), s.SQL, args...)
	if err != nil {
		t.Fatalf("%s: %v", s.SQL, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for rows.Next() {
		row := make([]string, len(names))
		places := make([]any, len(names))
		for i := range row {
			places[i] = &row[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRealMySQL(t *testing.T) {
	root, s, dials := realMySQL(t)
	for range 2 { // it may find what a drill that was killed has left
		if err := s.Setup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ops := load(t, s)
	// 25 operations asked for a fresh one, and eight were under way at once.
	if n := dials.Load(); n < 25 || n > 25+8+3 {
		t.Errorf("%d connections, want 25 fresh ones, 8 kept ones, and those to set up and to read all", n)
	}
	if _, err := root.Exec("SET GLOBAL super_read_only = ON"); err != nil {
		t.Fatal(err)
	}
	refused := record.Op{Seq: len(ops), Class: record.Write}
	s.InsertRow(run, false)(t.Context(), &refused)
	if _, err := root.Exec("SET GLOBAL read_only = OFF"); err != nil {
		t.Fatal(err)
	}
	if refused.Outcome != record.Failed || refused.Status != errOptionPreventsWrite {
		t.Errorf("a read-only server: %+v", refused)
	}
	ops = append(ops, refused)

	held, err := ParseRows(ask(t, root, RowsOf(run)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record.Ledger{Acked: 200, Members: []string{"db1"}}, Check(run, ops, writes, []Holding{{"db1", held}})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for how, want := range map[string]record.Ledger{
		TamperDelete: {Acked: 200, Lost: 1}, TamperDouble: {Acked: 200, Duplicated: 1}, TamperAlter: {Acked: 200, Corrupt: 1},
	} {
		tampered(t, root, s, how, ops, want)
	}
	executed, err := ParseExecuted(ask(t, root, Executed()))
	if err != nil {
		t.Fatal(err)
	}
	if done, err := ParseWaited(ask(t, root, WaitFor(executed, 5))); !done || err != nil {
		t.Errorf("waited for what it has executed: %t, %v", done, err)
	}
	if done, err := ParseWaited(ask(t, root, WaitFor("3e11fa47-71ca-11e1-9e33-c80aa9429562:1", 1))); done || err != nil {
		t.Errorf("waited for what nobody has executed: %t, %v", done, err)
	}
	if err := s.Teardown(t.Context()); err != nil {
		t.Error(err)
	}
	if left := ask(t, root, Statement{SQL: "SHOW DATABASES LIKE 'scaleup\\_drill'"}); len(left) > 0 {
		t.Errorf("Teardown leaves %q", left)
	}
}

// tampered tampers with a row, wants it to be found, and puts it right again.
func tampered(t *testing.T, root *sql.DB, s *SQL, how string, ops []record.Op, want record.Ledger) {
	t.Helper()
	table := Schema + ".`rows`"
	for _, statement := range []string{"CREATE TABLE " + Schema + ".kept LIKE " + table, "INSERT INTO " + Schema + ".kept SELECT * FROM " + table} {
		if _, err := root.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Tamper(t.Context(), how, run); err != nil {
		t.Fatal(err)
	}
	held, err := ParseRows(ask(t, root, RowsOf(run)))
	if err != nil {
		t.Fatal(err)
	}
	got := Check(run, ops, writes, []Holding{{"db1", held}})
	if len(got.Notes) != 1 {
		t.Errorf("%s: notes %q", how, got.Notes)
	}
	got.Notes, want.Members = nil, got.Members
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", how, diff)
	}
	for _, statement := range []string{"DROP TABLE " + table, "ALTER TABLE " + Schema + ".kept RENAME " + table} {
		if _, err := root.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// load writes 200 rows and uses the registers, eight at a time.
func load(t *testing.T, s *SQL) []record.Op {
	t.Helper()
	r := s.Registers(1, time.Now())
	ops := make([]record.Op, 200)
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := worker; i < len(ops); i += 8 {
				ops[i] = record.Op{Seq: i, Class: record.Write}
				s.InsertRow(run, i%16 == 0)(t.Context(), &ops[i])
				beside := record.Op{Seq: i}
				r.Operation(i%16 == 8)(t.Context(), &beside)
				if beside.Outcome != record.OK {
					t.Errorf("register: %+v", beside)
				}
			}
		})
	}
	wait.Wait()
	if err := r.ReadAll(t.Context()); err != nil {
		t.Error(err)
	}
	history := r.History()
	if got, example := CheckRegisters(history, RegisterPatience); got != Linearizable || len(history) != 200+RegisterKeys {
		t.Errorf("%d operations, %s: %s", len(history), got, example)
	}
	if !slices.ContainsFunc(history, func(op RegisterOp) bool { return !op.Write && op.Value > 0 }) {
		t.Error("no read has seen a write")
	}
	return ops
}

// What MySQL cannot answer in time is not known to have failed.
func TestRealMySQLHoldsALock(t *testing.T) {
	root, s, _ := realMySQL(t)
	if err := s.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	tx, err := root.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("SELECT * FROM " + Schema + ".registers FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	r := s.Registers(1, time.Now())
	for _, want := range []record.Outcome{record.Indeterminate, record.Failed} { // a write, a read
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		var op record.Op
		r.Operation(false)(ctx, &op)
		cancel()
		if op.Outcome != want || op.Error != "timeout" {
			t.Errorf("got %v, %q, want %v, timeout", op.Outcome, op.Error, want)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Teardown(t.Context()); err != nil {
		t.Error(err)
	}
}
