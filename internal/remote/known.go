package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// knownLimit bounds the question; the guard answers from memory.
const knownLimit = 2 * time.Second

// known asks this server's guard for all that it can tell. That no guard answers is
// no error: what remains of a site in an outage has to be told all the same.
func (s *Server) known(ctx context.Context, q Request, p *Response) error {
	if !q.Known {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, knownLimit)
	defer cancel()
	status, body, err := askGuard(ctx, s.guardSocket(), http.MethodGet, "/known", nil)
	if refused := (*net.OpError)(nil); errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask the guard what it knows: %w", err)
	}
	if status != http.StatusOK || !json.Valid(body) {
		return fmt.Errorf("ask the guard what it knows: it answers %d %s; scaleup apply brings it up to date", status, http.StatusText(status))
	}
	p.Known = body
	return nil
}
