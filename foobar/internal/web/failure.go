package web

import (
	"errors"
	"net/http"
	"strings"

	"scaleup/foobar/internal/bar"
)

// httpError is a refusal that needs no more explanation than its status.
type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

// failure is how an error is told to a customer.
type failure struct {
	status     int
	code       string // for programs: stable
	headline   string // for people, as is the message
	message    string
	retryAfter string // seconds; empty: waiting does not help
}

// explain finds the words for an error. What is not the customer's doing stays vague here and exact in the log.
func explain(err error) failure {
	var (
		invalid   *bar.InvalidError
		notEnough *bar.NotEnoughError
		refusal   *httpError
		tooLarge  *http.MaxBytesError
	)
	switch {
	case errors.As(err, &invalid):
		return failure{status: 400, code: "invalid", headline: "We did not get that", message: "The " + invalid.Error() + "."}
	case errors.As(err, &tooLarge):
		return failure{status: 413, code: "too_large", headline: "That is a long order", message: "An order fits into a few hundred bytes."}
	case errors.As(err, &notEnough):
		return failure{status: 409, code: "not_enough_stock", headline: "The shelf is too empty", message: "Sorry: " + notEnough.Error() + ". Nothing was ordered."}
	case errors.Is(err, bar.ErrKeyReused):
		return failure{status: 409, code: "key_reused", headline: "This ticket is taken", message: "This key was already used for a different order. A new order needs a new key."}
	case errors.Is(err, bar.ErrNoSuchDrink):
		return failure{status: 404, code: "no_such_drink", headline: "We do not pour that", message: "There is no such drink on the menu."}
	case errors.Is(err, bar.ErrNoSuchOrder):
		return failure{status: 404, code: "no_such_order", headline: "No such ticket", message: "There is no such order."}
	case errors.Is(err, bar.ErrInDoubt):
		return failure{503, "in_doubt", "We have to ask you to ask again", "The connection broke while your order was being written down, and we cannot tell yet whether it was. Send it again with the same key: you get the order that was placed, or it is placed now, but never both.", "2"}
	case errors.Is(err, bar.ErrUnavailable):
		return failure{503, "unavailable", "The till is busy changing hands", "Nothing was ordered. Please try again in a moment.", "2"}
	case errors.As(err, &refusal):
		return explainStatus(refusal)
	}
	return failure{status: 500, code: "internal", headline: "Something was spilled", message: "That was our mistake. It is in our log."}
}

func explainStatus(e *httpError) failure {
	f := failure{status: e.status, code: strings.ReplaceAll(strings.ToLower(http.StatusText(e.status)), " ", "_"), message: e.message}
	switch e.status {
	case http.StatusNotFound:
		f.headline, f.message = "This door leads nowhere", "There is no page at this address."
	case http.StatusMethodNotAllowed:
		f.headline, f.message = "Not this way round", "This address does not take that method."
	default:
		f.headline = http.StatusText(e.status)
	}
	return f
}

// fail answers with an error, as a page or, under /api/, as JSON.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) { s.failOrder(w, r, err, nil) }

// failOrder is fail for an order that may be sent again: the page offers it with the same key.
func (s *site) failOrder(w http.ResponseWriter, r *http.Request, err error, retry *bar.Request) {
	f := explain(err)
	if f.status >= 500 && r.Context().Err() == nil { // a client that left has given up by itself
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "status", f.status, "error", err, "request_id", headerText(r, headerRequestID))
	}
	w.Header().Set("Cache-Control", cacheNever)
	if f.retryAfter == "" {
		retry = nil
	} else {
		w.Header().Set("Retry-After", f.retryAfter)
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeJSON(w, f.status, apiFailure{apiError{f.code, f.message}})
		return
	}
	s.render(w, r, f.status, "trouble", f.headline, "", trouble{f.status, f.headline, f.message, retry})
}

type trouble struct {
	Status            int
	Headline, Message string
	Retry             *bar.Request
}
