package haproxyctl

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"scaleup/internal/haproxyctl/haproxytest"
	"scaleup/internal/nettest"
)

// running is the program itself, with two web servers that answer, one that
// does not, and two database servers of which one is the primary.
type running struct {
	client  Client
	paths   Paths
	process *exec.Cmd
}

func startHAProxy(t *testing.T, more ...string) running {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed: its socket is not tried")
	}
	dir := t.TempDir()
	answer := func(path string) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})}
		go server.Serve(listener)
		t.Cleanup(func() { server.Close() })
		return listener.Addr().String()
	}
	r := running{paths: Paths{Socket: filepath.Join(dir, "admin.sock"), Config: filepath.Join(dir, "haproxy.cfg"), State: filepath.Join(dir, "servers.state")}}
	r.client = Client{Socket: r.paths.Socket}
	text := fmt.Sprintf(`global
    stats socket %s mode 600 level admin
    server-state-file %s
defaults
    mode http
    timeout connect 300ms
    timeout client 5s
    timeout server 5s
    load-server-state-from-file global
frontend unused
    bind %s/unused.sock
    default_backend web
backend web
    option httpchk GET /healthz
    default-server check inter 100ms rise 1 fall 1
    server web1 %s
    server web2 %s
backend app
    option httpchk GET /healthz
    default-server check inter 100ms rise 1 fall 1
    server app1-a %s
    server app1-b %s disabled
backend web_once
    server web1-once 127.0.0.1:9 track web/web1
backend mysql_primary
    mode tcp
    option httpchk GET /primary
    default-server check inter 100ms rise 1 fall 1
    server db1 %s
    server db2 %s
`, r.paths.Socket, r.paths.State, dir, answer("/healthz"), nettest.Refusing(t), answer("/healthz"), answer("/healthz"), answer("/primary"), answer("/replica"))
	text += strings.Join(more, "")
	if err := os.WriteFile(r.paths.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteState(t.Context(), r.paths, "start"); err != nil {
		t.Fatal(err)
	}
	r.process = exec.Command(program, "-W", "-f", r.paths.Config)
	if err := r.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.process.Process.Signal(syscall.SIGTERM); r.process.Wait() })
	haproxytest.AwaitMaster(t, r.process.Process.Pid)
	return r
}

// await polls until HAProxy's servers are as wanted, "web/web1=up …".
func (r running) await(t *testing.T, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got string
	var err error
	for ctx.Err() == nil {
		var servers []Server
		if servers, err = r.client.Servers(ctx); err == nil {
			var words []string
			for _, s := range servers {
				words = append(words, s.Name+"="+string(s.State))
			}
			if got = strings.Join(words, " "); got == want {
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("servers are %q (%v), want %q", got, err, want)
}

func TestRealHAProxy(t *testing.T) {
	r := startHAProxy(t)
	ctx := t.Context()
	r.await(t, "web1=up web2=down app1-a=up app1-b=maint web1-once=up db1=up db2=down")

	for _, o := range []struct {
		backend, server string
		order           Order
	}{
		{BackendWeb, "web1", OrderDrain}, {BackendWeb, "web1", OrderDrain},
		{BackendApp, "app1-b", OrderReady}, {BackendApp, "app1-a", OrderMaint},
	} {
		if err := r.client.SetState(ctx, o.backend, o.server, o.order); err != nil {
			t.Error(err)
		}
	}
	r.await(t, "web1=drain web2=down app1-a=maint app1-b=up web1-once=drain db1=up db2=down")

	if err := r.client.SetState(ctx, BackendWeb, "web9", OrderReady); err == nil || !strings.Contains(err.Error(), "No such server") {
		t.Errorf("an order to an unknown server gives %v, want HAProxy's words", err)
	}
	if err := r.client.SetState(ctx, BackendWeb, "web1; show info", OrderReady); err == nil {
		t.Error("an injected command was accepted")
	}
	if err := r.client.ShutdownSessions(ctx, BackendWeb, "web1"); err != nil {
		t.Error(err)
	}

	if err := WriteState(ctx, r.paths, "reload"); err != nil {
		t.Fatal(err)
	}
	pid := r.pid(t)
	if err := r.process.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); r.pid(t) == pid; {
		if time.Now().After(deadline) {
			t.Fatal("HAProxy has not reloaded")
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.await(t, "web1=drain web2=down app1-a=maint app1-b=up web1-once=drain db1=up db2=down")
}

// pid is that of the worker that answers.
func (r running) pid(t *testing.T) string {
	info, err := r.client.Command(t.Context(), "show info")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(info) {
		if pid, ok := strings.CutPrefix(line, "Pid: "); ok {
			return strings.TrimSpace(pid)
		}
	}
	return ""
}

func TestCommandEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mute.sock")
	listener, err := net.Listen("unix", path) // accepts in the backlog, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := (Client{Socket: path}).Command(ctx, "show info"); err == nil {
		t.Error("Command() = nil, want an error")
	}
	if _, err := (Client{Socket: path}).Command(t.Context(), "show info\nshow stat"); err == nil {
		t.Error("two commands in one were accepted")
	}
}
