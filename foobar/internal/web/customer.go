package web

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"

	"scaleup/foobar/internal/bar"
)

// sections is the order of the menu's headings; favourites, what the front page shows.
var (
	sections   = []string{"Cocktails", "On tap", "No alcohol"}
	favourites = []string{"null-pointer", "lager", "rubber-duck"}
)

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	menu, err := s.bar.Menu(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var shown []bar.Drink
	for _, slug := range favourites {
		for _, d := range menu.Drinks {
			if d.Slug == slug {
				shown = append(shown, d)
			}
		}
	}
	w.Header().Set("Cache-Control", cacheShared)
	s.render(w, r, http.StatusOK, "home", "Always open", menu.Server, shown)
}

func (s *site) menu(w http.ResponseWriter, r *http.Request) {
	menu, err := s.bar.Menu(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", cacheShared)
	s.render(w, r, http.StatusOK, "menu", "Menu", menu.Server, menu.Sections(sections...))
}

// orderForm is a page of its own, and never cached, for the key in it: two customers who got one page out of a cache would
// share one order.
func (s *site) orderForm(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("item")
	if text == "" {
		http.Redirect(w, r, "/menu", http.StatusSeeOther)
		return
	}
	menu, err := s.bar.Menu(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	drink, ok := menu.Drink(number(text))
	if !ok {
		s.fail(w, r, bar.ErrNoSuchDrink)
		return
	}
	s.render(w, r, http.StatusOK, "orderform", drink.Name, menu.Server, struct {
		Drink bar.Drink
		Key   string
		Max   int64
	}{drink, rand.Text(), min(bar.MaxQuantity, drink.Stock)})
}

// placeOrder answers with a redirect to the order, so that reloading the page that follows orders nothing.
func (s *site) placeOrder(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if !errors.As(err, &tooLarge) {
			err = &bar.InvalidError{Field: "form", Problem: "could not be read"}
		}
		s.fail(w, r, err)
		return
	}
	req := bar.Request{
		Key:      r.PostForm.Get("key"),
		Item:     number(r.PostForm.Get("item")),
		Quantity: int(number(r.PostForm.Get("quantity"))),
	}
	if err := req.Validate(); err != nil {
		s.fail(w, r, err)
		return
	}
	order, _, err := s.bar.Place(r.Context(), req)
	if err != nil {
		s.failOrder(w, r, err, &req)
		return
	}
	http.Redirect(w, r, "/orders/"+strconv.FormatInt(order.ID, 10), http.StatusSeeOther)
}

func (s *site) order(w http.ResponseWriter, r *http.Request) {
	order, err := s.findOrder(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.render(w, r, http.StatusOK, "order", "Order "+strconv.FormatInt(order.ID, 10), order.Server, order)
}

func (s *site) findOrder(r *http.Request) (bar.Order, error) {
	id := number(r.PathValue("id"))
	if id == 0 {
		return bar.Order{}, bar.ErrNoSuchOrder
	}
	return s.bar.Order(r.Context(), id)
}

// number reads a decimal number below 2^32; anything else is 0, which is no drink, order or quantity.
func number(text string) int64 {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	return int64(n)
}
