// Package sdnotify tells systemd about the state of a service of Type=notify, and leaves
// listening sockets to it while the service is started again. It speaks the datagrams of
// sd_notify(3) and takes what sd_listen_fds(3) describes; it knows nothing of the service.
package sdnotify

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// States a service reports. Several can be sent at once, one per line.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Watchdog = "WATCHDOG=1"
)

// Notify sends a state, such as Ready or "STATUS=waiting", to the service
// manager. Without one (NOTIFY_SOCKET is not set) it does nothing.
func Notify(state string) error { return send(state, nil) }

// send sends a state with files that belong to it.
func send(state string, files []byte) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	// A name that starts with @ is in the abstract namespace; net knows that.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("connect to the service manager: %w", err)
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	// net's own WriteMsgUnix takes no datagram socket that is connected.
	var failed error
	err = raw.Write(func(fd uintptr) (done bool) {
		failed = syscall.Sendmsg(int(fd), []byte(state), files, nil, 0)
		return !errors.Is(failed, syscall.EAGAIN)
	})
	if err := errors.Join(err, failed); err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}

// WatchdogInterval is how long the service manager waits for a Watchdog
// notification before it kills the service; 0 when it does not watch this
// process. Notify at least twice as often.
func WatchdogInterval() time.Duration {
	if pid := os.Getenv("WATCHDOG_PID"); pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if err != nil || micros <= 0 {
		return 0
	}
	return time.Duration(micros) * time.Microsecond
}
