package haproxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

// inOwnNetwork runs the test again in a network namespace of its own, where it may
// load packet filters and cut connections, and reports whether this is that run.
func inOwnNetwork(t *testing.T) bool {
	t.Helper()
	const mark = "SCALEUP_TEST_NETWORK"
	if os.Getenv(mark) != "" {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			t.Fatalf("set lo up: %v: %s", err, out)
		}
		return true
	}
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root: a hand-over is not tested")
	}
	for _, program := range []string{"haproxy", "nft", "ip", "ss", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: a hand-over is not tested", program)
		}
	}
	again := exec.CommandContext(t.Context(), "unshare", "--net", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	again.Env = append(os.Environ(), mark+"=1")
	out, err := again.CombinedOutput()
	t.Logf("in a network of its own:\n%s", out)
	if err != nil {
		t.Error(err)
	}
	return false
}

// passOn does as Nginx does with a request for the app tier: some time after it
// came, it goes to the internal address, over a connection of its own when it must
// not be repeated, over a kept one otherwise.
func (l *live) passOn(w http.ResponseWriter, r *http.Request) {
	time.Sleep(60 * time.Millisecond) // the work of the tier
	onward, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+l.at(11, 8080)+"/", nil)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	client := l.kept
	if r.Method == http.MethodPost {
		client = l.once
	}
	response, err := client.Do(onward)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.WriteHeader(response.StatusCode)
	io.Copy(w, response.Body) // a client that has gone is its own business
}

// connectAsNginx lets both clients of passOn come from a web server's address.
func (l *live) connectAsNginx() {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(l.network + ".31")}, Timeout: 5 * time.Second}
	l.kept = &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	l.once = &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
}

// farEnd is the far end of this load balancer, and this test is its systemd,
// lb-agent and keepalived. reloads is whether HAProxy's configuration is in order.
func (l *live) farEnd(t *testing.T, reloads bool) *remote.Server {
	t.Helper()
	root := t.TempDir()
	run := func(ctx context.Context, c resource.Command) ([]byte, error) {
		switch strings.Join(c.Argv, " ") {
		case "haproxy -c -q -f /etc/haproxy/haproxy.cfg":
			if !reloads {
				return nil, errors.New("the configuration is not in order")
			}
			return nil, nil
		case "systemd-run --quiet --collect --on-active=600ms --timer-property=AccuracySec=20ms systemctl reload haproxy.service":
			time.AfterFunc(600*time.Millisecond, func() { l.reload(t) })
			return nil, nil
		}
		return resource.Host().Run(ctx, c)
	}
	yield := filepath.Join(root, remote.YieldFile)
	if err := errors.Join(
		os.Symlink("/proc", filepath.Join(root, "proc")),
		os.MkdirAll(filepath.Join(root, "run/haproxy"), 0o755),
		os.Symlink(l.paths.Socket, filepath.Join(root, haproxyctl.AdminSocket)),
		os.MkdirAll(filepath.Dir(yield), 0o755),
	); err != nil {
		t.Fatal(err)
	}
	l.holdAddressesUntil(t, yield)
	return &remote.Server{System: resource.System{Root: root, Run: run}}
}

// reload does what the unit's ExecReload lines do.
func (l *live) reload(t *testing.T) {
	if err := haproxyctl.WriteState(context.Background(), l.paths, "reload"); err != nil {
		t.Errorf("keep the states of servers: %v", err)
	}
	if out, err := exec.Command("haproxy", "-c", "-q", "-f", l.paths.Config).CombinedOutput(); err != nil {
		t.Errorf("check the configuration: %v: %s", err, out)
	}
	if err := l.process.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Errorf("reload HAProxy: %v", err)
	}
}

// holdAddressesUntil gives this machine the virtual addresses until the file is
// there. The loopback network goes on answering at them: what connects then is what
// the other load balancer would have got.
func (l *live) holdAddressesUntil(t *testing.T, file string) {
	t.Helper()
	ip := func(verb string) {
		for _, a := range []string{".10/32", ".11/32"} {
			if out, err := exec.Command("ip", "address", verb, l.network+a, "dev", "lo").CombinedOutput(); err != nil {
				t.Errorf("ip address %s %s: %v: %s", verb, a, err, out)
			}
		}
	}
	ip("add")
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		defer ip("del")
		for ctx.Err() == nil {
			if _, err := os.Stat(file); err == nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	t.Cleanup(func() { cancel(); wait.Wait() })
}

// user sends one request after another from an address of its own.
type user struct {
	name   string
	method string
	fresh  bool // every request over a connection of its own
	client *http.Client

	sent   int
	failed []string
}

// users are one of each kind.
func (l *live) users() []*user {
	var all []*user
	for _, protocol := range []string{"http/1.1", "h2"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			for _, fresh := range []bool{false, true} {
				u := &user{name: fmt.Sprintf("%s %s, fresh: %t", method, protocol, fresh), method: method, fresh: fresh, client: l.https("")}
				dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(len(all)+1))}}
				u.client.Transport = &http.Transport{
					ForceAttemptHTTP2: protocol == "h2", TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}},
					DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
						return dialer.DialContext(ctx, network, l.at(10, 443))
					},
				}
				all = append(all, u)
			}
		}
	}
	return all
}

// run sends requests until ctx ends; the last one is still answered.
func (u *user) run(ctx context.Context) {
	for ; ctx.Err() == nil; u.sent++ {
		if err := u.order(); err != nil {
			u.failed = append(u.failed, err.Error())
		}
		if u.fresh {
			u.client.CloseIdleConnections()
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (u *user) order() error {
	r, err := http.NewRequest(u.method, "https://www.foobar.com/order", nil)
	if err != nil {
		return err
	}
	response, err := u.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && !strings.HasPrefix(string(body), "app1-a for ") {
		err = fmt.Errorf("answer %s: %.80q", response.Status, body)
	}
	return err
}

// TestHandOver moves the addresses away from a load balancer whose users never
// pause. No request fails: not one over a kept connection, nor one that must not be
// repeated, nor one that reaches the app tier only while the addresses move. And it
// shows that requests would fail without all that.
func TestHandOver(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	l := startLive(t)
	l.connectAsNginx()
	l.await(t, map[string]haproxyctl.State{"web/web1": "up", "web/web2": "up", "app/app1-a": "up"})
	for _, graceful := range []bool{true, false} {
		users := slices.Concat(l.users(), l.users(), l.users())
		ctx, cancel := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for _, u := range users {
			wait.Go(func() { u.run(ctx) })
		}
		time.Sleep(300 * time.Millisecond) // all of them are at it
		p := l.farEnd(t, graceful).Answer(t.Context(), remote.Request{HandOver: &remote.HandOver{
			Public: netip.MustParseAddr(l.network + ".10"), Internal: netip.MustParseAddr(l.network + ".11"),
		}})
		if p.Error != "" {
			t.Fatal(p.Error)
		}
		time.Sleep(1500 * time.Millisecond) // SYNs that were held off are repeated after 1 s
		cancel()
		wait.Wait()
		failed := 0
		for _, u := range users {
			if failed += len(u.failed); graceful && len(u.failed) > 0 {
				t.Errorf("%s: %d of %d failed: %.300q", u.name, len(u.failed), u.sent, u.failed)
			}
		}
		t.Logf("graceful: %t: %d failed; %+v", graceful, failed, *p.HandedOver)
		if graceful != (p.HandedOver.Abrupt == "") {
			t.Errorf("graceful: %t, and it says: %+v", graceful, *p.HandedOver)
		}
		if !graceful && failed == 0 {
			t.Error("no request failed when connections were just cut: this test would not see one that fails")
		}
	}
	if out, err := exec.Command("nft", "list", "tables").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("packet filters are left: %s %v", out, err)
	}
}
