package load

import (
	"crypto/tls"
	"errors"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// wire is what lies under a connection: it knows things that net/http does not say.
type wire struct {
	control syscall.RawConn
	written *atomic.Int64 // bytes of requests so far; nil for HTTP/2, where they mix
}

// silent reports that the server has sent nothing, as it has to on an idle
// connection of HTTP/1.1: what arrives there is its end.
func (w wire) silent() bool { return !w.has(unix.POLLIN) }

// open reports that the server has not closed the connection.
func (w wire) open() bool { return !w.has(unix.POLLRDHUP) }

// has asks the kernel, which knows before the goroutine that reads has been woken.
func (w wire) has(event int16) bool {
	var n int
	var err error
	poll := func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: event}}
		for n, err = unix.Poll(fds, 0); errors.Is(err, unix.EINTR); {
			n, err = unix.Poll(fds, 0)
		}
	}
	// An error here or in poll: this side has closed the connection.
	return w.control.Control(poll) != nil || err != nil || n > 0
}

// counted counts the bytes of requests. It does so above TLS, whose own farewell is
// no request.
type counted struct {
	*tls.Conn
	written *atomic.Int64
}

// Write counts before it writes: an answer may be here before the system call has
// returned. When it fails, the last record of TLS is incomplete, and no server can
// do anything with a part of one.
func (c *counted) Write(p []byte) (int, error) {
	c.written.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n - len(p)))
	return n, err
}
