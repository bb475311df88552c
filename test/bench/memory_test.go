package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestPSS(t *testing.T) {
	const rollup = "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:            5000 kB\nPss:            1234 kB\nPss_Anon:        900 kB\n"
	if got := pss(rollup); got != 1234*1024 {
		t.Errorf("PSS is %v bytes, want %v", got, 1234*1024)
	}
	if got := pss(""); got != 0 {
		t.Errorf("a process without pages has %v bytes", got)
	}
}

// This process stands in for a machine's.
func TestProcessMemoryWalksTheGroups(t *testing.T) {
	root := t.TempDir()
	group := filepath.Join(root, "web1", "payload", "system.slice")
	if err := os.MkdirAll(group, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := processMemory(root); err == nil {
		t.Error("a lab without processes has a memory")
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := processMemory(root)
	if err != nil || got < 1<<20 {
		t.Errorf("%v bytes (%v), want at least a MiB", got, err)
	}
}

func TestControllerMemory(t *testing.T) {
	root := t.TempDir()
	for server, bytes := range map[string]string{"web1": "1048576\n", "web2": "2097152\n"} {
		if err := os.MkdirAll(filepath.Join(root, server), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, server, "memory.current"), []byte(bytes), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := controllerMemory(root); err != nil || got != 3<<20 {
		t.Errorf("%v bytes (%v), want %v", got, err, 3<<20)
	}
}
