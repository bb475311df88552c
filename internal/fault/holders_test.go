package fault

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scaleup/internal/resource"
	"scaleup/internal/sdnotify"
)

// fakeHolders are the transient units of systemd-run: Hold runs in a goroutine, and
// Heal when that has ended, whatever ended it.
type fakeHolders struct {
	server *fakeServer
	t      *testing.T
	notify *net.UnixConn

	mu   sync.Mutex
	live map[string]*fakeHolder
	argv []string // of the last systemd-run
	// lost, when set, is a fault that ends without healing: systemd itself has died.
	lost bool
}

type fakeHolder struct {
	end  context.CancelFunc
	done chan struct{}
}

// withHolders gives a server units that hold faults.
func withHolders(t *testing.T, s *fakeServer) *fakeHolders {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	s.holders = &fakeHolders{server: s, t: t, notify: conn, live: map[string]*fakeHolder{}}
	return s.holders
}

// option finds a --property of systemd-run.
func option(argv []string, name string) string {
	for _, a := range argv {
		if value, ok := strings.CutPrefix(a, "--property="+name+"="); ok {
			return value
		}
	}
	return ""
}

func (s *fakeServer) systemdRun(c resource.Command) (string, error) { return s.holders.run(c) }

// run returns when the holder says that it is ready, or has failed, as systemd-run
// does for a service of Type=notify.
func (f *fakeHolders) run(c resource.Command) (string, error) {
	f.argv = c.Argv
	unit := strings.TrimPrefix(c.Argv[slices.IndexFunc(c.Argv, func(a string) bool { return strings.HasPrefix(a, "--unit=") })], "--unit=")
	lease, err := time.ParseDuration(option(c.Argv, "RuntimeMaxSec"))
	if err != nil {
		return "", err
	}
	ctx, end := context.WithTimeout(context.Background(), lease)
	h := &fakeHolder{end: end, done: make(chan struct{})}
	f.mu.Lock()
	f.live[unit] = h
	f.mu.Unlock()
	failed := make(chan error, 1)
	go func() {
		failed <- Hold(ctx, f.server.place("").System, c.Argv[len(c.Argv)-1])
		stopPost := strings.Fields(option(c.Argv, "ExecStopPost"))
		if !f.lost {
			if err := Heal(context.Background(), f.server.place("").System, stopPost[len(stopPost)-1]); err != nil {
				f.t.Logf("ExecStopPost: %v", err)
			}
		}
		f.mu.Lock()
		delete(f.live, unit)
		f.mu.Unlock()
		close(h.done)
	}()
	ready := make(chan string, 1)
	go func() {
		buffer := make([]byte, 64)
		n, err := f.notify.Read(buffer)
		if err == nil {
			ready <- string(buffer[:n])
		}
	}()
	select {
	case state := <-ready:
		if state != sdnotify.Ready {
			return "", exit(c, "it said "+state)
		}
		return "", nil
	case <-failed:
		<-h.done
		_ = f.notify.SetReadDeadline(time.Now()) // ends the reader above
		_ = f.notify.SetReadDeadline(time.Time{})
		return "", exit(c, "Job for "+unit+" failed.")
	}
}

// holder returns the unit that holds a fault.
func (f *fakeHolders) holder(id string) *fakeHolder {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.live[unitName(id)]
}

func (f *fakeHolders) systemctl(c resource.Command) (string, error) {
	f.mu.Lock()
	name := c.Argv[len(c.Argv)-1]
	h := f.live[name]
	var lines strings.Builder
	for unit := range f.live {
		fmt.Fprintf(&lines, "%s loaded active running /usr/bin/scaleup remote\n", unit)
	}
	f.mu.Unlock()
	switch {
	case c.Argv[1] == "list-units":
		return lines.String(), nil
	case c.Argv[1] == "stop" && h == nil:
		return "", exit(c, "Failed to stop "+name+": Unit "+name+" not loaded.")
	case c.Argv[1] == "stop":
		h.end()
		<-h.done
	}
	return "", nil
}
