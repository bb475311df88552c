// Command preview shows the site on loopback with a bar in memory and its static files, for those who work on its looks. It
// needs no database and no web server, and is no part of the release.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"scaleup/foobar/assets"
	"scaleup/foobar/internal/bar"
	"scaleup/foobar/internal/bartest"
	"scaleup/foobar/internal/web"
)

func main() {
	port := flag.Int("port", 8080, "the `port` to listen on, on 127.0.0.1")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := preview(ctx, fmt.Sprintf("127.0.0.1:%d", *port)); err != nil {
		fmt.Fprintln(os.Stderr, "preview:", err)
		os.Exit(1)
	}
}

func preview(ctx context.Context, address string) error {
	files, err := assets.Load()
	if err != nil {
		return err
	}
	site, err := web.New(bartest.New(drinks...), "app2", slog.Default())
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, f := range files.Files() {
		mux.HandleFunc("GET "+f.Path, func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, f.Name, time.Time{}, bytes.NewReader(f.Body))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Scaleup-Lb", "lb1") // as the proxies would
		r.Header.Set("X-Scaleup-Web", "web1")
		site.ServeHTTP(w, r)
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("http://%s/\n", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

var drinks = []bar.Drink{
	{ID: 1, Slug: "tap-water", Name: "Tap Water", Section: "No alcohol", About: "Cold, clear, never cached. On the house, always.", Stock: 10000000},
	{ID: 2, Slug: "old-fashioned", Name: "Old-Fashioned Commit", Section: "Cocktails", About: "Bourbon, demerara, two dashes of bitters. History, never rewritten.", Price: 1250, Stock: 4731},
	{ID: 3, Slug: "null-pointer", Name: "Null Pointer", Section: "Cocktails", About: "Gin, bitter aperitivo, red vermouth. Points at the bottom of the glass.", Price: 1150, Stock: 4588},
	{ID: 4, Slug: "stormy-deploy", Name: "Dark & Stormy Deploy", Section: "Cocktails", About: "Dark rum, ginger beer, lime. Best before Friday.", Price: 1100, Stock: 3},
	{ID: 5, Slug: "failover", Name: "Espresso Failover", Section: "Cocktails", About: "Vodka, coffee liqueur, espresso. The primary is down; this gets you up.", Price: 1200, Stock: 0},
	{ID: 6, Slug: "merge-spritz", Name: "Merge Spritz", Section: "Cocktails", About: "Aperitivo, prosecco, soda, orange. Two branches, no conflicts.", Price: 1000, Stock: 5904},
	{ID: 7, Slug: "green-build", Name: "Green Build", Section: "Cocktails", About: "Gin, basil, lemon, a little sugar. Passes every time.", Price: 1150, Stock: 3600},
	{ID: 8, Slug: "lager", Name: "Foobar Lager", Section: "On tap", About: "Our own. Forty days in the cold, four minutes in the glass.", Price: 520, Stock: 23817},
	{ID: 9, Slug: "pale-ale", Name: "Off-by-One Pale Ale", Section: "On tap", About: "Citrus, pine, and exactly one hop too many.", Price: 580, Stock: 17999},
	{ID: 10, Slug: "stout", Name: "Graceful Stout", Section: "On tap", About: "A slow pour that finishes cleanly. Never cut off.", Price: 620, Stock: 12000},
	{ID: 11, Slug: "rubber-duck", Name: "Rubber Duck", Section: "No alcohol", About: "Passion fruit, lemon, soda, a head of foam. Listens to everything.", Price: 750, Stock: 3566},
	{ID: 12, Slug: "cold-start", Name: "Cold Start", Section: "No alcohol", About: "Cold brew over tonic with a slice of grapefruit. Slow to warm up to.", Price: 650, Stock: 3600},
}
