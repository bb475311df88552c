package haproxy

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/lbagent"
)

// TestAgentWatchesHAProxy: a reload is not a failure, a killed worker is, and
// it is noticed within a few milliseconds.
func TestAgentWatchesHAProxy(t *testing.T) {
	l := startLive(t)
	l.await(t, map[string]haproxyctl.State{"web/web1": "up"})
	t.Setenv("NOTIFY_SOCKET", "")
	dir := t.TempDir()
	track := filepath.Join(dir, "track")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- lbagent.Run(ctx, lbagent.Config{
			ServerName: "www.foobar.com", Address: l.at(99, 443), Path: alivePath, TrackFile: track, YieldFile: filepath.Join(dir, "yield"),
		}, slog.New(slog.DiscardHandler))
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	says := func() string {
		content, err := os.ReadFile(track)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(content))
	}
	until := func(what string, true func() bool) time.Duration {
		t.Helper()
		began := time.Now()
		for !true() {
			if time.Since(began) > 10*time.Second {
				t.Fatalf("timed out waiting until %s", what)
			}
			time.Sleep(time.Millisecond)
		}
		return time.Since(began)
	}
	until("the agent trusts HAProxy", func() bool { return says() == "0" })

	old := l.worker(t)
	if err := l.process.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	until("HAProxy has reloaded", func() bool {
		if says() != "0" {
			t.Fatal("the agent took a reload for a failure")
		}
		pid := l.worker(t)
		return pid != 0 && pid != old
	})
	for range 50 { // the old process lets its connections go
		if says() != "0" {
			t.Fatal("the agent took the end of the old process for a failure")
		}
		time.Sleep(10 * time.Millisecond)
	}

	if err := syscall.Kill(l.worker(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	took := until("the agent says that HAProxy is dead", func() bool { return says() == "1" })
	t.Logf("a killed HAProxy was noticed after %v", took)
	if took > 500*time.Millisecond {
		t.Errorf("a killed HAProxy was noticed after %v", took)
	}
}

// worker is the process that serves, 0 when none answers.
func (l *live) worker(t *testing.T) int {
	info, err := l.client.Command(t.Context(), "show info")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(info) {
		if text, ok := strings.CutPrefix(line, "Pid: "); ok {
			pid, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	return 0
}
