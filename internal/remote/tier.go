package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"scaleup/internal/haproxyctl"
)

// balancer asks HAProxy who is alive and reads what lb-agent says of this server.
// Where HAProxy does not run there are no servers, which is no error: status and
// plan have to say so.
func balancer(ctx context.Context, q Request, p *Response) error {
	if !q.Balancer {
		return nil
	}
	p.Balancer = &Balancer{}
	track, err := os.ReadFile(TrackFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the load balancer's fitness: %w", err)
	}
	p.Balancer.Fit = strings.TrimSpace(string(track)) == "0"
	_, err = os.Stat(YieldFile)
	p.Balancer.Yielding = err == nil
	servers, err := haproxyctl.Client{Socket: haproxyctl.AdminSocket}.Servers(ctx)
	if refused := (*net.OpError)(nil); errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return err
	}
	p.Balancer.Servers = servers
	return nil
}

// switchLimit bounds a planned move of the primary: it waits for transactions.
const switchLimit = 30 * time.Second

// switchPrimary asks this server's guard to make a member the primary.
func (s *Server) switchPrimary(ctx context.Context, q Request, _ *Response) error {
	if q.Switch == "" {
		return nil
	}
	body, err := json.Marshal(map[string]string{"to": q.Switch})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, switchLimit)
	defer cancel()
	if err := tellGuard(ctx, s.guardSocket(), "switch", body); err != nil {
		return fmt.Errorf("move the primary to %s: %w", q.Switch, err)
	}
	return nil
}

// member passes the guard's status on; a guard that does not answer leaves it
// empty.
func member(ctx context.Context, q Request, p *Response) error {
	if q.Member == "" {
		return nil
	}
	client := http.Client{Timeout: time.Second}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, q.Member, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil //nolint:nilerr // a silent guard is an answer, see above
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil || !json.Valid(body) {
		return nil
	}
	p.Member = body
	return nil
}
