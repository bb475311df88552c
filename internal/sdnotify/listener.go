package sdnotify

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// firstPassed is the first file that a service manager passes; sd_listen_fds(3).
const firstPassed = 3

// Listen listens on a TCP address with a socket that the service manager keeps under
// this name while the service is being started again (FileDescriptorStoreMax= of its
// unit; it must be at least 1). Whoever connects meanwhile waits for the next process
// instead of being refused. Without a service manager, it listens as usual.
//
// The socket of the process before is taken over unless it listens elsewhere.
func Listen(name, address string) (net.Listener, error) {
	kept, err := takeOver(name)
	if err != nil {
		return nil, fmt.Errorf("take over the socket %s from the service manager: %w", name, err)
	}
	if kept != nil {
		if listensAt(kept, address) {
			return kept, nil
		}
		if err := giveUp(name, kept); err != nil {
			return nil, fmt.Errorf("give up the socket %s on %s: %w", name, kept.Addr(), err)
		}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	if err := keep(name, l.(*net.TCPListener)); err != nil {
		l.Close()
		return nil, fmt.Errorf("leave the socket %s to the service manager: %w", name, err)
	}
	return l, nil
}

// takeOver returns the socket that was passed under a name; nil where there is none.
func takeOver(name string) (*net.TCPListener, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	i := slices.Index(strings.Split(os.Getenv("LISTEN_FDNAMES"), ":"), name)
	if i < 0 {
		return nil, nil
	}
	passed := os.NewFile(uintptr(firstPassed+i), name)
	defer passed.Close() // net makes a copy, which no child inherits
	l, err := net.FileListener(passed)
	if err != nil {
		return nil, err
	}
	kept, ok := l.(*net.TCPListener)
	if !ok {
		return nil, fmt.Errorf("it is one of %s", l.Addr().Network())
	}
	return kept, nil
}

func listensAt(l *net.TCPListener, address string) bool {
	want, err := net.ResolveTCPAddr("tcp", address)
	at := l.Addr().(*net.TCPAddr)
	return err == nil && at.Port == want.Port && (at.IP.Equal(want.IP) || at.IP.IsUnspecified() && (want.IP == nil || want.IP.IsUnspecified()))
}

// keep hands a copy of the socket to the service manager.
func keep(name string, l *net.TCPListener) error {
	return onSocket(l, func(fd int) error {
		return send("FDSTORE=1\nFDNAME="+name, syscall.UnixRights(fd))
	})
}

// giveUp frees the address at once, whoever else has a copy of the socket.
func giveUp(name string, l *net.TCPListener) error {
	defer l.Close()
	if err := onSocket(l, func(fd int) error { return syscall.Shutdown(fd, syscall.SHUT_RD) }); err != nil {
		return err
	}
	return send("FDSTOREREMOVE=1\nFDNAME="+name, nil)
}

// onSocket lets f use the socket itself: File() would make a copy that blocks.
func onSocket(l *net.TCPListener, f func(fd int) error) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}
