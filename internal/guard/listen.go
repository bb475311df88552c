package guard

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"scaleup/internal/sdnotify"
)

// servers are the guard's three doors: checks, peers, control.
type servers struct {
	listeners []net.Listener
	https     []*http.Server
}

// listen opens all doors before any is served, so that a taken port stops the
// guard before it has told systemd that it is ready.
func listen(cfg Config, g *guard, c credentials) (*servers, error) {
	s := &servers{}
	// Load balancers that ask while the guard is being started again wait for it: refused,
	// they would take its member for lost and cut their clients off.
	checks, err := sdnotify.Listen("checks", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for health checks: %w", err)
	}
	s.add(checks, g.checks(), g.log)

	peers, err := net.Listen("tcp", cfg.PeerListen)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("listen for other guards: %w", err)
	}
	s.add(tls.NewListener(peers, c.server(cfg.voterNames())), g.peerAPI(), g.log)

	control, err := listenControl(cfg.Control)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("listen for planned work: %w", err)
	}
	s.add(control, g.control(), g.log)
	return s, nil
}

// listenControl replaces a socket that a killed guard left behind.
func listenControl(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (s *servers) add(l net.Listener, h http.Handler, log *slog.Logger) {
	s.listeners = append(s.listeners, l)
	s.https = append(s.https, &http.Server{
		Handler: h, ReadHeaderTimeout: 2 * time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // a check that hangs up is no news
	})
}

// serve answers on all doors; failed is told when one of them fails for good.
func (s *servers) serve(failed func(error)) {
	for i, server := range s.https {
		go func() {
			if err := server.Serve(s.listeners[i]); !errors.Is(err, http.ErrServerClosed) {
				failed(err)
			}
		}()
	}
}

// close cuts connections at once: answers come from memory, none is worth waiting for.
func (s *servers) close() {
	for i, server := range s.https {
		_ = server.Close()
		_ = s.listeners[i].Close()
	}
}
