//go:build lab

package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLab is the life of a site, in one lab: it comes up, serves, changes, loses
// machines and heals, goes down and comes back with its data. The steps build on
// each other.
func TestLab(t *testing.T) {
	needRoot(t)
	ha.must(t, 0, "down", "--purge", "--yes")
	t.Cleanup(func() { ha.scaleup(t, "down", "--purge", "--yes") })
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"up", testUp},
		{"serves over HTTP2", testServes},
		{"second plan and apply are empty", testConverged},
		{"status fits a screen", testScreen},
		{"it answers for itself", testSeen},
		{"front page in a browser", testBrowser},
		{"exec passes arguments and codes", testExec},
		{"seed beside it", testSeed},
		{"a changed release goes through the slots", testRelease},
		{"a broken release never gets traffic", testBrokenRelease},
		{"any one machine may die", testMachines},
		{"power loss of everything", testPowerLoss},
		{"controls: a drill measures what is there, and can fail", testControls},
		{"short drills", testDrills},
		{"a drill that stands still says so", testFrozenTool},
		{"a drill that is killed leaves nothing", testKilledTool},
		{"a drill that is interrupted heals", testInterrupted},
		{"down and up keep the data", testDownUp},
		{"nothing is left behind", testNothingLeft},
	} {
		if !t.Run(step.name, step.run) {
			t.Fatalf("%q failed; what follows builds on it", step.name)
		}
	}
}

func testUp(t *testing.T) {
	r := ha.must(t, 0, "up")
	t.Logf("up took %.1f s\n%s", r.took.Seconds(), r.stdout)
	s := ha.status(t)
	if !s.Healthy || len(s.Servers) != 9 {
		t.Fatalf("status: healthy %t, %d servers: %s", s.Healthy, len(s.Servers), s.Verdict)
	}
	if !strings.Contains(r.stdout, s.URL) || !strings.Contains(r.stdout, s.CA) {
		t.Errorf("up does not print the URL and the CA:\n%s", r.stdout)
	}
}

// placed is where the order of testServes is read again later.
var placed string

func testServes(t *testing.T) {
	u := ha.user(t)
	front, err := u.get("/")
	if err != nil {
		t.Fatal(err)
	}
	if front.proto != 2 {
		t.Errorf("the site answers over HTTP/%d, want 2", front.proto)
	}
	menu, err := u.get("/menu")
	if err != nil || !strings.Contains(menu.body, `href="/order?item=`) {
		t.Errorf("the menu leads to no order (%v): %.300s", err, menu.body)
	}
	if form, err := u.get("/order?item=1"); err != nil || !strings.Contains(form.body, `action="/orders"`) {
		t.Errorf("the order page has no form (%v): %.300s", err, form.body)
	}
	if placed, err = u.order("the-first-order-of-all"); err != nil {
		t.Fatal(err)
	}
	if _, err := u.get(placed); err != nil {
		t.Error(err)
	}
	who, err := u.get("/whoami")
	if err != nil {
		t.Fatal(err)
	}
	var tiers struct{ Web, App, Database string }
	if err := json.Unmarshal([]byte(who.body), &tiers); err != nil {
		t.Fatalf("/whoami: %v: %s", err, who.body)
	}
	for want, got := range map[string]string{"web": tiers.Web, "app": tiers.App, "db": tiers.Database} {
		if !strings.HasPrefix(got, want) {
			t.Errorf("/whoami names %q for a %s server: %s", got, want, who.body)
		}
	}
}

func testConverged(t *testing.T) {
	ha.must(t, 0, "plan")
	r := ha.must(t, 0, "apply")
	if !strings.Contains(r.stdout, "nothing to do") {
		t.Errorf("the second apply did something:\n%s", r.stdout)
	}
	t.Logf("the second apply took %.2f s", r.took.Seconds())
}

func testScreen(t *testing.T) {
	r := ha.must(t, 0, "status")
	lines := strings.Split(strings.TrimRight(r.stdout, "\n"), "\n")
	if len(lines) > 24 || !strings.HasPrefix(lines[0], "healthy") {
		t.Errorf("status has %d lines and opens with %q", len(lines), lines[0])
	}
	for _, l := range lines {
		if len([]rune(l)) > 80 {
			t.Errorf("a line of status has %d columns: %s", len([]rune(l)), l)
		}
	}
}

func testExec(t *testing.T) {
	r := ha.scaleup(t, "exec", "web1", "--", "sh", "-c", `printf '%s|' "$@"; exit 7`, "sh", "a b", "$HOME", `it's "quoted"`, "")
	if want := `a b|$HOME|it's "quoted"||`; r.code != 7 || r.stdout != want {
		t.Errorf("exec: code %d, output %q; want 7 and %q", r.code, r.stdout, want)
	}
}

func testSeed(t *testing.T) {
	t.Cleanup(func() { seed.scaleup(t, "down", "--purge", "--yes") })
	seed.must(t, 0, "up")
	if s := seed.status(t); len(s.Servers) != 5 {
		t.Errorf("the brief's site has %d servers, want 5", len(s.Servers))
	}
	for name, s := range map[string]site{"seed": seed, "ha": ha} {
		if _, err := s.user(t).get("/menu"); err != nil {
			t.Errorf("%s, while both run: %v", name, err)
		}
	}
	seed.must(t, 0, "plan")
	var single []string
	for _, f := range serious(seed.findings(t)) {
		if f.ID != "spof" {
			t.Errorf("the brief's site has another weakness: %+v", f)
		}
		single = append(single, f.Server)
	}
	if slices.Sort(single); !slices.Equal(single, []string{"app1", "db1", "web1"}) {
		t.Errorf("single points of failure are %v, want web1, app1 and db1", single)
	}
	seed.must(t, 2, "check")
	seed.must(t, 0, "down", "--purge", "--yes")
}

// testMachines cuts the power of one machine at a time.
func testMachines(t *testing.T) {
	u := ha.user(t)
	for _, server := range []string{"lb1", "lb2", "web1", "web2", "app1", "app2"} {
		ha.must(t, 0, "lab", "off", server)
		// What was under way may fail; after that everything is answered.
		eventually(t, 10*time.Second, func() error { _, err := u.get("/api/menu"); return err })
		for range 20 {
			if _, err := u.get("/api/menu"); err != nil {
				t.Errorf("with %s off: %v", server, err)
			}
		}
		if _, err := u.order("while-" + server + "-is-off-0001"); err != nil {
			t.Errorf("with %s off: %v", server, err)
		}
		if r := ha.scaleup(t, "status"); r.code != 2 || r.took > 6*time.Second { // gross: a computer may be slow
			t.Errorf("status with %s off: code %d after %s, want 2 soon", server, r.code, r.took)
		}
		ha.must(t, 0, "lab", "on", server)
		ha.awaitHealthy(t, 60*time.Second)
	}
	ha.must(t, 0, "plan")
}

func testPowerLoss(t *testing.T) {
	var all []string
	for _, s := range ha.status(t).Servers {
		all = append(all, s.Name)
	}
	ha.must(t, 0, append([]string{"lab", "off"}, all...)...)
	ha.must(t, 0, append([]string{"lab", "on"}, all...)...)
	ha.awaitHealthy(t, 90*time.Second)
	if _, err := ha.user(t).get(placed); err != nil {
		t.Errorf("after a power loss of everything: %v", err)
	}
}

func testDownUp(t *testing.T) {
	down := ha.must(t, 0, "down")
	if r := ha.scaleup(t, "status"); r.code != 2 {
		t.Errorf("status while down: code %d, want 2", r.code)
	}
	ha.must(t, 2, "plan")
	up := ha.must(t, 0, "up")
	t.Logf("down took %.1f s, up with data %.1f s", down.took.Seconds(), up.took.Seconds())
	ha.must(t, 0, "plan")
	if _, err := ha.user(t).get(placed); err != nil {
		t.Errorf("after down and up: %v", err)
	}
}

func testNothingLeft(t *testing.T) {
	ha.must(t, 0, "down", "--purge", "--yes")
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), "foobar-ha") {
		t.Errorf("mounts are left:\n%s", mounts)
	}
	links, err := filepath.Glob("/sys/class/net/*/bridge")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if alias, err := os.ReadFile(filepath.Join(filepath.Dir(l), "ifalias")); err == nil && strings.Contains(string(alias), "foobar-ha") {
			t.Errorf("bridge %s is left", l)
		}
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		if line, err := os.ReadFile(p); err == nil && strings.Contains(string(line), "labs/foobar-ha") {
			t.Errorf("a process is left: %s", strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
}

// withRelease is the site with another app release, in a file of its own beside
// the example, so that the state folder is the same.
func withRelease(t *testing.T, release string) site {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository(t), ha.file))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(content), "../foobar/release", release, 1)
	if changed == string(content) {
		t.Fatalf("%s does not name ../foobar/release", ha.file)
	}
	file := fmt.Sprintf("examples/.test-%d.yaml", os.Getpid())
	path := filepath.Join(repository(t), file)
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	return site{file}
}

// copyRelease copies the built release into a fresh folder.
func copyRelease(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	binary, err := os.ReadFile(filepath.Join(repository(t), "foobar/release/foobar"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "foobar"), binary, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
