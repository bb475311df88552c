package sdnotify

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestNotifyReachesTheManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify.sock")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := Notify(Ready + "\nSTATUS=serving"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 256)
	n, err := listener.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(buf[:n]), "READY=1\nSTATUS=serving"; got != want {
		t.Errorf("manager got %q, want %q", got, want)
	}
}

func TestNotifyWithoutAManagerDoesNothing(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Notify(Ready); err != nil {
		t.Errorf("Notify() = %v, want nil", err)
	}
}

func TestNotifyReportsAManagerThatIsGone(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone.sock"))
	if err := Notify(Ready); err == nil {
		t.Error("Notify() = nil, want an error")
	}
}

func TestWatchdogInterval(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		name, usec, pid string
		want            time.Duration
	}{
		{"not watched", "", "", 0},
		{"watched", "2000000", own, 2 * time.Second},
		{"watched, any process", "500000", "", 500 * time.Millisecond},
		{"another process is watched", "2000000", "1", 0},
		{"nonsense", "soon", own, 0},
		{"negative", "-1", own, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("WATCHDOG_USEC", c.usec)
			t.Setenv("WATCHDOG_PID", c.pid)
			if got := WatchdogInterval(); got != c.want {
				t.Errorf("WatchdogInterval() = %v, want %v", got, c.want)
			}
		})
	}
}
