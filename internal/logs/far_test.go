package logs

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"scaleup/internal/host"
	"scaleup/internal/remote"
)

// farHost runs one program: run.
type farHost struct {
	host.Host
	run    func(ctx context.Context, argv []string, stdio host.Stdio) (int, error)
	closed chan struct{}
}

func (h farHost) Exec(ctx context.Context, argv []string, stdio host.Stdio) (int, error) {
	return h.run(ctx, argv, stdio)
}

func (h farHost) Close() error { close(h.closed); return nil }

func TestTell(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		code int
		err  error
		says string
		want string // error of the reader
	}{
		{"to its end", 0, nil, "", ""},
		{"a program that fails", 1, nil, "scaleup: read the journal: no such file\n  hint: x\n", "exit code 1: read the journal: no such file"},
		{"one that never stops complaining", 1, nil, strings.Repeat("x", 1<<20), "exit code 1: " + strings.Repeat("x", 1<<10)},
		{"a connection that breaks", 0, broken, "", "broken"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := farHost{closed: make(chan struct{}), run: func(_ context.Context, argv []string, stdio host.Stdio) (int, error) {
				if len(argv) != 4 || strings.Join(argv[:3], " ") != "/x/scaleup remote --logs" {
					t.Errorf("it runs %q", argv)
				}
				io.WriteString(stdio.Out, "line\n")
				io.WriteString(stdio.Err, test.says)
				return test.code, test.err
			}}
			reader, err := Tell(t.Context(), h, "/x/scaleup", remote.LogAsk{Lines: 1})
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(reader)
			if string(text) != "line\n" || (err == nil) != (test.want == "") || err != nil && !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("%q, error %v", text, err)
			}
			<-h.closed
		})
	}
}

// Closing the reader ends the program and the connection.
func TestTellIsClosed(t *testing.T) {
	h := farHost{closed: make(chan struct{}), run: func(ctx context.Context, _ []string, _ host.Stdio) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}}
	reader, err := Tell(t.Context(), h, "/x/scaleup", remote.LogAsk{})
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	<-h.closed
}
