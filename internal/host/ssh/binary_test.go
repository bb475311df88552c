package ssh

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newEd25519(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pushTo runs the real script as a server's shell would, for a machine of this
// build's own kind.
func pushTo(t *testing.T, dir string, digest, machine string, content []byte) (string, error) {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", pushScript, "push", digest, machine, dir)
	cmd.Stdin = bytes.NewReader(content)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestPushScript(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lib", "scaleup")
	b := newBinary(t, "the binary")
	for range 2 { // the repeated push is fine
		if out, err := pushTo(t, dir, b.Digest, b.Machine(), []byte("the binary")); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	path := filepath.Join(dir, b.Digest, "scaleup")
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "the binary" {
		t.Errorf("stored %q, %v", content, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o755 {
		t.Errorf("mode %v, %v, want 0755", info.Mode(), err)
	}
}

func TestPushScriptRefuses(t *testing.T) {
	b := newBinary(t, "the binary")
	for _, c := range []struct{ name, machine, content, want string }{
		{"damaged", b.Machine(), "the bin", "the binary arrived damaged"},
		{"another machine", "vax", "the binary", "the binary is for vax; build scaleup for it"},
	} {
		dir := t.TempDir()
		out, err := pushTo(t, dir, b.Digest, c.machine, []byte(c.content))
		if err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v, output %q, want %q", c.name, err, out, c.want)
		}
		if _, err := os.Stat(filepath.Join(dir, b.Digest, "scaleup")); err == nil {
			t.Errorf("%s: stored", c.name)
		}
	}
}

// A binary that is there stays whole when a later push of it is cut off.
func TestPushScriptCutOff(t *testing.T) {
	dir := t.TempDir()
	b := newBinary(t, "the binary")
	for _, content := range []string{"the binary", "the b"} {
		_, err := pushTo(t, dir, b.Digest, b.Machine(), []byte(content))
		if (err == nil) != (content == "the binary") {
			t.Fatalf("pushing %q: %v", content, err)
		}
	}
	if content, err := os.ReadFile(filepath.Join(dir, b.Digest, "scaleup")); err != nil || string(content) != "the binary" {
		t.Errorf("stored %q, %v", content, err)
	}
}

func TestPushScriptKeepsFour(t *testing.T) {
	dir := t.TempDir()
	var digests []string
	for i, content := range []string{"1", "2", "3", "4", "5"} {
		b := newBinary(t, content)
		if out, err := pushTo(t, dir, b.Digest, b.Machine(), []byte(content)); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		at := time.Now().Add(time.Duration(i-10) * time.Minute)
		if err := os.Chtimes(filepath.Join(dir, b.Digest), at, at); err != nil {
			t.Fatal(err)
		}
		digests = append(digests, b.Digest)
	}
	for i, digest := range digests {
		_, err := os.Stat(filepath.Join(dir, digest, "scaleup"))
		if kept := err == nil; kept != (i > 0) {
			t.Errorf("binary %d of 5 is kept: %t", i+1, kept)
		}
	}
}
