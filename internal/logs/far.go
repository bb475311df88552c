package logs

import (
	"context"
	"fmt"
	"io"
	"strings"

	"scaleup/internal/host"
	"scaleup/internal/remote"
)

// Tell starts remote.Logs on a server, with the scaleup that lies at binary there. The
// connection is the reader's: it is closed with it, and the program there ends then.
func Tell(ctx context.Context, h host.Host, binary string, ask remote.LogAsk) (io.ReadCloser, error) {
	encoded, err := ask.Encode()
	if err != nil {
		h.Close()
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	reader, writer := io.Pipe()
	go func() {
		var complaint complaint
		code, err := h.Exec(ctx, []string{binary, "remote", "--logs", encoded}, host.Stdio{Out: writer, Err: &complaint})
		if err == nil && code != 0 {
			err = fmt.Errorf("read its logs: exit code %d: %s", code, complaint)
		}
		writer.CloseWithError(err)
		h.Close()
	}()
	return telling{reader, cancel}, nil
}

// telling is a program that tells on a server.
type telling struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the program, too.
func (t telling) Close() error {
	t.cancel()
	return t.PipeReader.Close()
}

// complaint keeps the beginning of what a program says on its standard error.
type complaint []byte

// Write implements io.Writer.
func (c *complaint) Write(p []byte) (int, error) {
	const enough = 1 << 10
	*c = append(*c, p[:min(len(p), max(0, enough-len(*c)))]...)
	return len(p), nil
}

// String is its first line, without the name of the program that says it.
func (c complaint) String() string {
	line, _, _ := strings.Cut(string(c), "\n")
	return strings.TrimPrefix(line, "scaleup: ")
}
