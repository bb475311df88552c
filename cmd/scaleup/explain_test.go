package main

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/explain"
	"scaleup/internal/host"
	"scaleup/internal/nettest"
	"scaleup/internal/remote"
	"scaleup/internal/topology"
)

// publicSite is a server that stands in for the public address.
func publicSite(t *testing.T, handler http.HandlerFunc) outside {
	t.Helper()
	secure, plain := httptest.NewUnstartedServer(handler), httptest.NewServer(handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	https, http := secure.Listener.Addr().(*net.TCPAddr).AddrPort(), plain.Listener.Addr().(*net.TCPAddr).AddrPort()
	return outside{site: "example.com", address: https.Addr().Unmap(), roots: roots, https: https.Port(), http: http.Port()} // the name in httptest's certificate
}

func TestVisit(t *testing.T) {
	c := publicSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-ID", r.Host+r.URL.Path)
		w.Header().Set("X-Cache", "MISS")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("short and stout"))
	})
	v := c.visit(t.Context(), "/menu")
	if v.Err != "" {
		t.Fatal(v.Err)
	}
	got := []any{v.URL, v.Proto, v.ALPN, v.TLS, v.Status, v.Bytes, v.RequestID, v.Cache, v.Names[0], v.Address.Port()}
	want := []any{"https://example.com/menu", "HTTP/2.0", "h2", "TLS 1.3", http.StatusTeapot, int64(15), "example.com/menu", "MISS", "example.com", c.https}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, d := range map[string]time.Duration{"connect": v.Timings.Connect, "handshake": v.Timings.Handshake, "wait": v.Timings.Wait} {
		if d <= 0 || d > visitLimit {
			t.Errorf("%s took %s", name, d)
		}
	}
	if v.Cipher == "" || v.Curve == "" || v.NotAfter.IsZero() || !strings.HasPrefix(v.Local, "127.0.0.1:") {
		t.Errorf("cipher %q, curve %q, valid until %s, from %q", v.Cipher, v.Curve, v.NotAfter, v.Local)
	}
}

// A certificate of somebody else, and nobody at all, are told.
func TestVisitFails(t *testing.T) {
	c := publicSite(t, func(http.ResponseWriter, *http.Request) {})
	c.roots = x509.NewCertPool()
	if v := c.visit(t.Context(), "/"); !strings.Contains(v.Err, "certificate") {
		t.Errorf("error %q, want one of the certificate", v.Err)
	}
	c.https = nettest.Refusing(t).Port()
	c.http = c.https
	if v := c.visit(t.Context(), "/"); !strings.Contains(v.Err, "refused") {
		t.Errorf("error %q, want: refused", v.Err)
	}
	if p := c.plain(t.Context()); !strings.Contains(p.Err, "refused") {
		t.Errorf("error %q, want: refused", p.Err)
	}
}

func TestPlainFollowsNoRedirect(t *testing.T) {
	c := publicSite(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+r.Host+"/", http.StatusPermanentRedirect)
	})
	want := explain.Plain{Status: http.StatusPermanentRedirect, Location: "https://example.com/"}
	if diff := cmp.Diff(want, c.plain(t.Context())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAskDNS(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		question := make([]byte, 512)
		n, from, err := server.ReadFrom(question)
		if err != nil {
			return // the test is over
		}
		answer := append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0}, question[12:n]...)
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 198, 51, 100, 7)
		_, _ = server.WriteTo(answer, from)
	}()
	at := server.LocalAddr().(*net.UDPAddr).AddrPort()
	records, code, err := askDNS(t.Context(), at, "www.foobar.com")
	want := []explain.Record{{Name: "www.foobar.com", Type: "A", TTL: 300, Value: "198.51.100.7"}}
	if diff := cmp.Diff(want, records); err != nil || code != "" || diff != "" {
		t.Errorf("%v, code %q (-want +got):\n%s", err, code, diff)
	}
	if _, _, err := askDNS(t.Context(), netip.MustParseAddrPort("127.0.0.1:1"), "www.foobar.com"); err == nil {
		t.Error("nobody answered, and that is no error")
	}
}

func TestLastDrills(t *testing.T) {
	dir := t.TempDir()
	write := func(path, content string) {
		t.Helper()
		path = filepath.Join(dir, path, "drill.json")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if last, err := lastDrills(filepath.Join(dir, "none")); err != nil || len(last) > 0 {
		t.Errorf("of a site without drills: %v, %v", last, err)
	}
	write("20261101T100000/web-off", `{"verdict":"MISSED"}`)
	write("20261102T100000/web-off", `{"verdict":"MET","trials":[{"requests":{"ok":97,"failed":2}},{"requests":{"ok":100,"slow":1}}]}`)
	write("20261101T100000/app-off", `{"verdict":"INCONCLUSIVE"}`)
	write("kept-by-hand/app-off", `no JSON`)
	want := map[string]explain.Run{
		"web-off": {At: time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC), Verdict: "MET", Failed: 2, Sent: 200},
		"app-off": {At: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), Verdict: "INCONCLUSIVE"},
	}
	last, err := lastDrills(dir)
	if diff := cmp.Diff(want, last); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	write("20261103T100000/web-off", `{"verdict":`)
	if _, err := lastDrills(dir); err == nil || !strings.Contains(err.Error(), "20261103T100000/web-off/drill.json") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

// logHost answers with what a server's log holds by now.
type logHost struct {
	host.Host
	lines func() ([]remote.LogLine, error)
}

func (h logHost) Call(context.Context, remote.Request) (remote.Response, error) {
	lines, err := h.lines()
	return remote.Response{LogLines: lines}, err
}
func (logHost) Close() error { return nil }

// Nginx writes its log once a second; who asks in vain for ever gets what there is.
func TestFollowWaitsForNginx(t *testing.T) {
	for _, c := range []struct {
		name          string
		after, within time.Duration
		whole         bool
	}{
		{"it is there", 0, 0, true},
		{"a second later", time.Second, time.Second + followEvery, true},
		{"never", time.Hour, followFor, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			nginx := logHost{lines: func() ([]remote.LogLine, error) {
				if time.Since(began) < c.after {
					return nil, nil
				}
				return []remote.LogLine{{Source: remote.AccessLog, Text: `{"id":"1"}`}}, nil
			}}
			ill := logHost{lines: func() ([]remote.LogLine, error) { return nil, errors.New("broken") }}
			ctx, cancel := context.WithTimeout(t.Context(), followFor)
			defer cancel()
			l := openRequestLogs(ctx, []topology.Server{{Name: "web1"}, {Name: "web2"}, {Name: "app1"}}, func(_ context.Context, s topology.Server) (host.Host, bool, error) {
				switch s.Name {
				case "web1":
					return nginx, false, nil
				case "app1":
					return ill, false, nil
				}
				return nil, true, nil
			})
			defer l.close()
			trace := explain.Trace{Visit: explain.Visit{RequestID: "1"}}
			awaitLines(ctx, &trace, func(ctx context.Context) { l.read(ctx, &trace) })
			if took := time.Since(began); took > c.within || trace.Whole() != c.whole {
				t.Errorf("%s: whole %t after %s, want %t within %s", c.name, trace.Whole(), took, c.whole, c.within)
			}
			want := map[string]string{"web2": "it is powered off", "app1": "broken"}
			if diff := cmp.Diff(want, trace.Silent); diff != "" {
				t.Errorf("%s: silent (-want +got):\n%s", c.name, diff)
			}
		})
	}
}
