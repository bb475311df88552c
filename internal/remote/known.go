package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

const (
	// knownLimit bounds the question; the guard answers from memory.
	knownLimit = 2 * time.Second
	// maxKnown is room for the GTID sets of nine servers, each with many gaps.
	maxKnown = 64 << 20
)

// known asks this server's guard for all that it can tell. That no guard answers is
// no error: what remains of a site in an outage has to be told all the same.
func (s *Server) known(ctx context.Context, q Request, p *Response) error {
	if !q.Known {
		return nil
	}
	socket := filepath.Join(s.System.Root, GuardSocket)
	client := http.Client{Timeout: knownLimit, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://guard/known", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if refused := (*net.OpError)(nil); errors.As(err, &refused) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask the guard what it knows: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKnown))
	if err != nil {
		return fmt.Errorf("ask the guard what it knows: %w", err)
	}
	if response.StatusCode != http.StatusOK || !json.Valid(body) {
		return fmt.Errorf("ask the guard what it knows: it answers %s; scaleup apply brings it up to date", response.Status)
	}
	p.Known = body
	return nil
}
