package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// fakeDB is a database server that knows exactly the statements of an order and fails where it is told to. Transactions are
// serial: START TRANSACTION waits for the one that is open.
type fakeDB struct {
	tx sync.Mutex // held by the open transaction

	mu    sync.Mutex // guards what follows
	state fakeState
	calls []string
	fault func(call int, statement string) fault // nil: none
}

type fakeState struct {
	stock  int64
	orders map[string]fakeOrder // by key
	ledger map[int64]int64      // glasses by order
}

type fakeOrder struct {
	id, item, quantity, total int64
	at                        time.Time
}

// fault is an error instead of the answer.
type fault struct {
	err       error
	afterward bool // the statement took effect, only its answer is lost
}

const (
	fakeItem  = 3
	fakePrice = 1150
	fakeStock = 40
)

func newFakeDB() *fakeDB {
	return &fakeDB{state: fakeState{stock: fakeStock, orders: map[string]fakeOrder{}, ledger: map[int64]int64{}}}
}

func (f *fakeDB) store() *Store {
	db := sql.OpenDB(f)
	return &Store{write: db, read: db, now: time.Now}
}

func (f *fakeDB) Connect(context.Context) (driver.Conn, error) { return &fakeConn{db: f}, nil }
func (f *fakeDB) Driver() driver.Driver                        { return nil }

// audit returns what is wrong with the books.
func (f *fakeDB) audit() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	sold, entered := int64(0), int64(0)
	for _, o := range f.state.orders {
		sold += o.quantity
		entered -= f.state.ledger[o.id]
	}
	if f.state.stock < 0 || sold+f.state.stock != fakeStock || entered != sold || len(f.state.ledger) != len(f.state.orders) {
		return fmt.Errorf("stock %d, sold %d, ledger %d of %d entries for %d orders", f.state.stock, sold, entered, len(f.state.ledger), len(f.state.orders))
	}
	return nil
}

type fakeConn struct {
	db   *fakeDB
	open *fakeState // what the transaction sees; nil outside of one
	dead bool
}

func (c *fakeConn) Prepare(string) (driver.Stmt, error) { return nil, fmt.Errorf("not used") }
func (c *fakeConn) Begin() (driver.Tx, error)           { return nil, fmt.Errorf("not used") }
func (c *fakeConn) IsValid() bool                       { return !c.dead }

func (c *fakeConn) Close() error { c.end(false); return nil }

// end ends the transaction, if one is open.
func (c *fakeConn) end(keep bool) {
	if c.open == nil {
		return
	}
	if keep {
		c.db.mu.Lock()
		c.db.state = *c.open
		c.db.mu.Unlock()
	}
	c.open = nil
	c.db.tx.Unlock()
}

// attempt counts the statement, and runs it unless a fault comes first.
func (c *fakeConn) attempt(statement string, run func() error) error {
	if c.dead {
		return driver.ErrBadConn
	}
	c.db.mu.Lock()
	c.db.calls = append(c.db.calls, statement)
	var hit fault
	if c.db.fault != nil {
		hit = c.db.fault(len(c.db.calls)-1, statement)
	}
	c.db.mu.Unlock()
	if hit.err == nil {
		return run()
	}
	if hit.afterward {
		if err := run(); err != nil {
			return err
		}
	}
	// An answer leaves the connection as it is; without one it is gone, and what was open on it is rolled back.
	if _, answered := hit.err.(*mysql.MySQLError); !answered {
		c.dead = true
		c.end(false)
	}
	return hit.err
}

func (c *fakeConn) ExecContext(_ context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	var result fakeResult
	err := c.attempt(statement, func() (err error) { result, err = c.exec(statement, args); return err })
	return result, err
}

func (c *fakeConn) exec(statement string, args []driver.NamedValue) (fakeResult, error) {
	number := func(i int) int64 { return args[i].Value.(int64) }
	switch statement {
	case execBegin:
		c.db.tx.Lock()
		c.db.mu.Lock()
		copied := fakeState{c.db.state.stock, maps.Clone(c.db.state.orders), maps.Clone(c.db.state.ledger)}
		c.db.mu.Unlock()
		c.open = &copied
	case execTake:
		if number(1) != fakeItem || c.open.stock < number(2) {
			return fakeResult{}, nil
		}
		c.open.stock -= number(0)
		return fakeResult{affected: 1}, nil
	case execOrder:
		key := args[0].Value.(string)
		if _, taken := c.open.orders[key]; taken {
			return fakeResult{}, &mysql.MySQLError{Number: errDupEntry}
		}
		id := int64(len(c.open.orders) + 1)
		c.open.orders[key] = fakeOrder{id, number(1), number(2), number(3), args[4].Value.(time.Time)}
		return fakeResult{id: id, affected: 1}, nil
	case execLedger:
		c.open.ledger[number(1)] = number(2)
	case execCommit:
		c.end(true)
	case execRollback:
		c.end(false)
	default:
		return fakeResult{}, fmt.Errorf("unexpected statement: %s", statement)
	}
	return fakeResult{}, nil
}

func (c *fakeConn) QueryContext(_ context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	var rows *fakeRows
	err := c.attempt(statement, func() (err error) { rows, err = c.query(statement, args); return err })
	return rows, err
}

func (c *fakeConn) query(statement string, args []driver.NamedValue) (*fakeRows, error) {
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	sees := &c.db.state
	if c.open != nil {
		sees = c.open
	}
	switch statement {
	case queryDrink:
		if args[0].Value.(int64) != fakeItem {
			return &fakeRows{width: 5}, nil
		}
		return &fakeRows{5, []driver.Value{"null-pointer", "Null Pointer", int64(fakePrice), sees.stock, "db1"}}, nil
	case queryOrderByKey:
		o, ok := sees.orders[args[0].Value.(string)]
		if !ok {
			return &fakeRows{width: 8}, nil
		}
		return &fakeRows{8, []driver.Value{o.id, o.item, "null-pointer", "Null Pointer", o.quantity, o.total, o.at, "db1"}}, nil
	}
	return nil, fmt.Errorf("unexpected query: %s", statement)
}

type fakeResult struct{ id, affected int64 }

func (r fakeResult) LastInsertId() (int64, error) { return r.id, nil }
func (r fakeResult) RowsAffected() (int64, error) { return r.affected, nil }

// fakeRows is one row, or none.
type fakeRows struct {
	width int
	row   []driver.Value
}

func (r *fakeRows) Columns() []string { return slices.Repeat([]string{"c"}, r.width) }
func (r *fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(into []driver.Value) error {
	if r.row == nil {
		return io.EOF
	}
	copy(into, r.row)
	r.row = nil
	return nil
}
