package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// leaveLimit is how long a member may take to leave its group, beyond the guard's own
// limit: its transactions under way end first.
const leaveLimit = 90 * time.Second

// rejoin has this server's member leave its group and join it again, whereby it signs
// in to the others anew. It returns when the member has left; the guard brings it back.
func (s *Server) rejoin(ctx context.Context, q Request, _ *Response) error {
	if !q.Rejoin {
		return nil
	}
	left := s.tellGuard(ctx, "leave")
	// In any case: a member that was told to leave stays out until it is told to join.
	joined := s.tellGuard(context.WithoutCancel(ctx), "join")
	return errors.Join(left, joined)
}

// tellGuard sends an order without a body to the guard's control socket.
func (s *Server) tellGuard(ctx context.Context, order string) error {
	socket := filepath.Join(s.System.Root, GuardSocket)
	client := http.Client{Timeout: leaveLimit, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://guard/"+order, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("tell the guard to %s the group: %w", order, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("tell the guard to %s the group: %w", order, err)
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("tell the guard to %s the group: it answered: %s", order, strings.TrimSpace(string(answer)))
	}
	return nil
}
