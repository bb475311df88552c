package bar

import (
	"errors"
	"fmt"
)

var (
	// ErrNoSuchOrder means that no order has this ID.
	ErrNoSuchOrder = errors.New("there is no such order")
	// ErrNoSuchDrink means that the menu has no drink with this ID.
	ErrNoSuchDrink = errors.New("there is no such drink on the menu")
	// ErrKeyReused means that the key belongs to an order for something else.
	ErrKeyReused = errors.New("this key was already used for a different order")
	// ErrUnavailable means that the database could not be asked. Nothing was written.
	ErrUnavailable = errors.New("the till does not answer")
	// ErrInDoubt means that the connection broke while the order was being written, and nobody could be asked since. Sending the
	// same request again, with the same key, either finds the order or places it.
	ErrInDoubt = errors.New("the till does not say whether the order was placed")
)

// InvalidError is a mistake in a request.
type InvalidError struct{ Field, Problem string }

func (e *InvalidError) Error() string { return e.Field + " " + e.Problem }

// NotEnoughError is an order for more than there is. Nothing was written.
type NotEnoughError struct {
	Drink  string
	Wanted int
	Left   int64
}

func (e *NotEnoughError) Error() string {
	if e.Left == 0 {
		return fmt.Sprintf("%s is sold out", e.Drink)
	}
	return fmt.Sprintf("only %d × %s left, %d ordered", e.Left, e.Drink, e.Wanted)
}
