//go:build lab && full

package test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The machines of a lab have one clock, their computer's. So the program that tells how a
// server's is, scaleup itself, is run on that server by test/clockshift.
const shifted = `set -eu
real=/usr/local/lib/scaleup/%[1]x/scaleup
cat >/root/clockshift
cp $real /root/scaleup
printf '#!/bin/sh\nexec /root/clockshift %[2]s /root/scaleup "$@"\n' >/root/wrapped
chmod +x /root/clockshift /root/wrapped
mount --bind /root/wrapped $real`

const unshifted = `set -eu
umount /usr/local/lib/scaleup/%[1]x/scaleup
rm /root/clockshift /root/scaleup /root/wrapped`

// wrongClock has a server's clock go an hour fast.
func wrongClock(server string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		ha.setClock(t, server, "-by 1h")
	}
}

// rightClock ends that.
func rightClock(server string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		ha.resetClock(t, server)
	}
}

func (s site) setClock(t *testing.T, server, flags string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clockshift")
	build := exec.Command("go", "build", "-o", path, "./clockshift")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // the server's C library may be another
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build clockshift: %v: %s", err, out)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bin/scaleup", "exec", "-f", s.file, server, "--", "sh", "-c", fmt.Sprintf(shifted, digest(t), flags))
	cmd.Dir, cmd.Stdin = repository(t), bytes.NewReader(program)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("set the clock of %s: %v: %s", server, err, out)
	}
}

func (s site) resetClock(t *testing.T, server string) {
	t.Helper()
	s.on(t, server, "sh", "-c", fmt.Sprintf(unshifted, digest(t)))
}

// digest names the folder of a server in which the tested scaleup is.
func digest(t *testing.T) [sha256.Size]byte {
	t.Helper()
	program, err := os.ReadFile(filepath.Join(repository(t), "bin/scaleup"))
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(program)
}

// testUnkeptClock has a server say that nobody corrects its clock, and then that somebody
// does. Whether it is corrected is asked on real servers only, so that one is no longer a
// container by its own word.
func testUnkeptClock(t *testing.T, _ []machine) {
	const server, marker = "web1", "/run/systemd/container"
	unkept := func() bool {
		return slices.ContainsFunc(servers.findings(t), func(f finding) bool { return f.ID == "clock" && f.Server == server })
	}
	servers.on(t, server, "mv", marker, marker+".away")
	for flags, want := range map[string]bool{"-error 16s": true, "-error 5ms": false} {
		servers.setClock(t, server, flags)
		if got := unkept(); got != want {
			t.Errorf("the clock of %s may be wrong by that much, %s: found %t, want %t", server, flags, got, want)
		}
		servers.resetClock(t, server)
	}
	servers.on(t, server, "mv", marker+".away", marker)
	if unkept() {
		t.Errorf("the clock of %s is still found after all was put back", server)
	}
}
