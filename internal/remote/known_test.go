package remote

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scaleup/internal/resource"
)

// serveGuard answers on the guard's socket below a temporary root.
func serveGuard(t *testing.T, status int, body string) *Server {
	t.Helper()
	// Not TempDir of the test, whose path may be too long for a socket.
	root, err := os.MkdirTemp("", "known")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	socket := filepath.Join(root, GuardSocket)
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/known" {
			t.Errorf("the guard is asked %s %s", r.Method, r.URL.Path)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return &Server{System: resource.System{Root: root}}
}

func TestKnown(t *testing.T) {
	p := serveGuard(t, http.StatusOK, `{"message":"waits"}`).Answer(t.Context(), Request{Known: true})
	if p.Error != "" || string(p.Known) != `{"message":"waits"}` {
		t.Errorf("answer %q, error %q", p.Known, p.Error)
	}
}

// A guard of a scaleup before this question answers 404.
func TestKnownOfOldGuard(t *testing.T) {
	p := serveGuard(t, http.StatusNotFound, "404 page not found\n").Answer(t.Context(), Request{Known: true})
	if !strings.Contains(p.Error, "404") || !strings.Contains(p.Error, "scaleup apply") {
		t.Errorf("error %q", p.Error)
	}
}

func TestKnownWithoutGuard(t *testing.T) {
	p := (&Server{System: resource.System{Root: t.TempDir()}}).Answer(t.Context(), Request{Known: true})
	if p.Error != "" || p.Known != nil {
		t.Errorf("answer %q, error %q, want neither", p.Known, p.Error)
	}
}
