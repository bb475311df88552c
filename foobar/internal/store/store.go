// Package store keeps the bar's menu, orders and stock in MySQL and gets them through a failover of the database: it repeats
// what is safe to repeat, looks up what may have been written, and otherwise says which of the two it was.
// It holds no state of its own but connections.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"scaleup/foobar/internal/bar"
)

// Store is the bar as the database knows it. Its methods may be used by many goroutines.
type Store struct {
	write *sql.DB // the primary
	read  *sql.DB // a replica, perhaps some seconds behind
	now   func() time.Time
}

// Open prepares connections; it makes none yet, so the application starts (and says it is alive) while the database is away.
func Open(c Config, log *slog.Logger) (*Store, error) {
	write, err := connector(c, c.WritePort, log)
	if err != nil {
		return nil, err
	}
	read, err := connector(c, c.ReadPort, log)
	if err != nil {
		return nil, err
	}
	return &Store{write: pool(write), read: pool(read), now: time.Now}, nil
}

// Close gives the connections back.
func (s *Store) Close() error { return errors.Join(s.write.Close(), s.read.Close()) }

const queryMenu = `SELECT id, slug, name, section, about, price_cents, stock, @@hostname FROM drinks ORDER BY id`

// Menu reads the menu from a replica.
func (s *Store) Menu(ctx context.Context) (bar.Menu, error) {
	var menu bar.Menu
	err := s.ask(ctx, s.read, func(ctx context.Context, db *sql.DB) (err error) {
		menu, err = readMenu(ctx, db)
		return err
	})
	if err != nil {
		return bar.Menu{}, fmt.Errorf("read the menu: %w", err)
	}
	return menu, nil
}

func readMenu(ctx context.Context, db *sql.DB) (bar.Menu, error) {
	rows, err := db.QueryContext(ctx, queryMenu)
	if err != nil {
		return bar.Menu{}, err
	}
	defer rows.Close()
	var menu bar.Menu
	for rows.Next() {
		var d bar.Drink
		if err := rows.Scan(&d.ID, &d.Slug, &d.Name, &d.Section, &d.About, &d.Price, &d.Stock, &menu.Server); err != nil {
			return bar.Menu{}, err
		}
		menu.Drinks = append(menu.Drinks, d)
	}
	return menu, rows.Err()
}

const orderColumns = `SELECT o.id, o.drink_id, d.slug, d.name, o.quantity, o.total_cents, o.placed_at, @@hostname
	FROM orders o JOIN drinks d ON d.id = o.drink_id`

const (
	queryOrderByID  = orderColumns + ` WHERE o.id = ?`
	queryOrderByKey = orderColumns + ` WHERE o.idempotency_key = ?`
)

// Order reads an order where it was written, so that a customer sees it at once. Its error may be bar.ErrNoSuchOrder.
func (s *Store) Order(ctx context.Context, id int64) (bar.Order, error) {
	var order bar.Order
	err := s.ask(ctx, s.write, func(ctx context.Context, db *sql.DB) (err error) {
		order, err = scanOrder(db.QueryRowContext(ctx, queryOrderByID, id))
		return err
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return bar.Order{}, bar.ErrNoSuchOrder
	case err != nil:
		return bar.Order{}, fmt.Errorf("read order %d: %w", id, err)
	}
	return order, nil
}

func scanOrder(row *sql.Row) (o bar.Order, err error) {
	err = row.Scan(&o.ID, &o.Item, &o.Slug, &o.Drink, &o.Quantity, &o.Total, &o.PlacedAt, &o.Server)
	return o, err
}

// ask reads, and reads again while the connection fails; then the error is bar.ErrUnavailable.
func (s *Store) ask(ctx context.Context, db *sql.DB, read func(context.Context, *sql.DB) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got, err := insist(ctx, func(ctx context.Context, _ bool) (outcome, error) {
		err := read(ctx, db)
		if errors.Is(err, sql.ErrNoRows) {
			return settled, err
		}
		return classify(err, beforeCommit), err
	})
	if got != settled {
		return fmt.Errorf("%w: %w", bar.ErrUnavailable, err)
	}
	return err
}

// probeTimeout bounds the questions that are about the database itself: those who ask want to know how it is now.
const probeTimeout = 2 * time.Second

// Ready asks once whether the tables are there and the write address answers.
func (s *Store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var one int
	if err := s.write.QueryRowContext(ctx, `SELECT 1 FROM drinks LIMIT 1`).Scan(&one); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	return nil
}

// Servers asks both addresses at once who answers there. An error names those that did not.
func (s *Store) Servers(ctx context.Context) (bar.Servers, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var (
		servers           bar.Servers
		writeErr, readErr error
		both              sync.WaitGroup
	)
	both.Go(func() { servers.Write, writeErr = hostname(ctx, s.write, "write") })
	both.Go(func() { servers.Read, readErr = hostname(ctx, s.read, "read") })
	both.Wait()
	return servers, errors.Join(writeErr, readErr)
}

func hostname(ctx context.Context, db *sql.DB, role string) (name string, err error) {
	if err := db.QueryRowContext(ctx, `SELECT @@hostname`).Scan(&name); err != nil {
		return "", fmt.Errorf("ask who answers at the %s address: %w", role, err)
	}
	return name, nil
}
