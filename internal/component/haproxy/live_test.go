package haproxy

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scaleup/internal/component"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/haproxyctl/haproxytest"
)

// live is the rendered HAProxy of the nine-server site, with every address of
// the site moved to the loopback network, and stand-ins for the other tiers.
type live struct {
	network string // first three bytes of the addresses
	client  haproxyctl.Client
	paths   haproxyctl.Paths
	process *exec.Cmd
	stderr  transcript   // what HAProxy says there
	syslog  transcript   // what it logs
	kept    *http.Client // how a web server reaches the app tier, see passOn
	once    *http.Client

	mu    sync.Mutex
	seen  []*http.Request // what the web tier got
	roles map[string]string
}

func (l *live) at(host, port int) string { return fmt.Sprintf("%s.%d:%d", l.network, host, port) }

func (l *live) requests() []*http.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*http.Request{}, l.seen...)
}

// web answers as Nginx would.
func (l *live) web(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" {
		return
	}
	l.mu.Lock()
	l.seen = append(l.seen, r)
	n := len(l.seen)
	l.mu.Unlock()
	switch {
	case strings.HasPrefix(r.URL.Path, "/static/"):
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("Vary", "Accept-Encoding")
		body := bytes.Repeat([]byte("x"), 100<<10)
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			z.Write(body)
			z.Close()
			body = b.Bytes()
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body)
	case r.URL.Path == "/order":
		l.passOn(w, r)
	case r.URL.Path == "/lasts":
		l.lasts(w, r)
	case r.URL.Path == "/breaks-once" && n%2 == 1:
		panic(http.ErrAbortHandler)
	case strings.HasPrefix(r.URL.Path, "/breaks-always"):
		panic(http.ErrAbortHandler)
	}
}

func (l *live) serve(t *testing.T, address string, handler http.HandlerFunc) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
}

// database stands for a server with its guard: MySQL greets with its name.
func (l *live) database(t *testing.T, host int, name, role string) {
	t.Helper()
	l.roles[name] = role
	l.serve(t, l.at(host, 8008), func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !strings.Contains(l.roles[name], r.URL.Path) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	listener, err := net.Listen("tcp", l.at(host, 3306))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, name)
			conn.Close()
		}
	}()
}

func (l *live) setRole(name, role string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.roles[name] = role
}

func startLive(t *testing.T) *live {
	t.Helper()
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed: what it does with the configuration is not tested")
	}
	if os.Geteuid() != 0 {
		t.Skip("the rendered HAProxy binds ports below 1024, which needs root: what it does is not tested")
	}
	l := &live{network: fmt.Sprintf("127.%d.%d", 100+os.Getpid()%100, os.Getpid()/100%250), roles: map[string]string{}}
	for _, host := range []int{31, 32} {
		l.serve(t, l.at(host, 80), l.web)
	}
	app := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s for %s", name, r.Header.Get("X-Forwarded-For"))
		}
	}
	l.serve(t, l.at(41, 8001), app("app1-a"))
	l.serve(t, l.at(41, 8002), app("app1-b"))
	l.database(t, 51, "db1", "/primary /readable")
	l.database(t, 52, "db2", "/replica /readable")
	l.database(t, 53, "db3", "")

	in := inputFor(t, haSite(), "lb1", debian12)
	in.Secrets.Site, in.Secrets.TicketKeys = testCertificate(t), testTicketKeys(t)
	dir := t.TempDir()
	config := relocate(t, filesOf(t, in), dir)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.NewReplacer("10.77.0.", l.network+".", "127.0.0.1:443", l.at(99, 443), "/dev/log", listenSyslog(t, &l.syslog)).Replace(string(text))
	if err := os.WriteFile(config, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	l.paths = haproxyctl.Paths{Socket: filepath.Join(dir, "admin.sock"), Config: config, State: filepath.Join(dir, "servers.state")}
	if err := haproxyctl.WriteState(t.Context(), l.paths, "start"); err != nil {
		t.Fatal(err)
	}
	l.client = haproxyctl.Client{Socket: l.paths.Socket}
	l.process = exec.Command(haproxy, "-W", "-f", config)
	l.process.Stderr = &l.stderr
	if err := l.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.process.Process.Signal(syscall.SIGTERM)
		l.process.Wait()
		if t.Failed() {
			t.Logf("haproxy says:\n%s\nand logs:\n%s", l.stderr.String(), l.syslog.String())
		}
	})
	haproxytest.AwaitMaster(t, l.process.Process.Pid)
	return l
}

// transcript is text that comes while a test runs.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// listenSyslog stands for the journal's socket, at an address that HAProxy also reaches
// from its chroot.
func listenSyslog(t *testing.T, into *transcript) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for line := make([]byte, 64<<10); ; {
			n, _, err := conn.ReadFrom(line)
			if err != nil {
				return
			}
			fmt.Fprintf(into, "%s\n", bytes.TrimSpace(line[:n]))
		}
	}()
	return conn.LocalAddr().String()
}

// await waits until HAProxy reports these states, "web/web1": "up".
func (l *live) await(t *testing.T, want map[string]haproxyctl.State) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		servers, err := l.client.Servers(ctx)
		got, right := map[string]haproxyctl.State{}, 0
		for _, s := range servers {
			key := s.Backend + "/" + s.Name
			if got[key] = s.State; want[key] == s.State {
				right++
			}
		}
		if right == len(want) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("HAProxy's servers are %v (%v), want %v", got, err, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (l *live) https(address string) *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			ForceAttemptHTTP2: true, DisableCompression: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the test's own certificate
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, address)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func do(t *testing.T, c *http.Client, method, url string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	response, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestLive(t *testing.T) {
	l := startLive(t)
	l.await(t, map[string]haproxyctl.State{
		"web/web1": "up", "web/web2": "up",
		"app/app1-a": "up", "app/app1-b": "maint", "app/app2-a": "maint", "app/app2-b": "down",
		"mysql_primary/db1": "up", "mysql_primary/db2": "down", "mysql_primary/db3": "down",
		"mysql_replica/db1": "down", "mysql_replica/db2": "up", "mysql_replica/db3": "down",
		"mysql_readable/db1": "up", "mysql_readable/db2": "up", "mysql_readable/db3": "down",
	})
	public := l.https(l.at(10, 443))
	const site = "https://www.foobar.com"

	t.Run("plain HTTP is redirected", func(t *testing.T) {
		response, _ := do(t, l.https(l.at(10, 80)), "GET", "http://www.foobar.com/menu?a=1", nil)
		if got, want := response.Header.Get("Location"), site+"/menu?a=1"; response.StatusCode != 308 || got != want {
			t.Errorf("%d to %q, want 308 to %q", response.StatusCode, got, want)
		}
	})
	t.Run("what a client claims is replaced", func(t *testing.T) {
		response, _ := do(t, public, "GET", site+"/", map[string]string{
			"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "ftp", "X-Forwarded-Prefix": "/evil", "X-Scaleup-Lb": "evil",
			"X-Scaleup-Web": "evil", "Forwarded": "for=6.6.6.6", "X-Real-IP": "6.6.6.6", "X-Request-ID": "evil",
		})
		if response.ProtoMajor != 2 {
			t.Errorf("answered over %s, want HTTP/2", response.Proto)
		}
		all := l.requests()
		h := all[len(all)-1].Header
		for name, want := range map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "www.foobar.com", "X-Scaleup-Lb": "lb1",
			"X-Request-ID": response.Header.Get("X-Request-ID"), "X-Forwarded-Prefix": "", "X-Scaleup-Web": "", "Forwarded": "", "X-Real-IP": "",
		} {
			if got := strings.Join(h.Values(name), ", "); got != want {
				t.Errorf("the web server got %s %q, want %q", name, got, want)
			}
		}
		if id := h.Get("X-Request-ID"); len(id) != 36 {
			t.Errorf("request ID %q, want a UUID", id)
		}
	})
	t.Run("immutable files are cached, by encoding", func(t *testing.T) {
		before := len(l.requests())
		for range 3 {
			for encoding, size := range map[string]int{"identity": 100 << 10, "gzip, deflate": 0, "gzip, deflate, br": 0} {
				response, body := do(t, public, "GET", site+"/static/site.0123abcd.css", map[string]string{"Accept-Encoding": encoding})
				if got := response.Header.Get("Content-Encoding"); (got == "gzip") != strings.Contains(encoding, "gzip") || size > 0 && len(body) != size {
					t.Errorf("asked for %s: %d bytes of %q", encoding, len(body), got)
				}
			}
		}
		if got := len(l.requests()) - before; got != 3 {
			t.Errorf("the web tier got %d requests, want one per kind of client", got)
		}
		for range 2 {
			do(t, public, "GET", site+"/static/site.0123abcd.css?bust=1", nil)
		}
		if got := len(l.requests()) - before; got != 5 {
			t.Errorf("the web tier got %d requests, want those with a query, too", got)
		}
	})
	t.Run("only safe methods are retried", func(t *testing.T) {
		l.mu.Lock()
		l.seen = nil
		l.mu.Unlock()
		if response, _ := do(t, public, "GET", site+"/breaks-once", nil); response.StatusCode != 200 {
			t.Errorf("GET gives %d, want a retry to give 200", response.StatusCode)
		}
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			before := len(l.requests())
			// A new connection over HTTP/1.1: HAProxy 2.6 answers the first request only.
			fresh := l.https(l.at(10, 443))
			fresh.Transport.(*http.Transport).ForceAttemptHTTP2 = false
			response, _ := do(t, fresh, method, site+"/breaks-always", nil)
			if got := len(l.requests()) - before; response.StatusCode != 502 || got != 1 {
				t.Errorf("%s gives %d, and the web tier got it %d times; want 502, once", method, response.StatusCode, got)
			}
		}
	})
	t.Run("web servers reach the active slot", func(t *testing.T) {
		c := l.https(l.at(11, 8080))
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(l.network + ".31")}}
		c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, l.at(11, 8080))
		}
		for range 4 {
			if _, body := do(t, c, "GET", "http://app/", map[string]string{"X-Forwarded-For": "9.9.9.9"}); body != "app1-a for 9.9.9.9" {
				t.Errorf("answer %q, want app1-a's, with the header kept", body)
			}
		}
		if response, err := l.https(l.at(11, 8080)).Get("http://app/"); err == nil {
			response.Body.Close()
			t.Errorf("a server of another tier got %s", response.Status)
		}
	})
	t.Run("databases by role", func(t *testing.T) {
		greeting := func(port int) string {
			conn, err := net.Dial("tcp", l.at(11, port))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			name, _ := io.ReadAll(conn) // a reset is an answer, too: none
			return string(name)
		}
		if got := greeting(3306); got != "db1" {
			t.Errorf("writes go to %q, want db1", got)
		}
		if got := greeting(3307); got != "db2" {
			t.Errorf("reads go to %q, want the replica db2", got)
		}
		l.setRole("db1", "/readable")
		l.setRole("db2", "")
		l.await(t, map[string]haproxyctl.State{"mysql_primary/db1": "down", "mysql_replica/db2": "down", "mysql_readable/db2": "down"})
		if got := greeting(3306); got != "" {
			t.Errorf("without a primary, writes go to %q", got)
		}
		if got := greeting(3307); got != "db1" {
			t.Errorf("without a replica, reads go to %q, want the readable db1", got)
		}
	})
	t.Run("helpers' doors", func(t *testing.T) {
		if response, body := do(t, l.https(l.at(99, 443)), "GET", site+alivePath, nil); response.StatusCode != 200 || body != "alive" {
			t.Errorf("%s gives %d %q", alivePath, response.StatusCode, body)
		}
		if _, body := do(t, http.DefaultClient, "GET", "http://"+l.at(21, 8404)+"/metrics", nil); !strings.Contains(body, "haproxy_server_status") {
			t.Error("/metrics has no haproxy_server_status")
		}
		if response, _ := do(t, http.DefaultClient, "GET", "http://"+l.at(21, 8404)+"/health", nil); response.StatusCode != 200 {
			t.Errorf("/health gives %d", response.StatusCode)
		}
	})
	t.Run("without a web tier the page says so", func(t *testing.T) {
		for _, server := range []string{"web1", "web2"} { // and what tracks them
			if err := l.client.SetState(t.Context(), haproxyctl.BackendWeb, server, haproxyctl.OrderMaint); err != nil {
				t.Fatal(err)
			}
		}
		if response, _ := do(t, public, "POST", site+"/", nil); response.StatusCode != 503 {
			t.Errorf("POST gives %d, want 503", response.StatusCode)
		}
		response, body := do(t, public, "GET", site+"/", nil)
		if response.StatusCode != 503 || response.Header.Get("Retry-After") != "5" || !strings.Contains(body, "Back in a moment") {
			t.Errorf("%d %v %.60q, want the site's own 503", response.StatusCode, response.Header, body)
		}
	})
}

// TestHelpersUseThePathsRendered: haproxyctl and the configuration name the
// same files without importing each other.
func TestHelpersUseThePathsRendered(t *testing.T) {
	want := haproxyctl.Paths{Socket: adminSocket, Config: configPath, State: statePath}
	if got := haproxyctl.DefaultPaths(); got != want {
		t.Errorf("haproxyctl uses %+v, the configuration %+v", got, want)
	}
	in := inputFor(t, haSite(), "lb1", debian12)
	config := string(filesOf(t, in)[configPath].Content)
	for _, b := range []string{haproxyctl.BackendWeb, haproxyctl.BackendApp, haproxyctl.BackendMySQLPrimary, haproxyctl.BackendMySQLReplica, haproxyctl.BackendMySQLReadable} {
		if !strings.Contains(config, "\nbackend "+b+" ") {
			t.Errorf("the configuration has no backend %s", b)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*component.Input)
	}{
		{"no certificate", "no certificate", func(in *component.Input) { in.Secrets.Site.Key = nil }},
		{"no ticket keys", "no TLS ticket keys", func(in *component.Input) { in.Secrets.TicketKeys = nil }},
		{"few files", "lets a service open 1024 files", func(in *component.Input) { in.Facts.OpenFiles = 1024 }},
		{"newline in the health path", "app.health", func(in *component.Input) { in.Topology.Site.App.Health = "/a\nbackend b" }},
		{"blank in the health path", "app.health", func(in *component.Input) { in.Topology.Site.App.Health = "/a ver HTTP/1.0" }},
		{"newline in the site's name", "cannot stand", func(in *component.Input) { in.Topology.Site.Name = "a\nb" }},
		{"blank in the binary's path", "cannot stand", func(in *component.Input) { in.Binary = "/a b" }},
	} {
		in := inputFor(t, haSite(), "lb1", debian12)
		c.change(&in)
		if _, err := (Component{}).Resources(in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
