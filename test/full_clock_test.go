//go:build lab && full

package test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The machines of a lab have one clock, their computer's. So the program that tells a
// server's time, scaleup itself, is run on that server by test/clockshift.
const shifted = `set -eu
real=/usr/local/lib/scaleup/%[1]x/scaleup
cat >/root/clockshift
cp $real /root/scaleup
printf '#!/bin/sh\nexec /root/clockshift 1h /root/scaleup "$@"\n' >/root/wrapped
chmod +x /root/clockshift /root/wrapped
mount --bind /root/wrapped $real`

const unshifted = `set -eu
umount /usr/local/lib/scaleup/%[1]x/scaleup
rm /root/clockshift /root/scaleup /root/wrapped`

// wrongClock has a server's clock go an hour fast.
func wrongClock(server string) func(*testing.T) {
	return func(t *testing.T) {
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
		feed(t, server, program, fmt.Sprintf(shifted, digest(t)))
	}
}

// rightClock ends that.
func rightClock(server string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		shell(server, fmt.Sprintf(unshifted, digest(t)))(t)
	}
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

// feed runs a line on a server, with that on its standard input.
func feed(t *testing.T, server string, input []byte, line string) {
	t.Helper()
	cmd := exec.Command("bin/scaleup", "exec", "-f", ha.file, server, "--", "sh", "-c", line)
	cmd.Dir, cmd.Stdin = repository(t), bytes.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s on %s: %v: %s", line, server, err, out)
	}
}
