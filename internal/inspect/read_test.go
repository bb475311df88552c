package inspect

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scaleup/internal/haproxyctl"
	"scaleup/internal/nettest"
	"scaleup/internal/resource"
)

func put(t *testing.T, s server, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(path)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path(path), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runner answers commands by their program, and takes down what was run.
type runner struct {
	outputs map[string]string
	mu      sync.Mutex
	ran     []string
}

func (r *runner) run(_ context.Context, c resource.Command) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ran = append(r.ran, strings.Join(c.Argv, " "))
	out, ok := r.outputs[c.Argv[0]]
	if !ok {
		return nil, &resource.ExitError{Argv: c.Argv, Code: 1, Output: "No such file or directory"}
	}
	return []byte(out), nil
}

// container is a load balancer of a lab, without its programs.
func container(t *testing.T, programs map[string]string) (server, *runner) {
	t.Helper()
	r := &runner{outputs: programs}
	s := server{resource.System{Root: t.TempDir(), Run: r.run}}
	for path, content := range map[string]string{
		"/run/systemd/container":     "systemd-nspawn",
		"/proc/sys/kernel/osrelease": "6.12.48-cloud-amd64\n",
		"/proc/stat":                 "btime 1795770736\n",
		"/proc/1/stat":               "1 (systemd) S 0 1 1 0 -1 4194560 25000 900 10 3 40 50 1000 200 20 0 1 0 60050 170000000 3000\n",
		"/proc/1/comm":               "systemd\n",
		"/proc/uptime":               "18154.27 35000.11\n",
		"/proc/loadavg":              "0.52 0.41 0.30 1/321 4711\n",
		"/proc/meminfo":              fixture(t, "meminfo.txt"),
		"/proc/net/tcp":              fixture(t, "tcp.txt"),
		"/var/lib/dpkg/status":       "Package: haproxy\nStatus: install ok installed\nVersion: 3.0.11-1\n",
		"/etc/haproxy/haproxy.cfg":   "global\n",
		"/etc/haproxy/tls/site.pem":  "a key\n",
	} {
		put(t, s, path, content)
	}
	return s, r
}

// What is not asked for is not read: no program runs, nothing is connected to.
func TestReadNothingMore(t *testing.T) {
	s, ran := container(t, nil)
	began := time.Now()
	got := Read(t.Context(), s.System, Ask{})
	if got.At.Before(began) || time.Since(got.At) < 0 {
		t.Errorf("its clock says %s", got.At)
	}
	want := Report{
		Kernel: "6.12.48-cloud-amd64", Host: "host started at 1795770736 with 25276026880 bytes", Uptime: 17553, Load: 0.52,
		Memory:    Memory{Total: 25276026880, Available: 22553878528},
		Listeners: []Listen{listen("0.0.0.0:22", ""), listen("10.77.0.10:443", ""), listen("10.77.0.11:8080", "")},
		Errors:    map[string]string{},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Report{}, "At", "Disks"), cmpopts.EquateComparable(Listen{})); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if len(got.Disks) != 1 || len(ran.ran) != 0 {
		t.Errorf("disks %v; ran %q, want nothing", got.Disks, ran.ran)
	}
}

func TestReadAll(t *testing.T) {
	s, ran := container(t, map[string]string{
		"systemctl": "keepalived.service loaded failed failed Keepalive Daemon\n",
		"nft":       "table inet scaleup {\n}\n",
		"apt-cache": "haproxy:\n  Installed: 3.0.11-1\n  Candidate: 3.0.12-1\n",
	})
	haproxy(t, s)
	site := httptest.NewTLSServer(http.NotFoundHandler())
	defer site.Close()
	at := site.Listener.Addr().(*net.TCPAddr).AddrPort()
	got := Read(t.Context(), s.System, Ask{
		Units: true, Rules: true, Balancer: true, Configs: []string{"/etc/haproxy/haproxy.cfg"}, Upgrades: []string{"haproxy", "keepalived"},
		Wire: at, Name: "www.foobar.com", Refused: []Probe{{To: at}},
	})
	if len(got.Errors) > 0 {
		t.Errorf("errors %v", got.Errors)
	}
	type asked struct {
		Failed   []string
		Configs  map[string]string
		Rules    string
		Packages map[string]Versions
		Balancer *Balancer
		Probes   string
	}
	want := asked{
		[]string{"keepalived.service"}, map[string]string{"/etc/haproxy/haproxy.cfg": "global\n"}, "table inet scaleup {\n}\n",
		map[string]Versions{"haproxy": {"3.0.11-1", "3.0.12-1"}, "keepalived": {}},
		&Balancer{
			Version: "3.0.11-1", Uptime: 100, Sessions: 7, MaxConn: 20900,
			Proxies:  []Proxy{{Name: "public", Kind: "frontend", Rate: 30, Total: 900, Sessions: 5, Errors5xx: 7}, {Name: "web", Kind: "backend", Algorithm: "leastconn", Total: 900}},
			Counters: []Counter{{Backend: "web", Server: "web1", Total: 40, Rate: 2, Check: "L7OK"}},
		},
		"open",
	}
	if got.Wire == nil || got.Wire.Serial == "" || len(got.Probes) != 1 {
		t.Fatalf("certificate %v, probes %v", got.Wire, got.Probes)
	}
	if diff := cmp.Diff(want, asked{got.Failed, got.Configs, got.Rules, got.Packages, got.Balancer, got.Probes[0].What}); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	slices.Sort(ran.ran)
	commands := []string{"apt-cache policy haproxy keepalived", "nft list table inet scaleup", "systemctl list-units --failed --plain --no-legend"}
	if diff := cmp.Diff(commands, ran.ran); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

// haproxy answers on the server's admin socket until the test ends.
func haproxy(t *testing.T, s server) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(haproxyctl.AdminSocket)), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", s.path(haproxyctl.AdminSocket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	answers := map[string]string{
		"show info\n": "Name: HAProxy\nVersion: 3.0.11-1\nUptime_sec: 100\nMaxconn: 20900\nCurrConns: 7\n",
		"show stat -1 7 -1\n": "# pxname,svname,scur,stot,rate,check_status,hrsp_5xx,req_rate,req_tot,mode,algo\n" +
			"public,FRONTEND,5,40,2,,7,30,900,http,\nweb,web1,5,40,2,L7OK,7,,38,http,\nweb,BACKEND,,900,,,,,,http,leastconn\n",
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			if command, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
				conn.Write([]byte(answers[command]))
			}
			conn.Close()
		}
	}()
}

// Each failure is told by name, and the rest is read.
func TestReadErrors(t *testing.T) {
	s, _ := container(t, nil)
	for _, file := range []string{"loadavg", "meminfo", "stat", "uptime", "net/tcp", "sys/kernel/osrelease"} {
		if err := os.Remove(s.path("/proc/" + file)); err != nil {
			t.Fatal(err)
		}
	}
	got := Read(t.Context(), s.System, Ask{
		Units: true, Rules: true, Balancer: true, Upgrades: []string{"haproxy"}, MySQL: []string{"sync_binlog"}, TryWrite: true,
		Configs: []string{"/etc/haproxy/haproxy.cfg", "/etc/haproxy/tls/site.pem"}, Wire: nettest.Refusing(t),
	})
	var names []string
	for name, why := range got.Errors {
		names = append(names, name)
		if why == "" {
			t.Errorf("%s: without a reason", name)
		}
	}
	slices.Sort(names)
	want := []string{"balancer", "configs", "failed", "host", "kernel", "listeners", "load", "memory", "mysql", "packages", "rules", "uptime", "wire", "write"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if len(got.Disks) != 1 || len(got.Configs) != 1 {
		t.Errorf("disks %v, configurations %v: want what can be read", got.Disks, got.Configs)
	}
}

// A program that hangs is an error of its own.
func TestReadDoesNotWaitForever(t *testing.T) {
	s, _ := container(t, nil)
	synctest.Test(t, func(t *testing.T) {
		s.Run = func(ctx context.Context, c resource.Command) ([]byte, error) {
			<-ctx.Done()
			return nil, &resource.ExitError{Argv: c.Argv, Code: -1}
		}
		began := time.Now()
		got := Read(t.Context(), s.System, Ask{Units: true, Configs: []string{"/etc/haproxy/haproxy.cfg"}})
		if took := time.Since(began); took != patience {
			t.Errorf("took %s, want %s", took, patience)
		}
		if want := "systemctl: context deadline exceeded"; got.Errors["failed"] != want || len(got.Errors) != 1 || len(got.Configs) != 1 {
			t.Errorf("errors %v, want %q; configurations %v", got.Errors, want, got.Configs)
		}
	})
}
