package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"scaleup/foobar/internal/bar"
)

// The order of the statements matters. The stock goes first and takes its row's lock exclusively; inserting the order first
// would take it shared, for the foreign key, and two customers of one drink would deadlock.
const (
	execBegin    = `START TRANSACTION`
	execTake     = `UPDATE drinks SET stock = stock - ? WHERE id = ? AND stock >= ?`
	queryDrink   = `SELECT slug, name, price_cents, stock, @@hostname FROM drinks WHERE id = ?`
	execOrder    = `INSERT INTO orders (idempotency_key, drink_id, quantity, total_cents, placed_at) VALUES (?, ?, ?, ?, ?)`
	execLedger   = `INSERT INTO stock_ledger (drink_id, order_id, glasses, at) VALUES (?, ?, ?, ?)`
	execCommit   = `COMMIT`
	execRollback = `ROLLBACK`
)

// Place places the order, or finds the one that its key has placed before; created tells which. Stock, order and ledger change
// together or not at all. Around a failover it keeps trying for ten seconds.
//
// Errors: bar.ErrNoSuchDrink, *bar.NotEnoughError, bar.ErrKeyReused; bar.ErrUnavailable if nothing was written; bar.ErrInDoubt
// if that could not be found out.
func (s *Store) Place(ctx context.Context, req bar.Request) (order bar.Order, created bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got, err := insist(ctx, func(ctx context.Context, inDoubt bool) (outcome, error) {
		var got outcome
		order, created, got, err = s.tryPlace(ctx, req, inDoubt)
		return got, err
	})
	switch got {
	case settled:
		return order, created, err
	case unknown:
		return bar.Order{}, false, fmt.Errorf("place the order: %w: %w", bar.ErrInDoubt, err)
	}
	return bar.Order{}, false, fmt.Errorf("place the order: %w: %w", bar.ErrUnavailable, err)
}

// tryPlace is one try over one connection.
func (s *Store) tryPlace(ctx context.Context, req bar.Request, inDoubt bool) (bar.Order, bool, outcome, error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return bar.Order{}, false, classify(err, beforeCommit), err
	}
	defer conn.Close()

	if inDoubt {
		order, err := scanOrder(conn.QueryRowContext(ctx, queryOrderByKey, req.Key))
		if err == nil {
			return same(req, order)
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return bar.Order{}, false, classify(err, beforeCommit), err
		}
		// Not there yet is not proof that it will not be: the lost COMMIT may still be under way. Trying again is safe all the
		// same, as the key's unique index lets only one of the two through.
	}

	order, at, err := s.transact(ctx, conn, req)
	switch {
	case err == nil:
		return order, true, settled, nil
	case errors.Is(err, errNotPoured):
		return explain(ctx, conn, req)
	}
	return bar.Order{}, false, classify(err, at), err
}

// errNotPoured means that the transaction was rolled back because the stock was too low, the drink unknown or the key taken.
var errNotPoured = errors.New("not poured")

// transact runs the transaction once. The phase belongs to the error. COMMIT is a statement here, and not Tx.Commit, because
// that takes no context and would outlast the customer's patience on a primary that stopped answering.
func (s *Store) transact(ctx context.Context, conn *sql.Conn, req bar.Request) (bar.Order, phase, error) {
	if _, err := conn.ExecContext(ctx, execBegin); err != nil {
		discard(conn)
		return bar.Order{}, beforeCommit, fmt.Errorf("begin: %w", err)
	}
	order, err := pour(ctx, conn, req, s.now().UTC().Truncate(time.Millisecond))
	if errors.Is(err, errNotPoured) {
		if _, rollbackErr := conn.ExecContext(ctx, execRollback); rollbackErr != nil {
			discard(conn)
			return bar.Order{}, beforeCommit, fmt.Errorf("roll back: %w", rollbackErr)
		}
	}
	if err != nil {
		if !errors.Is(err, errNotPoured) {
			discard(conn)
		}
		return bar.Order{}, beforeCommit, err
	}
	if _, err := conn.ExecContext(ctx, execCommit); err != nil {
		discard(conn)
		return bar.Order{}, atCommit, fmt.Errorf("commit: %w", err)
	}
	return order, atCommit, nil
}

// pour runs the statements between START TRANSACTION and COMMIT.
func pour(ctx context.Context, conn *sql.Conn, req bar.Request, now time.Time) (bar.Order, error) {
	o := bar.Order{Item: req.Item, Quantity: req.Quantity, PlacedAt: now}
	taken, err := conn.ExecContext(ctx, execTake, req.Quantity, req.Item, req.Quantity)
	if err != nil {
		return o, fmt.Errorf("take from the stock: %w", err)
	}
	if n, err := taken.RowsAffected(); err != nil || n == 0 {
		return o, errors.Join(err, errNotPoured)
	}
	var price bar.Cents
	var left int64
	err = conn.QueryRowContext(ctx, queryDrink, req.Item).Scan(&o.Slug, &o.Drink, &price, &left, &o.Server)
	if err != nil {
		return o, fmt.Errorf("read the price: %w", err)
	}
	o.Total = price * bar.Cents(req.Quantity)
	inserted, err := conn.ExecContext(ctx, execOrder, req.Key, o.Item, o.Quantity, int64(o.Total), now)
	if isNumber(err, errDupEntry) {
		return o, errNotPoured
	}
	if err != nil {
		return o, fmt.Errorf("write the order: %w", err)
	}
	if o.ID, err = inserted.LastInsertId(); err != nil {
		return o, fmt.Errorf("read the order's number: %w", err)
	}
	if _, err = conn.ExecContext(ctx, execLedger, o.Item, o.ID, -o.Quantity, now); err != nil {
		return o, fmt.Errorf("write the ledger: %w", err)
	}
	return o, nil
}

// explain finds out why nothing was poured, starting with the friendliest reason: it was poured before.
func explain(ctx context.Context, conn *sql.Conn, req bar.Request) (bar.Order, bool, outcome, error) {
	order, err := scanOrder(conn.QueryRowContext(ctx, queryOrderByKey, req.Key))
	if err == nil {
		return same(req, order)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return bar.Order{}, false, classify(err, beforeCommit), err
	}
	var (
		d      bar.Drink
		server string
	)
	err = conn.QueryRowContext(ctx, queryDrink, req.Item).Scan(&d.Slug, &d.Name, &d.Price, &d.Stock, &server)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return bar.Order{}, false, settled, bar.ErrNoSuchDrink
	case err != nil:
		return bar.Order{}, false, classify(err, beforeCommit), err
	case d.Stock < int64(req.Quantity):
		return bar.Order{}, false, settled, &bar.NotEnoughError{Drink: d.Name, Wanted: req.Quantity, Left: d.Stock}
	}
	// Whoever held the key or the stock has just let go of it.
	return bar.Order{}, false, again, errNotPoured
}

// same is the answer to a request whose key has already placed this order.
func same(req bar.Request, order bar.Order) (bar.Order, bool, outcome, error) {
	if !req.Asks(order) {
		return bar.Order{}, false, settled, bar.ErrKeyReused
	}
	return order, false, settled, nil
}

// discard closes the connection instead of giving it back to the pool, so that the server rolls back what was open on it.
func discard(conn *sql.Conn) {
	// Raw returns what it is told to return; this error is how a connection is told to go.
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
