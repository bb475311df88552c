package remote

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/resource"
)

// steering is a load balancer with a configuration, and a guard that says for a while
// that its member is not the primary.
func steering(t *testing.T, refusals int32) (*balancerWorld, *Server, string) {
	t.Helper()
	w := newBalancerWorld(t)
	config := filepath.Join(w.root, haproxyctl.DefaultPaths().Config)
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte("backend mysql_primary\n    default-server check maxconn 400\n    server db1 10.0.0.51:3306\n    server db2 10.0.0.52:3306\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	guard := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) <= refusals {
			http.Error(rw, "member is SECONDARY", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(guard.Close)
	return w, &Server{System: resource.System{Root: w.root, Run: w.run}}, guard.URL + "/primary"
}

func TestPark(t *testing.T) {
	w, s, _ := steering(t, 0)
	if p := s.Answer(t.Context(), Request{Park: "db1"}); p.Error != "" {
		t.Fatal(p.Error)
	}
	if len(w.happens) != 2 || !strings.HasPrefix(w.happens[0], "systemd-run --quiet --collect --on-active=5s ") ||
		!strings.HasSuffix(w.happens[0], " haproxy-state open") || w.happens[1] != "set maxconn server mysql_primary/db1 1" {
		t.Errorf("happened %q, want a timer that opens, then a server that is held back from", w.happens)
	}
	// Without somebody to open it again, the way is not closed.
	w, s, _ = steering(t, 0)
	w.fails["systemd-run"] = errors.New("no systemd")
	if p := s.Answer(t.Context(), Request{Park: "db1"}); p.Error == "" || len(w.happens) != 1 {
		t.Errorf("%q, happened %q", p.Error, w.happens)
	}
}

func TestSteer(t *testing.T) {
	w, s, url := steering(t, 3)
	if p := s.Answer(t.Context(), Request{Steer: &Steer{From: "db1", To: "db2", Ready: url}}); p.Error != "" {
		t.Fatal(p.Error)
	}
	want := []string{"set server mysql_primary/db2 health up", "set server mysql_primary/db1 health down", "set maxconn server mysql_primary/db1 400", "set maxconn server mysql_primary/db2 400"}
	if !slices.Equal(w.happens, want) {
		t.Errorf("happened %q, want %q", w.happens, want)
	}
}

// A member that never becomes the primary gets no writes, and they are let in again.
func TestSteerInVain(t *testing.T) {
	w, s, url := steering(t, 1<<30)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := s.Answer(ctx, Request{Steer: &Steer{From: "db1", To: "db2", Ready: url}})
	if !strings.Contains(p.Error, "lead writes to db2") {
		t.Errorf("error %q", p.Error)
	}
	if want := []string{"set maxconn server mysql_primary/db1 400", "set maxconn server mysql_primary/db2 400"}; !slices.Equal(w.happens, want) {
		t.Errorf("happened %q, want %q", w.happens, want)
	}
}
