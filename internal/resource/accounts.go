package resource

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"sort"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ID implements Spec.
func (m *MySQLAccounts) ID() string { return "mysql-accounts:" + m.Schema }

// Want implements Spec. Each account carries a digest of its definition in its
// own attributes, which is what Observe compares; the passwords are generated
// and long, so their digests give nothing away.
func (m *MySQLAccounts) Want() State {
	words := []string{"schema " + m.Schema, "root by socket"}
	for _, a := range m.Accounts {
		words = append(words, a.name()+" "+a.mark())
	}
	return accountsState(words)
}

func accountsState(words []string) State {
	sort.Strings(words)
	return State(strings.Join(words, ", "))
}

func (a Account) name() string { return a.User + "@" + a.Host }

// digest is of all but the former password.
func (a Account) digest() string {
	definition := fmt.Sprintf("%s\x00%s\x00%t\x00%s", a.name(), a.Password, a.TLS, strings.Join(a.Grants, "\x00"))
	if a.As != "" {
		definition += "\x00" + a.As
	}
	return Digest([]byte(definition))[:16]
}

// mark is what the account carries in its attributes: the digest, and behind a plus
// that of a second password. So a change of passwords alone is told from any other,
// and leaves the rights as they are.
func (a Account) mark() string {
	if a.Former == "" {
		return a.digest()
	}
	return a.digest() + "+" + Digest([]byte(a.Former))[:8]
}

// Observe implements Spec. While mysqld is down the accounts cannot be read,
// which is a state, not an error: an earlier step of the plan starts it.
func (m *MySQLAccounts) Observe(ctx context.Context, sys System) (State, error) {
	db, err := m.open(sys)
	if err != nil {
		return "", err
	}
	defer db.Close()
	words, err := m.read(ctx, db)
	if down := (*net.OpError)(nil); errors.As(err, &down) {
		return mysqldDown, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the accounts of MySQL: %w", err)
	}
	return accountsState(words), nil
}

// mysqldDown is the state of accounts that cannot be read.
const mysqldDown State = "mysqld is not running"

// Tolerates implements Tolerant: a step before this one started mysqld.
func (m *MySQLAccounts) Tolerates(planned, _ State) bool { return planned == mysqldDown }

func (m *MySQLAccounts) read(ctx context.Context, db *sql.DB) ([]string, error) {
	var words []string
	var schemas int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", m.Schema).Scan(&schemas); err != nil {
		return nil, err
	}
	if schemas == 1 {
		words = append(words, "schema "+m.Schema)
	}
	var plugin string
	if err := db.QueryRowContext(ctx, "SELECT plugin FROM mysql.user WHERE user = 'root' AND host = 'localhost'").Scan(&plugin); err != nil {
		return nil, err
	}
	if plugin == "auth_socket" {
		words = append(words, "root by socket")
	}
	marks, err := readMarks(ctx, db)
	for name, mark := range marks {
		words = append(words, name+" "+mark)
	}
	return words, err
}

// querier is a pool of connections or one of them.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// readMarks returns the marks of the accounts that have one, by name.
func readMarks(ctx context.Context, db querier) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT user, host, COALESCE(attribute->>'$.scaleup', '') FROM information_schema.user_attributes")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	marks := map[string]string{}
	for rows.Next() {
		var a Account
		var mark string
		if err := rows.Scan(&a.User, &a.Host, &mark); err != nil {
			return nil, err
		}
		if mark != "" {
			marks[a.name()] = mark
		}
	}
	return marks, rows.Err()
}

// Apply implements Spec. mysqld is awaited: the unit step before this one has
// started it. All is written with the binary log off, on one connection.
func (m *MySQLAccounts) Apply(ctx context.Context, sys System) error {
	db, err := m.open(sys)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("write the accounts of MySQL: %w", err)
	}
	defer conn.Close()
	if err := m.write(ctx, conn); err != nil {
		return fmt.Errorf("write the accounts of MySQL: %w", err)
	}
	return nil
}

// write leaves a member that was read-only so, whatever happens in between.
func (m *MySQLAccounts) write(ctx context.Context, conn *sql.Conn) (err error) {
	var readOnly bool
	if err := conn.QueryRowContext(ctx, "SELECT @@global.super_read_only").Scan(&readOnly); err != nil {
		return err
	}
	if readOnly {
		if _, err := conn.ExecContext(ctx, "SET GLOBAL super_read_only = OFF"); err != nil {
			return fmt.Errorf("allow writing: %w", err)
		}
		defer func() {
			if _, back := conn.ExecContext(context.WithoutCancel(ctx), "SET GLOBAL super_read_only = ON"); back != nil {
				err = errors.Join(err, fmt.Errorf("forbid writing again: %w", back))
			}
		}()
	}
	marks, err := readMarks(ctx, conn)
	if err != nil {
		return err
	}
	for _, s := range m.statements(marks) {
		if _, err := conn.ExecContext(ctx, s.text, s.args...); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

// statement is one step of writing the accounts. Errors show what, never the
// text: it holds a password.
type statement struct {
	what, text string
	args       []any
}

// statements leave accounts alone that are as they should be: clearing and giving
// rights takes them away from whoever works with them for a moment.
func (m *MySQLAccounts) statements(marks map[string]string) []statement {
	list := []statement{
		{what: "turn the binary log off", text: "SET SESSION sql_log_bin = 0"},
		{what: "create the schema", text: "CREATE SCHEMA IF NOT EXISTS " + quoteName(m.Schema)},
		{what: "tie root to the socket", text: "ALTER USER root@localhost IDENTIFIED WITH auth_socket"},
	}
	for _, a := range m.Accounts {
		list = append(list, a.statements(marks[a.name()])...)
	}
	return list
}

// statements lead from the account with this mark, "" for any other, to the one
// that is wanted. Each password is good until it is discarded, so no program is
// turned away while its own is on the way to it.
func (a Account) statements(mark string) []statement {
	before := a
	before.Password, before.Former = a.Former, ""
	switch {
	case mark == a.mark():
		return nil
	case a.Former != "" && mark == before.mark():
		return []statement{{what: "add a password to " + a.name(), text: "ALTER USER ?@? " + byPassword + retain + a.attribute(), args: []any{a.User, a.Host, a.Password}}}
	case a.Former == "" && strings.HasPrefix(mark, a.digest()+"+"):
		return []statement{{what: "discard the former password of " + a.name(), text: "ALTER USER ?@? " + discard + a.attribute(), args: []any{a.User, a.Host}}}
	}
	return a.define()
}

// Parts of statements about an account.
const (
	byPassword = "IDENTIFIED WITH caching_sha2_password BY ?"
	retain     = " RETAIN CURRENT PASSWORD"
	discard    = "DISCARD OLD PASSWORD"
)

func (a Account) attribute() string { return fmt.Sprintf(` ATTRIBUTE '{"scaleup": "%s"}'`, a.mark()) }

// define writes the account whole, whatever it was.
func (a Account) define() []statement {
	identified, args := "IDENTIFIED WITH auth_socket", []any{a.User, a.Host}
	if a.Password != "" {
		identified, args = byPassword, append(args, a.Password)
	} else if a.As != "" {
		identified, args = identified+" AS ?", append(args, a.As)
	}
	require := " REQUIRE NONE"
	if a.TLS {
		require = " REQUIRE SSL"
	}
	list := []statement{
		{what: "create " + a.name(), text: "CREATE USER IF NOT EXISTS ?@? " + identified, args: args},
		{what: "clear the rights of " + a.name(), text: "REVOKE ALL PRIVILEGES, GRANT OPTION FROM ?@?", args: []any{a.User, a.Host}},
	}
	for _, g := range a.Grants {
		list = append(list, statement{what: "grant to " + a.name(), text: "GRANT " + g + " TO ?@?", args: []any{a.User, a.Host}})
	}
	switch {
	case a.Former != "":
		list = append(list, statement{what: "set the former password of " + a.name(), text: "ALTER USER ?@? " + byPassword, args: []any{a.User, a.Host, a.Former}})
		identified += retain
	case a.Password != "":
		list = append(list, statement{what: "discard a former password of " + a.name(), text: "ALTER USER ?@? " + discard, args: []any{a.User, a.Host}})
	}
	// The attribute comes last: it says that all before it is done.
	return append(list, statement{what: "define " + a.name(), text: "ALTER USER ?@? " + identified + require + a.attribute(), args: args})
}

func (m *MySQLAccounts) open(sys System) (*sql.DB, error) {
	return OpenMySQL(sys, m.Socket, "", 20*time.Second)
}

// OpenMySQL opens the server's MySQL as root, by its unix socket, with a schema
// to begin in or "". An answer that takes longer than patience breaks the
// connection; with 0 only the statement's context does. That nobody listens is
// found out by the first statement.
func OpenMySQL(sys System, socket, schema string, patience time.Duration) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = "root", "unix", sys.path(socket), schema
	c.InterpolateParams = true // account statements cannot be prepared
	c.Timeout, c.ReadTimeout, c.WriteTimeout = 2*time.Second, patience, patience
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("connect to MySQL: %w", err)
	}
	return sql.OpenDB(connector), nil
}

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
