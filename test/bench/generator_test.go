package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync/atomic"
	"testing"
)

// TestGenerators has the real programs ask a server of the test: their flags are
// right, the site's name and the protocol arrive, and their output is read.
func TestGenerators(t *testing.T) {
	if testing.Short() {
		t.Skip("makes load for a few seconds")
	}
	for _, g := range generators {
		t.Run(g.program, func(t *testing.T) {
			if _, err := exec.LookPath(g.program); err != nil {
				t.Skipf("%s is not installed (package %s)", g.program, g.pkg)
			}
			var wrong, status atomic.Int32
			status.Store(http.StatusOK)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Host != "www.foobar.com" || r.TLS == nil || (r.ProtoMajor == 2) != (g.protocol == "HTTP/2") {
					wrong.Add(1)
				}
				w.WriteHeader(int(status.Load()))
			}))
			server.EnableHTTP2 = true
			server.StartTLS()
			defer server.Close()
			l, err := g.run(t.Context(), server.URL+"/file", "www.foobar.com", 1, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if l.rate <= 0 || l.total == 0 || l.p99 <= 0 || wrong.Load() > 0 {
				t.Errorf("%+v, and %d requests were not what the site gets", l, wrong.Load())
			}
			status.Store(http.StatusServiceUnavailable)
			if l, err := g.run(t.Context(), server.URL+"/file", "www.foobar.com", 1, t.TempDir()); err == nil {
				t.Errorf("a server that refuses everything is measured as %+v", l)
			}
		})
	}
}
