package main

import (
	"os"
	"testing"
)

// This test's own program is static when cgo is off; sh never is on Debian.
func TestNeedsInterpreter(t *testing.T) {
	if got, err := needsInterpreter("/bin/sh"); err != nil || !got {
		t.Errorf("/bin/sh: %t, %v; want a dynamic program", got, err)
	}
	path := t.TempDir() + "/script"
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := needsInterpreter(path); err == nil {
		t.Error("a script is read as a program")
	}
}
