package ledger

import (
	"io"
	"net"
	"sync/atomic"
)

// line is a network connection that is read all the time. So its Read ends when it
// is closed: that of a tunnel through SSH waits for the other side to agree, which
// one without power never does, and an operation must end when its time is over.
// And while nothing is asked, what the other side says or that it closes is known.
type line struct {
	net.Conn
	in             *io.PipeReader
	arrived, taken atomic.Int64 // bytes
	ended          atomic.Bool
}

func newLine(conn net.Conn) *line {
	in, out := io.Pipe()
	l := &line{Conn: conn, in: in}
	go l.pump(out) // ends with the connection, which may be long after it was given up
	return l
}

func (l *line) pump(out *io.PipeWriter) {
	buffer := make([]byte, 4096) // of a tunnel or of TLS; MySQL's answers here are shorter
	for {
		n, err := l.Conn.Read(buffer)
		if n > 0 {
			l.arrived.Add(int64(n))
			if _, closed := out.Write(buffer[:n]); closed != nil {
				return
			}
		}
		if err != nil {
			l.ended.Store(true)
			out.CloseWithError(err)
			return
		}
	}
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	l.taken.Add(int64(n))
	return n, err
}

func (l *line) Close() error {
	l.in.Close() // never fails
	return l.Conn.Close()
}

// quiet reports whether a line that is not in use can be used: the other side has
// not hung up, and said nothing, which could only be that it will.
func (l *line) quiet() bool { return !l.ended.Load() && l.arrived.Load() == l.taken.Load() }
