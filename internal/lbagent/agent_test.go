package lbagent

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// site is a TLS server that stands for HAProxy, and an agent that watches it.
type site struct {
	server *httptest.Server
	config Config
	status int
	hang   chan struct{} // while not nil, answers wait for it
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{status: http.StatusOK}
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/haproxy-alive" {
			t.Errorf("the agent asks for %s", r.URL.Path)
		}
		if s.hang != nil {
			<-s.hang
		}
		w.WriteHeader(s.status)
	}))
	s.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(s.server.Close)
	dir := t.TempDir()
	s.config = Config{ServerName: "www.foobar.com", Path: "/haproxy-alive", TrackFile: filepath.Join(dir, "track"), YieldFile: filepath.Join(dir, "yield")}
	return s
}

func (s *site) start() {
	s.server.StartTLS()
	s.config.Address = s.server.Listener.Addr().String()
}

// run starts the agent; stop ends it and waits.
func (s *site) run(t *testing.T) (stop func()) {
	t.Helper()
	t.Setenv("NOTIFY_SOCKET", "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, s.config, slog.New(slog.DiscardHandler)) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run() = %v", err)
		}
	}
}

// await waits for a value of the track file and returns how long it took.
func (s *site) await(t *testing.T, want string) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		got, err := os.ReadFile(s.config.TrackFile)
		if err == nil && string(got) == want+"\n" {
			return time.Since(began)
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("track file is %q (%v), want %q", got, err, want)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAgentNoticesADeadHAProxyAtOnce(t *testing.T) {
	s := newSite(t)
	s.start()
	defer s.run(t)()
	s.await(t, "0")
	s.server.Listener.Close()
	s.server.CloseClientConnections()
	// The held connection ends, and the next one is refused. Without it, the probe
	// would wait for the ticker, a twentieth of a second on average.
	if took := s.await(t, "1"); took > interval {
		t.Errorf("noticed after %v, want less than %v", took, interval)
	}
}

func TestAgentYieldsWhileAsked(t *testing.T) {
	s := newSite(t)
	s.start()
	stop := s.run(t)
	s.await(t, "0")
	if err := os.WriteFile(s.config.YieldFile, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.await(t, "1")
	// Whoever asked has died long ago.
	old := time.Now().Add(-YieldLimit - time.Second)
	if err := os.Chtimes(s.config.YieldFile, old, old); err != nil {
		t.Fatal(err)
	}
	s.await(t, "0")
	if err := os.WriteFile(s.config.TrackFile, []byte("7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.await(t, "0") // another's word is corrected
	stop()
	s.await(t, "1") // no one asks any more
}

// Clients wait while addresses move on purpose: keepalived must hear of it before
// the next probe. Here that one would come in an hour.
func TestAgentYieldsAtOnce(t *testing.T) {
	s := newSite(t)
	asked, stop, err := watch(s.config.YieldFile)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	a := &agent{config: s.config, asked: asked, judge: Judge{Serving: true}}
	if _, err := a.report(); err != nil {
		t.Fatal(err)
	}
	s.await(t, "0")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.wait(ctx, time.NewTicker(time.Hour), nil) }()
	for range 3 {
		if err := os.WriteFile(s.config.YieldFile, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		s.await(t, "1")
		if err := os.Remove(s.config.YieldFile); err != nil {
			t.Fatal(err)
		}
		s.await(t, "0")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestProbeOutcomes(t *testing.T) {
	// Of a kernel that does not tell; this computer may be a busy one.
	pressure := filepath.Join(t.TempDir(), "cpu")
	probe := func(t *testing.T, config Config, timeout time.Duration) Outcome {
		t.Helper()
		p := newProber(config, timeout)
		p.pressure = pressure
		defer p.close()
		outcome, ended, err := p.probe(t.Context())
		if (outcome == Served) != (err == nil) || (outcome == Served) != (ended != nil) {
			t.Errorf("outcome %v with error %v and channel %v", outcome, err, ended)
		}
		return outcome
	}
	want := func(t *testing.T, got, want Outcome) {
		t.Helper()
		if got != want {
			t.Errorf("outcome %v, want %v", got, want)
		}
	}
	t.Run("served", func(t *testing.T) {
		s := newSite(t)
		s.start()
		want(t, probe(t, s.config, 5*time.Second), Served)
	})
	t.Run("another answer", func(t *testing.T) {
		s := newSite(t)
		s.status = http.StatusServiceUnavailable
		s.start()
		want(t, probe(t, s.config, 5*time.Second), Slow)
	})
	t.Run("no answer in time", func(t *testing.T) {
		s := newSite(t)
		s.hang = make(chan struct{})
		defer close(s.hang)
		s.start()
		want(t, probe(t, s.config, 50*time.Millisecond), Slow)
	})
	t.Run("no answer in time, and no processor", func(t *testing.T) {
		s := newSite(t)
		s.hang = make(chan struct{})
		defer close(s.hang)
		s.start()
		put := func(total int) {
			line := fmt.Sprintf("some avg10=0.00 avg60=0.00 avg300=0.00 total=%d\n", total)
			if err := os.WriteFile(pressure+".new", []byte(line), 0o600); err != nil {
				t.Error(err)
			}
			if err := os.Rename(pressure+".new", pressure); err != nil {
				t.Error(err)
			}
		}
		put(0)
		defer os.Remove(pressure)
		time.AfterFunc(100*time.Millisecond, func() { put(1e9) })
		want(t, probe(t, s.config, 300*time.Millisecond), Busy)
	})
	t.Run("accepted by no one", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		s := newSite(t)
		s.config.Address = listener.Addr().String()
		want(t, probe(t, s.config, 50*time.Millisecond), Slow)
	})
	t.Run("refused", func(t *testing.T) {
		s := newSite(t)
		s.start()
		s.server.Close()
		want(t, probe(t, s.config, 5*time.Second), Refused)
	})
	t.Run("broken", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				conn.Close()
			}
		}()
		s := newSite(t)
		s.config.Address = listener.Addr().String()
		want(t, probe(t, s.config, 5*time.Second), Broken)
	})
}
