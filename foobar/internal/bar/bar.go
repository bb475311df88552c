// Package bar says what the bar Foobar sells and what an order is: its words, its rules and its errors.
// It knows neither HTTP nor SQL, and it keeps nothing.
package bar

import (
	"fmt"
	"time"
)

// Cents is an amount of money in hundredths of a euro.
type Cents int64

// String writes the amount as on the menu, for example "€12.50".
func (c Cents) String() string { return fmt.Sprintf("€%d.%02d", c/100, c%100) }

// Drink is one line of the menu.
type Drink struct {
	ID      int64  `json:"id"`
	Slug    string `json:"slug"` // names its picture, too: drink-SLUG.svg
	Name    string `json:"name"`
	Section string `json:"section"`
	About   string `json:"about"`
	Price   Cents  `json:"price_cents"`
	Stock   int64  `json:"stock"` // glasses left; never negative
}

// Menu is all drinks as one database server knew them, in the order of their IDs.
type Menu struct {
	Drinks []Drink `json:"drinks"`
	Server string  `json:"server"` // host name of the database server that answered
}

// Drink finds a drink by its ID.
func (m Menu) Drink(id int64) (Drink, bool) {
	for _, d := range m.Drinks {
		if d.ID == id {
			return d, true
		}
	}
	return Drink{}, false
}

// Section is a heading of the menu with the drinks under it.
type Section struct {
	Name   string
	Drinks []Drink
}

// Sections groups the drinks under their headings. Headings come in the order given; a heading that is not listed follows
// after them, so a new kind of drink is never missing from the page.
func (m Menu) Sections(order ...string) []Section {
	var sections []Section
	at := map[string]int{}
	for _, name := range order {
		at[name] = len(sections)
		sections = append(sections, Section{Name: name})
	}
	for _, d := range m.Drinks {
		i, ok := at[d.Section]
		if !ok {
			i = len(sections)
			at[d.Section] = i
			sections = append(sections, Section{Name: d.Section})
		}
		sections[i].Drinks = append(sections[i].Drinks, d)
	}
	var filled []Section
	for _, s := range sections {
		if len(s.Drinks) > 0 {
			filled = append(filled, s)
		}
	}
	return filled
}

// Order is an order that was placed. It never changes.
type Order struct {
	ID       int64     `json:"id"`
	Item     int64     `json:"item"` // Drink.ID
	Slug     string    `json:"slug"`
	Drink    string    `json:"drink"`
	Quantity int       `json:"quantity"`
	Total    Cents     `json:"total_cents"`
	PlacedAt time.Time `json:"placed_at"` // UTC, in whole milliseconds
	Server   string    `json:"server"`    // host name of the database server that answered
}

// Servers names the database servers behind the write and the read address. A name is empty when that address did not answer.
type Servers struct{ Write, Read string }
