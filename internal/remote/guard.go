package remote

import (
	"bytes"
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

// maxAnswer bounds what a guard answers: room for the GTID sets of nine servers, each
// with many gaps.
const maxAnswer = 64 << 20

// leaveLimit is how long MySQL's stop may wait for an orderly leave: a hand-over waits
// for transactions, and mysqld has to stop all the same.
const leaveLimit = 20 * time.Second

// LeaveGroup has the guard behind a control socket leave the group in order. It is an
// error when the guard does not answer in 20 s, or says no.
func LeaveGroup(ctx context.Context, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	return tellGuard(ctx, socket, "leave", nil)
}

func (s *Server) guardSocket() string { return filepath.Join(s.System.Root, GuardSocket) }

// tellGuard gives an order to the guard behind a control socket.
func tellGuard(ctx context.Context, socket, order string, body []byte) error {
	status, answer, err := askGuard(ctx, socket, http.MethodPost, "/"+order, body)
	if err != nil {
		return fmt.Errorf("reach the guard: %w", err)
	}
	if status >= http.StatusMultipleChoices {
		return errors.New("the guard answered: " + strings.TrimSpace(string(answer)))
	}
	return nil
}

// askGuard sends one request to the guard behind a control socket.
func askGuard(ctx context.Context, socket, method, path string, body []byte) (status int, answer []byte, err error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, method, "http://guard"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, answer, err
}
