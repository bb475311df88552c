//go:build lab

// Package test runs the real thing: bin/scaleup, a lab, and the site in it, seen
// from outside as a user and an operator see them. It needs root and the lab's
// host packages, and says so when it has not got them.
package test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// site is a site file and how its scaleup is called.
type site struct {
	file string // relative to the repository
}

var (
	ha   = site{"examples/ha.yaml"}
	seed = site{"examples/seed.yaml"}
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("lab tests need root: run make test with sudo")
	}
}

// repository is the folder of go.mod.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// result is a command that has ended.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// scaleup runs a verb on the site.
func (s site) scaleup(t *testing.T, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute) // clean-up runs after the test's own context
	defer cancel()
	verb := append([]string{args[0], "-f", s.file}, args[1:]...)
	cmd := exec.CommandContext(ctx, "bin/scaleup", verb...)
	cmd.Dir = repository(t)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(began)}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.code = exit.ExitCode()
	} else if err != nil {
		t.Fatalf("scaleup %s: %v", strings.Join(verb, " "), err)
	}
	return r
}

// must runs a verb that has to end with a code.
func (s site) must(t *testing.T, code int, args ...string) result {
	t.Helper()
	r := s.scaleup(t, args...)
	if r.code != code {
		t.Fatalf("scaleup %s -f %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), s.file, r.code, code, r.stdout, r.stderr)
	}
	return r
}

// report is what tests read of status --json.
type report struct {
	URL, Address, CA, Verdict string
	Healthy                   bool
	Servers                   []struct{ Name, Role, State, Address string }
	VIPs                      []struct{ Name, Holder string }
	Database                  struct{ Primary string }
}

func (s site) status(t *testing.T) report {
	t.Helper()
	var r report
	out := s.scaleup(t, "status", "--json")
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil {
		t.Fatalf("status --json: %v\n%s%s", err, out.stdout, out.stderr)
	}
	return r
}

// awaitHealthy waits until the site heals by itself.
func (s site) awaitHealthy(t *testing.T, within time.Duration) {
	t.Helper()
	var last report
	eventually(t, within, func() error {
		if last = s.status(t); !last.Healthy {
			return errors.New(last.Verdict)
		}
		return nil
	})
}

// eventually tries until there is no error or the time is over.
func eventually(t *testing.T, within time.Duration, try func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", within, err)
		}
		time.Sleep(100 * time.Millisecond) // the pace of polling
	}
}

// user is a visitor of the site: verifies its certificate, speaks HTTP/2.
type user struct {
	client *http.Client
	url    string
}

func (s site) user(t *testing.T) user {
	t.Helper()
	r := s.status(t)
	ca, err := os.ReadFile(r.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatalf("%s holds no certificate", r.CA)
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, net.JoinHostPort(r.Address, "443"))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return user{client: &http.Client{Transport: transport, Timeout: 15 * time.Second}, url: strings.TrimSuffix(r.URL, "/")}
}

// page is an answer of the site.
type page struct {
	status, proto int
	header        http.Header
	body          string
}

func (u user) do(method, path, body string, header map[string]string) (page, error) {
	request, err := http.NewRequest(method, u.url+path, strings.NewReader(body))
	if err != nil {
		return page{}, err
	}
	for k, v := range header {
		request.Header.Set(k, v)
	}
	response, err := u.client.Do(request)
	if err != nil {
		return page{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return page{response.StatusCode, response.ProtoMajor, response.Header, string(content)}, err
}

// get wants 200.
func (u user) get(path string) (page, error) {
	p, err := u.do(http.MethodGet, path, "", nil)
	if err == nil && p.status != http.StatusOK {
		err = fmt.Errorf("GET %s: %d: %.200s", path, p.status, p.body)
	}
	return p, err
}

// order places an order and returns the path where it can be read.
func (u user) order(key string) (string, error) {
	menu, err := u.get("/api/menu")
	if err != nil {
		return "", err
	}
	item, err := firstItem(menu.body)
	if err != nil {
		return "", err
	}
	p, err := u.do(http.MethodPost, "/api/orders", fmt.Sprintf(`{"item": %s, "quantity": 1}`, item),
		map[string]string{"Content-Type": "application/json", "Idempotency-Key": key})
	if err != nil {
		return "", err
	}
	if p.status != http.StatusCreated {
		return "", fmt.Errorf("POST /api/orders: %d: %.300s", p.status, p.body)
	}
	var placed struct{ ID json.RawMessage }
	if err := json.Unmarshal([]byte(p.body), &placed); err != nil {
		return "", fmt.Errorf("POST /api/orders answered %.300s: %w", p.body, err)
	}
	return "/api/orders/" + strings.Trim(string(placed.ID), `"`), nil
}

// firstItem is the id of a drink that is in stock.
func firstItem(menu string) (string, error) {
	var document struct {
		Drinks []struct {
			ID    json.RawMessage
			Stock int
		}
	}
	if err := json.Unmarshal([]byte(menu), &document); err != nil {
		return "", fmt.Errorf("GET /api/menu answered %.300s: %w", menu, err)
	}
	for _, i := range document.Drinks {
		if i.Stock > 0 {
			return string(i.ID), nil
		}
	}
	return "", fmt.Errorf("nothing on the menu is in stock: %.300s", menu)
}
