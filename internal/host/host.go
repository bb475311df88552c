// Package host is a connection to one server: one way to ask and change it
// (Call), and one to run a program there (Exec). Package ssh is the real one;
// hosttest runs the far end in this process for tests.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"scaleup/internal/remote"
)

// Host is one server as the operator's side sees it. It is safe for concurrent
// use; calls are answered one after another.
type Host interface {
	// Call sends one request to the far end and waits for its response. A
	// response whose Error is set is returned as an error.
	Call(ctx context.Context, q remote.Request) (remote.Response, error)
	// Exec runs argv on the server, unchanged, and returns its exit code.
	Exec(ctx context.Context, argv []string, stdio Stdio) (int, error)
	// Reconnect drops the connection and opens a new one, which proves that the
	// server still lets its operator in.
	Reconnect(ctx context.Context) error
	// Close ends the connection.
	Close() error
}

// ErrSent says that scaleup itself had to be sent to a server before that could be
// asked, and that the time for its answer was over then. It answers when asked again.
var ErrSent = errors.New("scaleup had to be sent to it first; ask again")

// CallAll asks servers side by side, each its own question, and returns the answers in
// the order of the names. Its error names every server that did not answer.
func CallAll(ctx context.Context, hosts map[string]Host, names []string, question func(name string) remote.Request) ([]remote.Response, error) {
	answers, errs := make([]remote.Response, len(names)), make([]error, len(names))
	var wait sync.WaitGroup
	for i, name := range names {
		wait.Go(func() {
			var err error
			if answers[i], err = hosts[name].Call(ctx, question(name)); err != nil {
				errs[i] = fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	wait.Wait()
	return answers, errors.Join(errs...)
}

// Stdio are the standard streams of a program that Exec runs.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}
