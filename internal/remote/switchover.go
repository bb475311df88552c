package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"scaleup/internal/haproxyctl"
)

// Steer has a load balancer lead writes to another member as soon as that takes them.
type Steer struct {
	From  string `json:"from"`  // the primary so far
	To    string `json:"to"`    // the next
	Ready string `json:"ready"` // URL of To's guard that answers 200 once it takes writes
}

const (
	// steerLimit is how long writes may be held back for a member that does not become
	// the primary; it takes hundredths of a second.
	steerLimit = 3 * time.Second
	// parkLimit is when the way to the primary is opened again whatever became of this
	// process: after steerLimit, and after the operator's call on its way here.
	parkLimit = "--on-active=5s"

	steerTick = 2 * time.Millisecond
	askLimit  = 100 * time.Millisecond // one question to the guard, which answers from memory
)

// park holds new connections for writes back while the primary moves.
func (s *Server) park(ctx context.Context, q Request, _ *Response) error {
	if q.Park == "" {
		return nil
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("hold writes back: find scaleup: %w", err)
	}
	// Ordered first and carried out by systemd: this process may die any time.
	if err := (handover{sys: s.System}).command(ctx, "systemd-run", "--quiet", "--collect", parkLimit, "--timer-property=AccuracySec=100ms",
		binary, "haproxy-state", "open"); err != nil {
		return fmt.Errorf("hold writes back: %w", err)
	}
	if err := (haproxyctl.Client{Socket: s.haproxyPaths().Socket}).Park(ctx, haproxyctl.BackendMySQLPrimary, q.Park); err != nil {
		return fmt.Errorf("hold writes back: %w", err)
	}
	return nil
}

// steer waits until To takes writes and leads there what was held back. The sessions
// with From end, as they do when HAProxy's own check finds it out.
func (s *Server) steer(ctx context.Context, q Request, _ *Response) (err error) {
	if q.Steer == nil {
		return nil
	}
	paths := s.haproxyPaths()
	haproxy := haproxyctl.Client{Socket: paths.Socket}
	defer func() {
		err = errors.Join(err, haproxyctl.Open(context.WithoutCancel(ctx), paths, haproxyctl.BackendMySQLPrimary))
	}()
	if err := awaitPrimary(ctx, q.Steer.Ready); err != nil {
		return fmt.Errorf("lead writes to %s: %w", q.Steer.To, err)
	}
	if err := haproxy.SetHealth(ctx, haproxyctl.BackendMySQLPrimary, q.Steer.To, true); err != nil {
		return fmt.Errorf("lead writes to %s: %w", q.Steer.To, err)
	}
	if err := haproxy.SetHealth(ctx, haproxyctl.BackendMySQLPrimary, q.Steer.From, false); err != nil {
		return fmt.Errorf("lead writes away from %s: %w", q.Steer.From, err)
	}
	return nil
}

func (s *Server) haproxyPaths() haproxyctl.Paths {
	p := haproxyctl.DefaultPaths()
	for _, path := range []*string{&p.Socket, &p.Config, &p.State} {
		*path = filepath.Join(s.System.Root, *path)
	}
	return p
}

// awaitPrimary asks a guard again and again until it says that its member takes
// writes.
func awaitPrimary(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, steerLimit)
	defer cancel()
	client := http.Client{Timeout: askLimit, Transport: &http.Transport{DialContext: (&net.Dialer{}).DialContext, MaxIdleConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	said := "it was not asked"
	for {
		why, err := primaryYet(ctx, &client, url)
		if err == nil && why == "" {
			return nil
		}
		// The last word before the time was up says more than that the time was up.
		if ctx.Err() == nil {
			said = why
			if err != nil {
				said = err.Error()
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not take them after %s: %s", steerLimit, said)
		case <-time.After(steerTick):
		}
	}
}

// primaryYet asks a guard once; why is "" when its member takes writes.
func primaryYet(ctx context.Context, client *http.Client, url string) (why string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 512))
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Sprintf("%s: %s", response.Status, body), nil
	}
	return "", nil
}
