//go:build lab && full

package test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// progressLine is what standard error shows of work under way: time, server, what.
var progressLine = regexp.MustCompile(`^\s*[0-9]+\.[0-9] s  `)

// said are the lines of standard error that are not progress.
func said(r result) []string {
	var lines []string
	for line := range strings.Lines(r.stderr) {
		if line = strings.TrimRight(line, "\n"); line != "" && !progressLine.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// oneSentence wants a refusal as a user should see it: the reason in one line,
// a way out in a second, an exit code, and the words that name what is wrong.
func oneSentence(t *testing.T, r result, code int, words ...string) {
	t.Helper()
	lines := said(r)
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "scaleup: ") || !strings.HasPrefix(lines[1], "  hint: ") {
		t.Errorf("want one sentence and one hint, got:\n%s", strings.Join(lines, "\n"))
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("the error does not say %q:\n%s", w, r.stderr)
		}
	}
	t.Logf("after %.1f s: %s", r.took.Seconds(), strings.Join(lines, " | "))
}

// freshSite starts a test without the site's lab and ends it without it.
func freshSite(t *testing.T, s site) {
	t.Helper()
	needRoot(t)
	s.must(t, 0, "down", "--purge", "--yes")
	t.Cleanup(func() {
		if r := purge(s); r != nil {
			t.Errorf("take the lab down: %v", r)
		}
		if left := traces(labOf(s)); len(left) > 0 {
			t.Errorf("these are left behind:\n%s", strings.Join(left, "\n"))
		}
	})
}

// purge works without a test's context, which has ended when cleanups run.
func purge(s site) error {
	cmd := exec.Command("bin/scaleup", "down", "-f", s.file, "--purge", "--yes")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// labOf is the name of a site's lab.
func labOf(s site) string {
	if s == servers {
		return "foobar-bare"
	}
	return "foobar-ha"
}

// labDir is where labs are kept, as scaleup decides it.
func labDir() string {
	if dir := os.Getenv("SCALEUP_LAB_DIR"); dir != "" {
		return dir
	}
	return "/var/lib/scaleup"
}

// diskDir is a folder beside the labs', since /tmp may be memory, which overlay
// mounts cannot be made of.
func diskDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/lib", "scaleup-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// bridges are the network bridges that say they are a lab's.
func bridges(lab string) []string {
	aliases, _ := filepath.Glob("/sys/class/net/*/ifalias")
	var found []string
	for _, file := range aliases {
		if alias, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(alias), "scaleup:"+lab+":") {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}

// disks are the files of a lab that loop devices stand for, once for each device.
func disks(lab string) []string {
	backings, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	var found []string
	for _, file := range backings {
		if path, err := os.ReadFile(file); err == nil && strings.Contains(string(path), "labs/"+lab+"/") {
			found = append(found, strings.TrimSpace(string(path)))
		}
	}
	return found
}

// keepers are the processes that hold a lab's machines: systemd-nspawn, by the
// machine's name.
func keepers(lab string) map[string][]int {
	found := map[string][]int{}
	for pid, argv := range processes() {
		if filepath.Base(argv[0]) != "systemd-nspawn" {
			continue
		}
		for _, arg := range argv {
			root, ok := strings.CutPrefix(arg, "--directory=")
			if _, rest, mine := strings.Cut(root, "labs/"+lab+"/machines/"); ok && mine {
				name, _, _ := strings.Cut(rest, "/")
				found[name] = append(found[name], pid)
			}
		}
	}
	return found
}

// processes are all of the computer's, by number.
func processes() map[int][]string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	all := map[int][]string{}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil || len(line) == 0 {
			continue
		}
		pid := 0
		if _, err := fmt.Sscanf(filepath.Base(filepath.Dir(file)), "%d", &pid); err == nil {
			all[pid] = strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		}
	}
	return all
}

// cgroupsOf are the machines that have a control group.
func cgroupsOf(lab string) []string {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	var found []string
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			groups, _ := filepath.Glob(filepath.Join(f[1], "scaleup", lab, "*", "cgroup.procs"))
			for _, g := range groups {
				found = append(found, filepath.Base(filepath.Dir(g)))
			}
			break
		}
	}
	return found
}

// mountsOf are the computer's own mounts of a lab: there are to be none, for a
// machine's are in its own namespace.
func mountsOf(lab string) []string {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	var found []string
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "labs/"+lab+"/") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// traces is whatever a lab has on the computer beside files.
func traces(lab string) []string {
	var found []string
	add := func(what string, names []string) {
		for _, n := range names {
			found = append(found, what+" "+n)
		}
	}
	add("bridge", bridges(lab))
	add("disk in use", disks(lab))
	add("control group", cgroupsOf(lab))
	add("mount", mountsOf(lab))
	for name, pids := range keepers(lab) {
		found = append(found, fmt.Sprintf("process of machine %s: %v", name, pids))
	}
	for pid, argv := range processes() {
		if slices.ContainsFunc(argv, func(a string) bool { return strings.Contains(a, "labs/"+lab+"/") }) {
			found = append(found, fmt.Sprintf("process %d: %s", pid, strings.Join(argv, " ")))
		}
	}
	return found
}

// doubled reports what a lab of nine has more or less often than once.
func doubled(lab string, databases int) error {
	var wrong []string
	machines := keepers(lab)
	for name, pids := range machines {
		if len(pids) != 1 {
			wrong = append(wrong, fmt.Sprintf("machine %s runs as processes %v", name, pids))
		}
	}
	if groups := cgroupsOf(lab); len(machines) != 9 || len(groups) != 9 {
		wrong = append(wrong, fmt.Sprintf("%d machines and %d control groups, want 9", len(machines), len(groups)))
	}
	if b := bridges(lab); len(b) != 1 {
		wrong = append(wrong, fmt.Sprintf("bridges %q, want one", b))
	}
	used := disks(lab)
	slices.Sort(used)
	if len(used) != databases || len(slices.Compact(used)) != databases {
		wrong = append(wrong, fmt.Sprintf("disks in use %q, want %d", used, databases))
	}
	if m := mountsOf(lab); len(m) > 0 {
		wrong = append(wrong, fmt.Sprintf("mounts outside of machines: %q", m))
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "\n"))
	}
	return nil
}

// isWhole wants a site that is as its file says, once.
func (s site) isWhole(t *testing.T) {
	t.Helper()
	r := s.status(t)
	if !r.Healthy || len(r.Servers) != 9 {
		t.Fatalf("healthy %t, %d servers: %s", r.Healthy, len(r.Servers), r.Verdict)
	}
	s.must(t, 0, "plan")
	eventually(t, 5*time.Second, func() error { return doubled(labOf(s), 3) })
}

// visitor is a user who opens a new connection for every request and soon gives
// up: one of the crowd, rather than one who waits.
func (s site) visitor(t *testing.T) user {
	t.Helper()
	u := s.user(t)
	u.client.Timeout = 3 * time.Second
	u.client.Transport.(*http.Transport).DisableKeepAlives = true
	return u
}

// answersAgain waits until ten visitors in a row are served, and returns how
// long that took.
func answersAgain(t *testing.T, u user, within time.Duration) time.Duration {
	t.Helper()
	began, served := time.Now(), 0
	var first time.Duration
	eventually(t, within, func() error {
		if _, err := u.get("/api/menu"); err != nil {
			served = 0
			return err
		}
		if served++; served == 1 {
			first = time.Since(began)
		}
		if served < 10 {
			return fmt.Errorf("only %d visitors in a row were served", served)
		}
		return nil
	})
	return first
}

// ordersAgain waits until an order is placed, and returns its path and how long
// that took. Its key stays the same, so that it is placed once.
func ordersAgain(t *testing.T, u user, key string, within time.Duration) (path string, took time.Duration) {
	t.Helper()
	began := time.Now()
	eventually(t, within, func() (err error) {
		path, err = u.order(key)
		return err
	})
	return path, time.Since(began)
}

// command runs a program of the computer.
func command(t *testing.T, argv ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(argv, " "), err, out.String())
	}
}
