// Package bartest is a bar without a database, for tests and for looking at the pages. It keeps the rules of package bar and
// forgets everything when it ends.
package bartest

import (
	"context"
	"slices"
	"sync"
	"time"

	"scaleup/foobar/internal/bar"
)

// Bar is a bar in memory, safe for many goroutines.
type Bar struct {
	mu     sync.Mutex
	err    error
	drinks []bar.Drink
	orders []bar.Order
	keys   map[string]int // index in orders
}

// New opens a bar with these drinks.
func New(drinks ...bar.Drink) *Bar {
	return &Bar{drinks: drinks, keys: map[string]int{}}
}

// Break makes every method fail with err, until it is called with nil.
func (b *Bar) Break(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// Menu is the menu.
func (b *Bar) Menu(context.Context) (bar.Menu, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bar.Menu{Drinks: slices.Clone(b.drinks), Server: "db2"}, b.err
}

// Order finds an order; IDs count from 1.
func (b *Bar) Order(_ context.Context, id int64) (bar.Order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.err != nil:
		return bar.Order{}, b.err
	case id < 1 || id > int64(len(b.orders)):
		return bar.Order{}, bar.ErrNoSuchOrder
	}
	return b.orders[id-1], nil
}

// Place places an order, or finds the one its key has placed.
func (b *Bar) Place(_ context.Context, req bar.Request) (bar.Order, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return bar.Order{}, false, b.err
	}
	if i, ok := b.keys[req.Key]; ok {
		if !req.Asks(b.orders[i]) {
			return bar.Order{}, false, bar.ErrKeyReused
		}
		return b.orders[i], false, nil
	}
	at := slices.IndexFunc(b.drinks, func(d bar.Drink) bool { return d.ID == req.Item })
	if at < 0 {
		return bar.Order{}, false, bar.ErrNoSuchDrink
	}
	d := &b.drinks[at]
	if d.Stock < int64(req.Quantity) {
		return bar.Order{}, false, &bar.NotEnoughError{Drink: d.Name, Wanted: req.Quantity, Left: d.Stock}
	}
	d.Stock -= int64(req.Quantity)
	order := bar.Order{
		ID: int64(len(b.orders) + 1), Item: d.ID, Slug: d.Slug, Drink: d.Name, Quantity: req.Quantity,
		Total: d.Price * bar.Cents(req.Quantity), PlacedAt: time.Now().UTC().Truncate(time.Millisecond), Server: "db1",
	}
	b.keys[req.Key] = len(b.orders)
	b.orders = append(b.orders, order)
	return order, true, nil
}

// Ready is nil unless the bar is broken.
func (b *Bar) Ready(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// Servers names the servers that the other methods name, too.
func (b *Bar) Servers(context.Context) (bar.Servers, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return bar.Servers{}, b.err
	}
	return bar.Servers{Write: "db1", Read: "db2"}, nil
}
