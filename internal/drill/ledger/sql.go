package ledger

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/go-sql-driver/mysql"

	"scaleup/internal/drill/record"
)

// User is the account of the drills, and Schema what it may make, fill and drop.
const (
	User   = "drill"
	Schema = "scaleup_drill"
)

// Access is the way to the primary.
type Access struct {
	// Dial opens a connection to the address that leads to the primary, and gives up
	// with its context.
	Dial func(context.Context) (net.Conn, error)
	// TLS must name the server or verify by itself: an address that leads to whoever
	// is the primary is no name. Nil is none, which the site's account does not accept.
	TLS      *tls.Config
	Password string
}

// SQL is the load on MySQL itself. It drives the driver's connections by hand:
// database/sql repeats a statement on another connection when the first one is
// found broken, and a drill has to count that as the failure it is. A connection is
// used by one operation at a time, and never again after an error.
type SQL struct {
	access Access

	mu   sync.Mutex
	kept []*connection // idle
}

// Open checks what is needed to connect; it makes no connection yet.
func Open(a Access) (*SQL, error) {
	if _, err := mysql.NewConnector(a.config(nil)); err != nil {
		return nil, fmt.Errorf("prepare the drill's connections to MySQL: %w", err)
	}
	return &SQL{access: a}, nil
}

// Close ends the connections that were kept. Operations are over by then.
func (s *SQL) Close() {
	s.mu.Lock()
	kept := s.kept
	s.kept = nil
	s.mu.Unlock()
	for _, conn := range kept {
		s.give(conn, true)
	}
}

// The drill's tables. A key may come twice: a unique index would hide a write that
// was carried out twice.
const (
	createSchema = "CREATE SCHEMA IF NOT EXISTS " + Schema
	createRows   = "CREATE TABLE IF NOT EXISTS " + Schema + ".`rows` (" +
		"id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, " +
		"op_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, " +
		"value INT NOT NULL, at DATETIME(3) NOT NULL, KEY op_key (op_key)) ENGINE=InnoDB"
	createRegisters = "CREATE TABLE IF NOT EXISTS " + Schema + ".registers (" +
		"k INT NOT NULL PRIMARY KEY, value BIGINT NOT NULL, version BIGINT NOT NULL) ENGINE=InnoDB"
	clearRegisters = "REPLACE INTO " + Schema + ".registers (k, value, version) VALUES "
	dropSchema     = "DROP SCHEMA IF EXISTS " + Schema
)

// Setup makes the schema and the tables that are missing, and sets every register
// to 0.
func (s *SQL) Setup(ctx context.Context) error {
	cleared := make([]string, RegisterKeys)
	for k := range cleared {
		cleared[k] = fmt.Sprintf("(%d, 0, 0)", k)
	}
	if err := s.run(ctx, createSchema, createRows, createRegisters, clearRegisters+strings.Join(cleared, ", ")); err != nil {
		return fmt.Errorf("set up the drill's tables: %w", err)
	}
	return nil
}

// Teardown removes all that Setup has made, with the rows of every run.
func (s *SQL) Teardown(ctx context.Context) error {
	if err := s.run(ctx, dropSchema); err != nil {
		return fmt.Errorf("remove the drill's tables: %w", err)
	}
	return nil
}

// InsertRow writes the row of an operation, over a fresh connection or a kept one.
// Like every operation here it sets the outcome, status and error; when an answer
// came too late to be ok is for the caller to say.
func (s *SQL) InsertRow(run string, fresh bool) func(context.Context, *record.Op) {
	return func(ctx context.Context, op *record.Op) {
		s.operate(ctx, op, fresh, writing, func(c *connection) error {
			return c.change(ctx, statement{insertRow, []driver.Value{record.Key(run, op.Seq), int64(record.Quantity(op.Seq))}})
		})
	}
}

const insertRow = "INSERT INTO " + Schema + ".`rows` (op_key, value, at) VALUES (?, ?, UTC_TIMESTAMP(3))"

// operate runs one operation over one connection and takes down what became of it.
func (s *SQL) operate(ctx context.Context, op *record.Op, fresh bool, at phase, work func(*connection) error) {
	op.Fresh = fresh
	c, err := s.take(ctx, fresh)
	if err != nil {
		op.Outcome, op.Status, op.Error = classify(err, connecting)
		return
	}
	err = work(c)
	op.Outcome, op.Status, op.Error = classify(err, at)
	s.give(c, fresh || err != nil)
}

// take returns a connection of the operation's own: the one that was used last, so
// that few are kept busy, or a new one. One that the other side has given up
// meanwhile is passed over, as every client does: nothing was sent over it.
func (s *SQL) take(ctx context.Context, fresh bool) (*connection, error) {
	// An operation whose time is over has not been sent, and that is certain here only.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for !fresh {
		c := s.pop()
		if c == nil {
			break
		}
		if c.line.quiet() {
			return c, nil
		}
		s.give(c, true)
	}
	return s.access.connect(ctx)
}

func (s *SQL) pop() *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) == 0 {
		return nil
	}
	c := s.kept[len(s.kept)-1]
	s.kept = s.kept[:len(s.kept)-1]
	return c
}

// give takes a connection back, or ends it.
func (s *SQL) give(c *connection, end bool) {
	if end {
		// It says goodbye on a connection that may be broken; there is nothing to do
		// about one that is.
		_ = c.Close()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, c)
}

// run runs statements one after another over one fresh connection.
func (s *SQL) run(ctx context.Context, statements ...string) error {
	c, err := s.access.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, text := range statements {
		if _, err := c.execute(ctx, statement{text: text}); err != nil {
			return err
		}
	}
	return nil
}
