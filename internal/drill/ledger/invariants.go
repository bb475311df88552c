package ledger

import "fmt"

// Drink is what one member of foobar's database says of one drink, in glasses.
type Drink struct {
	Slug    string `json:"slug"`
	Initial int64  `json:"initial"` // when the bar opened
	Stock   int64  `json:"stock"`   // now
	Sold    int64  `json:"sold"`    // ordered, summed up over all orders
	Entries int64  `json:"entries"` // summed up over the drink's entries of the stock ledger, the opening one included
}

// Bar is foobar's database as one member holds it, read in one statement.
type Bar struct {
	Member string  `json:"member"`
	Drinks []Drink `json:"drinks"`
}

// Invariants returns what must always be true of foobar and is not, in words; none
// is good. An order takes from the stock, and writes itself and its entry, in one
// transaction: half of one shows here, whichever half it is.
func Invariants(bars []Bar) []string {
	var broken []string
	for _, b := range bars {
		if len(b.Drinks) == 0 {
			broken = append(broken, b.Member+": there is no drink left")
		}
		for _, d := range b.Drinks {
			for _, words := range d.broken() {
				broken = append(broken, fmt.Sprintf("%s: %s: %s", b.Member, d.Slug, words))
			}
		}
	}
	return broken
}

func (d Drink) broken() []string {
	var broken []string
	if d.Stock < 0 {
		broken = append(broken, fmt.Sprintf("the stock is %d", d.Stock))
	}
	if d.Sold+d.Stock != d.Initial {
		broken = append(broken, fmt.Sprintf("%d sold and %d in stock are not the %d there were", d.Sold, d.Stock, d.Initial))
	}
	if d.Entries != d.Stock {
		broken = append(broken, fmt.Sprintf("the stock ledger says %d, the stock is %d", d.Entries, d.Stock))
	}
	return broken
}
