//go:build lab && full

package test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLabFullRefusals is what is wrong with the computer before anything is
// made: one sentence, a way out, and nothing left behind.
func TestLabFullRefusals(t *testing.T) {
	freshSite(t, ha)
	for _, step := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"subnet taken", testSubnetTaken},
		{"bridge name taken", testBridgeTaken},
		{"no disk space", testNoDisk},
		{"no package mirror", testNoMirror},
		{"no root", testNoRoot},
	} {
		t.Run(step.name, func(t *testing.T) {
			step.run(t)
			if left := traces("foobar-ha"); len(left) > 0 {
				t.Errorf("these are left behind:\n%s", strings.Join(left, "\n"))
				if err := purge(ha); err != nil { // the next one wants to begin anew
					t.Error(err)
				}
			}
		})
	}
}

// someonesBridge is a network interface that is not scaleup's.
func someonesBridge(t *testing.T, name string) {
	t.Helper()
	command(t, "ip", "link", "add", name, "type", "bridge")
	t.Cleanup(func() { command(t, "ip", "link", "delete", name) })
	command(t, "ip", "link", "set", name, "alias", "somebody else's")
}

func testSubnetTaken(t *testing.T) {
	someonesBridge(t, "sutest-taken")
	command(t, "ip", "address", "add", "10.77.0.200/24", "dev", "sutest-taken")
	oneSentence(t, ha.scaleup(t, "up"), 1, "10.77.0.0/24", "sutest-taken")
}

func testBridgeTaken(t *testing.T) {
	someonesBridge(t, "su-foobar-ha")
	oneSentence(t, ha.scaleup(t, "up"), 1, "su-foobar-ha")
	if _, err := os.Stat("/sys/class/net/su-foobar-ha"); err != nil {
		t.Errorf("somebody else's interface is gone: %v", err)
	}
	// down must not take it, either.
	if r := ha.scaleup(t, "down", "--purge", "--yes"); r.code == 0 {
		t.Log("down finds nothing of its own")
	}
	if _, err := os.Stat("/sys/class/net/su-foobar-ha"); err != nil {
		t.Errorf("down has removed somebody else's interface: %v", err)
	}
}

func testNoDisk(t *testing.T) {
	dir := diskDir(t)
	command(t, "mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", dir)
	t.Cleanup(func() { command(t, "umount", dir) })
	oneSentence(t, ha.scaleup(t, "up", "--lab-dir", dir), 1, "MB", "--lab-dir")
}

// testNoMirror gives apt a proxy that nobody is. The computer's own settings
// are left out: they might name another.
func testNoMirror(t *testing.T) {
	dir := diskDir(t)
	config := filepath.Join(t.TempDir(), "apt.conf")
	const dead = "Dir::Etc::main \"/dev/null\";\nDir::Etc::parts \"/nonexistent\";\n" +
		"Acquire::http::Proxy \"http://127.0.0.1:9\";\nAcquire::https::Proxy \"http://127.0.0.1:9\";\n"
	if err := os.WriteFile(config, []byte(dead), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("APT_CONFIG", config)
	r := ha.scaleup(t, "up", "--lab-dir", dir)
	oneSentence(t, r, 1)
	if r.took > 2*time.Minute {
		t.Errorf("it took %s to find out", r.took)
	}
	ha.must(t, 0, "down", "--purge", "--yes", "--lab-dir", dir)
}

// testNoRoot runs it as nobody, who can read all it needs.
func testNoRoot(t *testing.T) {
	dir, err := os.MkdirTemp("", "scaleup-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	root := repository(t)
	if err := errors.Join(
		os.CopyFS(filepath.Join(dir, "foobar/static"), os.DirFS(filepath.Join(root, "foobar/static"))),
		os.CopyFS(filepath.Join(dir, "foobar/release"), os.DirFS(filepath.Join(root, "foobar/release"))),
	); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(filepath.Join(root, "bin/scaleup"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(root, ha.file))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "scaleup"), binary, 0o755),
		os.WriteFile(filepath.Join(dir, "site.yaml"), []byte(strings.ReplaceAll(string(example), "../foobar/", "foobar/")), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	command(t, "chown", "-R", "65534:65534", dir)
	command(t, "chmod", "-R", "u=rwX,go=rX", dir)
	cmd := exec.CommandContext(t.Context(), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
		filepath.Join(dir, "scaleup"), "up", "-f", filepath.Join(dir, "site.yaml"), "--lab-dir", filepath.Join(dir, "lab"))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String()}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		r.code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	oneSentence(t, r, 1, "root", "sudo")
}
