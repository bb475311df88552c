package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/go-sql-driver/mysql"
)

// connection is one connection to MySQL, for one operation at a time.
type connection struct {
	driver.Conn
	line *line
}

// config is how the driver connects over the line that dial opens.
func (a Access) config(dial func(context.Context) (net.Conn, error)) *mysql.Config {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.TLS = User, a.Password, a.TLS
	c.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
	c.InterpolateParams = true // one round trip for a statement, and one moment at which it is sent
	c.RejectReadOnly = false   // it would hide MySQL's answer behind a broken connection
	c.Logger = &mysql.NopLogger{}
	// Only the operation's context ends an operation: a connection through SSH has no
	// deadlines of its own.
	c.Timeout, c.ReadTimeout, c.WriteTimeout = 0, 0, 0
	return c
}

// connect opens a connection and signs in.
func (a Access) connect(ctx context.Context) (*connection, error) {
	c := &connection{}
	connector, err := mysql.NewConnector(a.config(func(ctx context.Context) (net.Conn, error) {
		conn, err := a.Dial(ctx)
		if err != nil {
			return nil, err
		}
		c.line = newLine(conn)
		return c.line, nil
	}))
	if err != nil {
		return nil, err
	}
	if c.Conn, err = connector.Connect(ctx); err != nil {
		return nil, fmt.Errorf("connect to MySQL: %w", err)
	}
	return c, nil
}

// statement is one statement with what its question marks stand for.
type statement struct {
	text string
	args []driver.Value
}

func (s statement) named() []driver.NamedValue {
	named := make([]driver.NamedValue, len(s.args))
	for i, a := range s.args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return named
}

func (c *connection) execute(ctx context.Context, s statement) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, s.text, s.named())
}

// change runs a statement that must change one row; sql.ErrNoRows says that there
// was none.
func (c *connection) change(ctx context.Context, s statement) error {
	result, err := c.execute(ctx, s)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, sql.ErrNoRows)
	}
	return nil
}

// number runs a question that one row with one whole number answers; sql.ErrNoRows
// says that there is no row.
func (c *connection) number(ctx context.Context, s statement) (int64, error) {
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, s.text, s.named())
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, sql.ErrNoRows
		}
		return 0, err
	}
	switch v := row[0].(type) {
	case int64:
		return v, nil
	case []byte:
		return strconv.ParseInt(string(v), 10, 64)
	}
	return 0, fmt.Errorf("MySQL answered with a %T where a whole number was asked for", row[0])
}
