package ledger

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInvariants(t *testing.T) {
	water := Drink{Slug: "tap-water", Initial: 100, Stock: 90, Sold: 10, Entries: 90}
	changed := func(change func(*Drink)) []Drink {
		d := water
		change(&d)
		return []Drink{{Slug: "lager", Initial: 5, Stock: 5, Entries: 5}, d}
	}
	for _, c := range []struct {
		name   string
		drinks []Drink
		want   []string
	}{
		{"kept", changed(func(*Drink) {}), nil},
		{"an order without its stock", changed(func(d *Drink) { d.Sold++ }), []string{
			"db2: tap-water: 11 sold and 90 in stock are not the 100 there were",
		}},
		{"a stock without its order", changed(func(d *Drink) { d.Stock-- }), []string{
			"db2: tap-water: 10 sold and 89 in stock are not the 100 there were",
			"db2: tap-water: the stock ledger says 90, the stock is 89",
		}},
		{"an entry lost", changed(func(d *Drink) { d.Entries += 2 }), []string{
			"db2: tap-water: the stock ledger says 92, the stock is 90",
		}},
		{"oversold", changed(func(d *Drink) { d.Stock, d.Sold, d.Entries = -1, 101, -1 }), []string{
			"db2: tap-water: the stock is -1",
		}},
		{"empty", nil, []string{"db2: there is no drink left"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Invariants([]Bar{{"db1", []Drink{water}}, {"db2", c.drinks}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
