package nginx

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"scaleup/internal/component/componenttest"
)

// relocate makes the rendered configuration one that a test may run: loopback,
// free ports, and folders of its own.
func relocate(t *testing.T, text, dir, listen, app string) string {
	t.Helper()
	for _, d := range []string{"log", "cache", "tmp", "www/static"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	temporary := "http {"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary += fmt.Sprintf("\n\t%s_temp_path %s/tmp/%s;", kind, dir, kind)
	}
	return strings.NewReplacer(
		"user www-data;", "", "worker_rlimit_nofile", "#", "http {", temporary,
		"/run/nginx.pid", dir+"/pid", "/var/log/nginx", dir+"/log", cacheParent, dir+"/cache",
		releasesDir+"/"+componenttest.StaticRelease, dir+"/www",
		"listen 10.77.0.31:80", "listen "+listen, "listen 127.0.0.1:80;", "",
		"10.77.0.11:8080", app,
		"set_real_ip_from 10.77.0.21", "set_real_ip_from 127.0.0.1",
	).Replace(text)
}

func debian12Config(t *testing.T) string {
	in := input(t)
	in.Facts = componenttest.Debian12(in.Facts)
	return config(t, in)
}

func TestNginxAccepts(t *testing.T) {
	nginx := componenttest.Program(t, "nginx")
	dir := t.TempDir()
	path := filepath.Join(dir, "nginx.conf")
	text := relocate(t, debian12Config(t), dir, freeAddress(t), "127.0.0.1:1")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	componenttest.Check(t, nginx, "-t", "-c", path)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the real Nginx with the rendered configuration in front of an app
// and returns its URL and the folder of the static release.
func start(t *testing.T, app string) (url, www string) {
	t.Helper()
	nginx := componenttest.Program(t, "nginx")
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		// Workers of root's Nginx run as nobody; they must reach the temporary folders.
		for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	listen := freeAddress(t)
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(relocate(t, debian12Config(t), dir, listen, app)), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(nginx, "-c", path, "-g", "daemon off;")
	var log bytes.Buffer
	command.Stderr = &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt)
		command.Wait()
	})
	deadline := time.Now().Add(5 * time.Second)
	for {
		if c, err := net.Dial("tcp", listen); err == nil {
			c.Close()
			return "http://" + listen, filepath.Join(dir, "www")
		}
		if time.Now().After(deadline) {
			t.Fatalf("Nginx does not listen:\n%s", log.String())
		}
		time.Sleep(10 * time.Millisecond) // nothing announces a listening port
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func ask(t *testing.T, method, url string, header ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := (&http.Transport{DisableCompression: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestStaticFiles(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "app "+r.URL.Path) }))
	t.Cleanup(app.Close)
	url, www := start(t, app.Listener.Addr().String())
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte("body{}"))
	z.Close()
	write(t, www+"/static/app.3f2a9c1b70de.css", "body{}")
	write(t, www+"/static/app.3f2a9c1b70de.css.gz", zipped.String())
	write(t, www+"/static/app.3f2a9c1b70de.css.br", "as if it were brotli")
	write(t, www+"/static/plain.css", "p{}")
	write(t, www+"/robots.txt", "User-agent: *")
	write(t, www+"/.env", "SECRET=1")

	const immutable, short = "public, max-age=31536000, immutable", "public, max-age=60"
	for _, c := range []struct {
		path, accept string
		status       int
		cache        string
		encoding     string
		body         string
	}{
		{"/static/app.3f2a9c1b70de.css", "", 200, immutable, "", "body{}"},
		{"/static/app.3f2a9c1b70de.css", "gzip", 200, immutable, "gzip", zipped.String()},
		{"/static/app.3f2a9c1b70de.css", "gzip, br", 200, immutable, "br", "as if it were brotli"},
		{"/static/plain.css", "", 200, short, "", "p{}"},
		{"/static/gone.0123456789ab.css", "", 404, "", "", ""},
		{"/robots.txt", "", 200, short, "", "User-agent: *"},
		{"/.env", "", 404, "", "", ""},
		{"/.well-known/security.txt", "", 200, "", "", "app /.well-known/security.txt"},
		{"/menu", "", 200, "", "", "app /menu"},
		{"/", "", 200, "", "", "app /"},
		{"/healthz", "", 200, "", "", "ok\n"},
	} {
		got := ask(t, "GET", url+c.path, "Accept-Encoding", c.accept)
		if got.status != c.status || got.header.Get("Cache-Control") != c.cache || got.header.Get("Content-Encoding") != c.encoding || (c.body != "" && got.body != c.body) {
			t.Errorf("GET %s (%s) = %d, Cache-Control %q, encoding %q, body %q; want %d, %q, %q, %q", c.path, c.accept,
				got.status, got.header.Get("Cache-Control"), got.header.Get("Content-Encoding"), got.body, c.status, c.cache, c.encoding, c.body)
		}
	}
	if got := ask(t, "GET", url+"/static/app.3f2a9c1b70de.css").header.Get("Vary"); got != "Accept-Encoding" {
		t.Errorf("Vary = %q, want Accept-Encoding: the load balancers cache this file", got)
	}
}

func TestWhatTheAppSees(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%s|%s|%s|%s|%t", r.Host, r.Header.Get("X-Scaleup-Web"), r.Header.Get("X-Scaleup-Lb"),
			r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Request-Id"), r.Header.Get("Upgrade"), r.Close)
	}))
	t.Cleanup(app.Close)
	url, _ := start(t, app.Listener.Addr().String())
	headers := []string{"X-Scaleup-Lb", "lb1", "X-Forwarded-For", "198.51.100.7", "X-Request-ID", "id-1", "X-Scaleup-Web", "forged", "Upgrade", "h2c"}
	for method, fresh := range map[string]string{"GET": "false", "POST": "true", "DELETE": "true"} {
		want := strings.TrimPrefix(url, "http://")
		want = want[:strings.Index(want, ":")] + "|web1|lb1|198.51.100.7|id-1||" + fresh
		if got := ask(t, method, url+"/", headers...).body; got != want {
			t.Errorf("%s: the app sees %q, want %q", method, got, want)
		}
	}
}

func TestConnectionsToTheApp(t *testing.T) {
	var opened atomic.Int64
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
	}))
	app.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	app.Start()
	t.Cleanup(app.Close)
	url, _ := start(t, app.Listener.Addr().String())
	for range 20 {
		ask(t, "POST", url+"/orders")
	}
	if got := opened.Load(); got != 20 {
		t.Errorf("20 POSTs used %d connections, want one each", got)
	}
	opened.Store(0)
	for range 40 {
		ask(t, "GET", url+"/")
	}
	if got := opened.Load(); got > 10 { // each worker has its own
		t.Errorf("40 GETs used %d connections, want kept ones", got)
	}
	// They all die, as with a load balancer: no GET fails, no POST fails.
	app.CloseClientConnections()
	for _, method := range []string{"GET", "POST"} {
		if got := ask(t, method, url+"/").status; got != 200 {
			t.Errorf("%s after all kept connections died = %d, want 200", method, got)
		}
	}
}

func TestPageCache(t *testing.T) {
	var calls atomic.Int64
	var broken atomic.Bool
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if control := r.URL.Query().Get("control"); control != "" {
			w.Header().Set("Cache-Control", control)
		}
		fmt.Fprintf(w, "page %d", calls.Add(1))
	}))
	t.Cleanup(app.Close)
	url, _ := start(t, app.Listener.Addr().String())

	expect := func(what string, got answer, status int, cache string) {
		t.Helper()
		if got.status != status || got.header.Get("X-Cache") != cache {
			t.Errorf("%s: %d %s, want %d %s", what, got.status, got.header.Get("X-Cache"), status, cache)
		}
	}
	const minute, second = "/menu?control=max-age=60", "/menu?control=max-age=1"
	expect("first", ask(t, "GET", url+minute), 200, "MISS")
	expect("second", ask(t, "GET", url+minute), 200, "HIT")
	expect("with a cookie", ask(t, "GET", url+minute, "Cookie", "session=1"), 200, "BYPASS")
	expect("with a password", ask(t, "GET", url+minute, "Authorization", "Basic eA=="), 200, "BYPASS")
	for range 2 {
		expect("no word of the app", ask(t, "GET", url+"/whoami"), 200, "MISS")
		expect("no-store", ask(t, "GET", url+"/api?control=no-store"), 200, "MISS")
	}
	expect("before it expires", ask(t, "GET", url+second), 200, "MISS")
	time.Sleep(2100 * time.Millisecond) // Nginx counts whole seconds
	broken.Store(true)
	expect("expired, app broken", ask(t, "GET", url+second), 200, "STALE")
	app.Close()
	expect("expired, app gone", ask(t, "GET", url+second), 200, "STALE")
	gone := ask(t, "GET", url+"/never-seen")
	if gone.status != 502 || !strings.Contains(gone.body, "www.foobar.com cannot answer") || gone.header.Get("Cache-Control") != "no-store" {
		t.Errorf("never seen, app gone: %d %q %v", gone.status, gone.body, gone.header)
	}
}
