package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"scaleup/foobar/internal/bar"
)

type apiFailure struct {
	Error apiError `json:"error"`
}

type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (s *site) apiMenu(w http.ResponseWriter, r *http.Request) {
	menu, err := s.bar.Menu(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, menu)
}

// apiPlaceOrder answers 201 for a new order and 200 for one that its key had placed before, with the same body.
func (s *site) apiPlaceOrder(w http.ResponseWriter, r *http.Request) {
	req, err := decodeOrder(r)
	if err == nil {
		err = req.Validate()
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	order, created, err := s.bar.Place(r.Context(), req)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Location", "/api/orders/"+strconv.FormatInt(order.ID, 10))
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	writeJSON(w, status, order)
}

// decodeOrder reads {"item":ID,"quantity":N}. The key comes in the header Idempotency-Key or in the field "key".
func decodeOrder(r *http.Request) (bar.Request, error) {
	var body struct {
		Item     int64  `json:"item"`
		Quantity int    `json:"quantity"`
		Key      string `json:"key"`
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&body)
	if err == nil && decoder.More() {
		err = errors.New("more than one value")
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return bar.Request{}, err
	case errors.Is(err, io.EOF):
		return bar.Request{}, &bar.InvalidError{Field: "body", Problem: `is empty: send {"item": 1, "quantity": 1}`}
	case err != nil:
		return bar.Request{}, &bar.InvalidError{Field: "body", Problem: `is not an order such as {"item": 1, "quantity": 1}`}
	}
	key := r.Header.Get("Idempotency-Key")
	if key != "" && body.Key != "" && key != body.Key {
		return bar.Request{}, &bar.InvalidError{Field: "key", Problem: "in the header Idempotency-Key differs from the one in the body"}
	}
	if key == "" {
		key = body.Key
	}
	return bar.Request{Key: key, Item: body.Item, Quantity: body.Quantity}, nil
}

func (s *site) apiOrder(w http.ResponseWriter, r *http.Request) {
	order, err := s.findOrder(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, order)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Our own types always encode; a client that left is no error.
	_ = json.NewEncoder(w).Encode(body)
}
