package remote

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"scaleup/internal/resource"
)

// However leaving ends, the member is told to join.
func TestRejoin(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		fails  bool
	}{{http.StatusNoContent, "", false}, {http.StatusConflict, "db1 is busy: clone", true}} {
		root, err := os.MkdirTemp("", "rejoin") // not TempDir of the test, whose path may be too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(root) })
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, GuardSocket)), 0o755); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", filepath.Join(root, GuardSocket))
		if err != nil {
			t.Fatal(err)
		}
		asked := make(chan string, 4)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked <- r.Method + " " + r.URL.Path
			if r.URL.Path == "/leave" {
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}
		})}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		p := (&Server{System: resource.System{Root: root}}).Answer(t.Context(), Request{Rejoin: true})
		if (p.Error != "") != c.fails || !strings.Contains(p.Error, c.body) {
			t.Errorf("leave answers %d: error %q", c.status, p.Error)
		}
		close(asked)
		if got := slices.Collect(channel(asked)); !slices.Equal(got, []string{"POST /leave", "POST /join"}) {
			t.Errorf("the guard was told %q", got)
		}
	}
}

func channel(c chan string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for s := range c {
			if !yield(s) {
				return
			}
		}
	}
}
