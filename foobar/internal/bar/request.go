package bar

import (
	"fmt"
	"regexp"
)

// MaxQuantity is the most glasses in one order: a round, not a delivery.
const MaxQuantity = 20

// Request is the wish to order. Its key makes it safe to send again: one key is one order, however often it arrives.
type Request struct {
	Key      string
	Item     int64 // Drink.ID
	Quantity int
}

// keyPattern is long enough that two customers never meet by chance and short enough for a database index.
var keyPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)

// Validate reports the first thing wrong with the request as an *InvalidError. Whether the drink exists and is in stock,
// only the database can say.
func (r Request) Validate() error {
	switch {
	case r.Key == "":
		return &InvalidError{"key", "is missing: send an idempotency key, so that a repeated order is not poured twice"}
	case !keyPattern.MatchString(r.Key):
		return &InvalidError{"key", "must be 16 to 64 characters out of A-Z, a-z, 0-9, - and _"}
	case r.Item < 1:
		return &InvalidError{"item", "must be the ID of a drink on the menu"}
	case r.Quantity < 1 || r.Quantity > MaxQuantity:
		return &InvalidError{"quantity", fmt.Sprintf("must be between 1 and %d", MaxQuantity)}
	}
	return nil
}

// Asks reports whether the order is what this request asks for.
func (r Request) Asks(o Order) bool { return r.Item == o.Item && r.Quantity == o.Quantity }
