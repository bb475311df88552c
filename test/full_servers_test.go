//go:build lab && full

package test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// servers is the site of real servers. Here they are bare machines of a lab that
// know nothing of scaleup.
var servers = site{"examples/servers.yaml"}

// The operator's address on the bridge of servers.yaml's lab.
const bareGateway = "10.79.0.1"

// TestLabFullServers is the site on nine servers that are reached over SSH as a
// user with sudo.
func TestLabFullServers(t *testing.T) {
	freshSite(t, servers)
	keys := filepath.Join(repository(t), "examples/.scaleup/foobar-bare")
	t.Cleanup(func() { os.RemoveAll(keys) })
	r := servers.must(t, 0, "lab", "bare")
	t.Logf("nine bare machines took %.1f s", r.took.Seconds())
	m := startMirror(t, bareGateway)
	all := bareMachines(t)
	if len(all) != 9 {
		t.Fatalf("%s names %d servers, want nine", servers.file, len(all))
	}
	prepare(t, all, m)

	for _, step := range []struct {
		name string
		run  func(*testing.T, []machine)
	}{
		{"a wrong host key", testWrongHostKey},
		{"up", testServersUp},
		{"SSH is open to everyone", testOpenSSH},
		{"a clock that nobody keeps", testUnkeptClock},
		{"a firewall that locks the operator out", testLockOut},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, all) }) {
			t.Fatalf("%q failed; what follows builds on it", step.name)
		}
	}
	t.Logf("the mirror passed on %d files, %d MB", m.files.Load(), m.bytes.Load()>>20)
	servers.must(t, 0, "down", "--purge", "--yes")
}

// machine is a server as the operator's SSH sees it.
type machine struct{ name, address string }

var serverLine = regexp.MustCompile(`(?m)^\s+(\w+):\s+\{role: \w+,\s+address: ([0-9.]+)\}`)

func bareMachines(t *testing.T) []machine {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository(t), servers.file))
	if err != nil {
		t.Fatal(err)
	}
	var all []machine
	for _, m := range serverLine.FindAllStringSubmatch(string(content), -1) {
		all = append(all, machine{m[1], m[2]})
	}
	return all
}

// ssh runs a command line on a machine with OpenSSH: no part of scaleup is in it.
func (m machine) ssh(line, stdin string) (string, error) {
	state, err := filepath.Abs("../examples/.scaleup/foobar-bare")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("ssh", "-F", "/dev/null", "-i", filepath.Join(state, "id_ed25519"), "-o", "IdentitiesOnly=yes",
		"-o", "UserKnownHostsFile="+filepath.Join(state, "known_hosts"), "-o", "StrictHostKeyChecking=yes",
		"-o", "BatchMode=yes", "-o", "ConnectTimeout=2", "-o", "LogLevel=ERROR", "admin@"+m.address, line)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("ssh %s %q: %w: %s", m.name, line, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// onEach does something on all machines at once.
func onEach(all []machine, do func(machine) error) error {
	failures := make([]error, len(all))
	var wait sync.WaitGroup
	for i, m := range all {
		wait.Go(func() { failures[i] = do(m) })
	}
	wait.Wait()
	return errors.Join(failures...)
}

// prepare gives the machines what a rented server has: package sources that
// answer, and their lists. It makes sure that they have nothing else.
func prepare(t *testing.T, all []machine, m *mirror) {
	t.Helper()
	settings := m.machineSettings(t)
	err := onEach(all, func(at machine) error {
		if out, err := at.ssh("! ls -d /usr/local/lib/scaleup /etc/scaleup /usr/sbin/haproxy /usr/sbin/nginx /usr/sbin/mysqld 2>/dev/null", ""); err != nil {
			return fmt.Errorf("%s is not bare, it has %s: %w", at.name, strings.Fields(out), err)
		}
		for _, step := range []struct{ line, stdin string }{
			{"sudo rm -rf /etc/apt/sources.list.d && sudo mkdir /etc/apt/sources.list.d", ""},
			{"sudo tee /etc/apt/sources.list >/dev/null", "deb " + m.url + " trixie main\n"},
			{"sudo tee /etc/apt/apt.conf.d/zz-practice >/dev/null", settings},
			{"sudo apt-get update -q", ""},
		} {
			if _, err := at.ssh(step.line, step.stdin); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testServersUp(t *testing.T, _ []machine) {
	up := servers.must(t, 0, "up")
	s := servers.status(t)
	if !s.Healthy || len(s.Servers) != 9 {
		t.Fatalf("healthy %t, %d servers: %s", s.Healthy, len(s.Servers), s.Verdict)
	}
	u := servers.user(t)
	if _, err := u.get("/"); err != nil {
		t.Error(err)
	}
	path, err := u.order("on-real-servers-0001")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.get(path); err != nil {
		t.Error(err)
	}
	servers.must(t, 0, "plan")
	second := servers.must(t, 0, "apply")
	if !strings.Contains(second.stdout, "nothing to do") {
		t.Errorf("the second apply did something:\n%s", second.stdout)
	}
	t.Logf("up on nine bare servers took %.1f s, the second apply %.2f s", up.took.Seconds(), second.took.Seconds())
}

// variant is servers.yaml with a change, beside it, so that it is the same site.
func variant(t *testing.T, old, new string) site {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository(t), servers.file))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(content), old) != 1 {
		t.Fatalf("%s does not say %q once", servers.file, old)
	}
	file := fmt.Sprintf("examples/.test-servers-%d.yaml", os.Getpid())
	path := filepath.Join(repository(t), file)
	if err := os.WriteFile(path, []byte(strings.Replace(string(content), old, new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return site{file}
}

// testOpenSSH looks for the remark of check on SSH that the file allows from everywhere,
// and for its end when only the operator's network is let in.
func testOpenSSH(t *testing.T, _ []machine) {
	open := func(s site) bool {
		return slices.ContainsFunc(s.findings(t), func(f finding) bool { return f.ID == "ssh-open" && f.Severity == "info" })
	}
	if !open(servers) {
		t.Error("check says nothing of SSH that is open to everyone")
	}
	narrow := variant(t, "allow: [0.0.0.0/0]", "allow: [10.79.0.0/24]")
	narrow.must(t, 0, "apply", "--yes")
	if open(narrow) {
		t.Error("check remarks on SSH that is open to the operator's network only")
	}
	servers.must(t, 0, "apply", "--yes")
}

// testLockOut applies a firewall that lets nobody in any more.
func testLockOut(t *testing.T, all []machine) {
	u := servers.user(t)
	locked := variant(t, "allow: [0.0.0.0/0]", "allow: [192.0.2.0/24]")
	r := locked.scaleup(t, "apply")
	failed := time.Now()
	if lines := said(r); r.code != 1 || len(lines) == 0 || !strings.HasPrefix(lines[0], "scaleup: ") || !strings.Contains(lines[0], "ssh.allow") {
		t.Errorf("a firewall that locks the operator out: code %d, want 1 and the reason:\n%s", r.code, r.stderr)
	}
	if hints := strings.Count(r.stderr, "  hint: "); hints != 1 {
		t.Errorf("%d hints, want one:\n%s", hints, r.stderr)
	}
	if _, err := u.get("/menu"); err != nil {
		t.Errorf("the site, meanwhile: %v", err)
	}
	eventually(t, 40*time.Second, func() error {
		return onEach(all, func(m machine) error {
			_, err := m.ssh("true", "")
			return err
		})
	})
	t.Logf("apply failed after %.1f s, all servers were reachable %.1f s later", r.took.Seconds(), time.Since(failed).Seconds())
	if r := servers.scaleup(t, "plan"); r.code != 0 && r.code != 2 {
		t.Errorf("plan after the way back: code %d:\n%s", r.code, r.stderr)
	}
	servers.must(t, 0, "apply")
	servers.must(t, 0, "plan")
	servers.awaitHealthy(t, 30*time.Second)
}

// testWrongHostKey has one server answer with another one's key, as somebody in
// between would.
func testWrongHostKey(t *testing.T, all []machine) {
	state := filepath.Join(repository(t), "examples/.scaleup/foobar-bare")
	content, err := os.ReadFile(filepath.Join(state, "known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for line := range strings.Lines(string(content)) {
		address, key, _ := strings.Cut(strings.TrimSpace(line), " ")
		keys[address] = key
	}
	victim, other := all[0], all[len(all)-1]
	if keys[victim.address] == "" || keys[other.address] == "" {
		t.Fatalf("known_hosts lacks %s or %s", victim.name, other.name)
	}
	wrong := strings.Replace(string(content), victim.address+" "+keys[victim.address], victim.address+" "+keys[other.address], 1)
	path := filepath.Join(state, "known_hosts.wrong")
	if err := os.WriteFile(path, []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	deceived := variant(t, "known_hosts: .scaleup/foobar-bare/known_hosts", "known_hosts: .scaleup/foobar-bare/known_hosts.wrong")
	oneSentence(t, deceived.scaleup(t, "apply"), 1, victim.name, "host key")
	// One doubtful server is reason enough to touch none.
	err = onEach(all, func(m machine) error {
		_, err := m.ssh("! ls -d /usr/local/lib/scaleup 2>/dev/null", "")
		return err
	})
	if err != nil {
		t.Errorf("servers were touched although a host key is wrong: %v", err)
	}
}
