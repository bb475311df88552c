// Package web is the bar's front of house: its pages, its JSON, and the questions that load balancers ask. It knows what to say
// for each answer of the bar, how long each answer may be kept by a cache, and nothing of databases.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"scaleup/foobar/assets"
	"scaleup/foobar/internal/bar"
)

// Bar is what the pages need from behind the counter. Errors are those of package bar.
type Bar interface {
	Menu(ctx context.Context) (bar.Menu, error)
	Order(ctx context.Context, id int64) (bar.Order, error)
	Place(ctx context.Context, req bar.Request) (order bar.Order, created bool, err error)
	Ready(ctx context.Context) error
	Servers(ctx context.Context) (bar.Servers, error)
}

// What caches may do. The front page and the menu are the same for everybody: a shared cache holds them for a second, which
// takes the load of a rush, and may show them for a day when nobody behind it answers. All else belongs to one customer or is
// about this very moment.
const (
	cacheShared = "public, max-age=1, stale-while-revalidate=5, stale-if-error=86400"
	cacheNever  = "no-store"
)

type site struct {
	bar    Bar
	server string // this application server
	log    *slog.Logger
	pages  pages
}

// New is the whole site. server is the name under which this application server shows itself.
func New(b Bar, server string, log *slog.Logger) (http.Handler, error) {
	files, err := assets.Load()
	if err != nil {
		return nil, err
	}
	p, err := parsePages(files)
	if err != nil {
		return nil, fmt.Errorf("read the templates: %w", err)
	}
	s := &site{bar: timedBar{b}, server: server, log: log, pages: p}

	mux := http.NewServeMux() // a GET pattern answers HEAD, too
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /menu", s.menu)
	mux.HandleFunc("GET /order", s.orderForm)
	mux.HandleFunc("POST /orders", s.placeOrder)
	mux.HandleFunc("GET /orders/{id}", s.order)
	mux.HandleFunc("GET /api/menu", s.apiMenu)
	mux.HandleFunc("POST /api/orders", s.apiPlaceOrder)
	mux.HandleFunc("GET /api/orders/{id}", s.apiOrder)
	mux.HandleFunc("GET /whoami", s.whoami)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	return timed(server, harden(s.nothingHere(mux))), nil
}

// harden sets the headers that every answer carries. Nothing may be kept unless a handler says so.
func harden(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", cacheNever)
		h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// maxBody is many times what an order needs.
const maxBody = 8 << 10

// nothingHere answers in the bar's own words where the mux has no handler: no such page, or not with this method.
func (s *site) nothingHere(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		verdict := verdictOnly{header: http.Header{}, status: http.StatusOK}
		handler.ServeHTTP(&verdict, r)
		for _, name := range []string{"Allow", "Location"} {
			if v := verdict.header.Get(name); v != "" {
				w.Header().Set(name, v)
			}
		}
		s.fail(w, r, &httpError{verdict.status, http.StatusText(verdict.status)})
	})
}

// verdictOnly keeps an answer's status and headers, and drops its words.
type verdictOnly struct {
	header http.Header
	status int
}

func (v *verdictOnly) Header() http.Header         { return v.header }
func (v *verdictOnly) Write(b []byte) (int, error) { return len(b), nil }
func (v *verdictOnly) WriteHeader(status int)      { v.status = status }
