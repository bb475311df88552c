// Command foobar is the web site of a bar called Foobar, the reference application of scaleup. It takes its world from the
// environment, keeps all state in MySQL, and serves plain HTTP to the tier in front, which also serves the static files.
//
//	foobar           serves
//	foobar migrate   brings the database up to date, then ends
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"scaleup/foobar/internal/store"
	"scaleup/foobar/internal/web"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Environ(), os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "foobar:", err)
		if errors.Is(err, errUsage) {
			os.Exit(64)
		}
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: foobar [migrate]")

// run is the program. It ends when its work is done or, serving, when ctx ends and every request has been answered.
func run(ctx context.Context, args, env []string, stdout io.Writer) error {
	e := parseEnvironment(env)
	log := slog.New(slog.NewTextHandler(stdout, nil))
	switch {
	case len(args) == 0:
		return serve(ctx, e, log)
	case len(args) == 1 && args[0] == "migrate":
		c, err := e.databaseConfig()
		if err != nil {
			return err
		}
		return store.Migrate(ctx, c, log)
	}
	return errUsage
}

func serve(ctx context.Context, e environment, log *slog.Logger) error {
	if e["PORT"] == "" {
		return errors.New("PORT is not set: it is the TCP port to listen on")
	}
	c, err := e.databaseConfig()
	if err != nil {
		return err
	}
	s, err := store.Open(c, log)
	if err != nil {
		return err
	}
	defer s.Close()
	site, err := web.New(s, e["SCALEUP_SERVER"], log)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("", e["PORT"]))
	if err != nil {
		return fmt.Errorf("listen on PORT %s: %w", e["PORT"], err)
	}
	return serveUntil(ctx, listener, site, log)
}

// The limits of a connection. A handler may take 10 s around a failover of the database, and the tier in front gives up on a
// request after 20 s, so answers are cut off between the two. Idle connections outlast the pools of the proxies: whoever closes
// first must be the side that sends next, or a request meets a connection that is just closing.
const (
	headerTimeout   = 5 * time.Second
	requestTimeout  = 10 * time.Second
	answerTimeout   = 19 * time.Second
	idleTimeout     = 90 * time.Second
	shutdownTimeout = 20 * time.Second
)

// serveUntil serves until ctx ends, then takes no new connections and finishes the requests that it has.
func serveUntil(ctx context.Context, listener net.Listener, site http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           site,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	log.Info("serving", "address", listener.Addr().String())
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: finishing what is under way")
	// ctx has ended; the requests have not.
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		return fmt.Errorf("finish the last requests: %w", err)
	}
	log.Info("stopped")
	return nil
}
