package lab

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOpenRefuses(t *testing.T) {
	good := netip.MustParsePrefix("10.99.0.0/24")
	for name, c := range map[string]Config{
		"empty name":    {Subnet: good},
		"upper case":    {Name: "Lab", Subnet: good},
		"path":          {Name: "../lab", Subnet: good},
		"no subnet":     {Name: "lab"},
		"host address":  {Name: "lab", Subnet: netip.MustParsePrefix("10.99.0.1/24")},
		"IPv6":          {Name: "lab", Subnet: netip.MustParsePrefix("fd00::/64")},
		"name too long": {Name: strings.Repeat("a", 21), Subnet: good},
	} {
		if _, err := Open(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCheckArchitecture(t *testing.T) {
	if err := checkArchitecture("amd64"); err != nil {
		t.Error(err)
	}
	var p *Problem
	if err := checkArchitecture("riscv64"); !errors.As(err, &p) || !strings.Contains(p.Reason, "riscv64") || p.Hint() == "" {
		t.Errorf("got %v, want a problem that names riscv64 and a hint", err)
	}
}

func testable(t *testing.T, subnet string) *Lab {
	t.Helper()
	return &Lab{dir: t.TempDir(), name: "unit", subnet: netip.MustParsePrefix(subnet), log: func(string, string) {}}
}

// The loopback network is always there and always somebody else's.
func TestSubnetTaken(t *testing.T) {
	err := testable(t, "127.0.0.0/16").checkSubnet("su-unit")
	var p *Problem
	if !errors.As(err, &p) || !strings.Contains(p.Reason, "interface lo") || p.Fix == "" {
		t.Errorf("got %v, want a problem that names the interface lo and a fix", err)
	}
}

// The name of an interface that is not a lab's is refused.
func TestBridgeTaken(t *testing.T) {
	err := testable(t, "10.99.0.0/24").checkBridge("lo")
	var p *Problem
	if !errors.As(err, &p) || !strings.Contains(p.Reason, "lo is there already") {
		t.Errorf("got %v, want a problem that names lo", err)
	}
	if err := testable(t, "10.99.0.0/24").checkBridge("su-not-there"); err != nil {
		t.Error(err)
	}
}

func TestDiskTooSmall(t *testing.T) {
	l := testable(t, "10.99.0.0/24")
	machines := make([]Machine, 1<<20)
	err := l.checkSpace(newLayerSet(l, nil), machines)
	var p *Problem
	if !errors.As(err, &p) || !strings.Contains(p.Reason, "disk space") || !strings.Contains(p.Fix, "--lab-dir") {
		t.Errorf("got %v, want a problem about disk space", err)
	}
}

func TestFreeSpaceOfMissingFolder(t *testing.T) {
	dir := t.TempDir()
	free, at, err := freeSpace(filepath.Join(dir, "not/there/yet"))
	if err != nil || at != dir || free == 0 {
		t.Errorf("got %d bytes at %s, %v, want some at %s", free, at, err, dir)
	}
}

// The one who waits learns whom it waits for, and gives up with ctx.
func TestLockTellsHolder(t *testing.T) {
	l := testable(t, "10.99.0.0/24")
	var said []string
	l.log = func(_, message string) { said = append(said, message) }
	unlock, err := l.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.lock(ctx); err == nil || !strings.Contains(err.Error(), "by process ") {
		t.Errorf("got %v, want an error that names the holder", err)
	}
	if len(said) != 1 || !strings.Contains(said[0], "waiting for lab unit, which is in use by process ") {
		t.Errorf("said %q", said)
	}
	unlock()
	again, err := l.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// A folder without a record is half made: no machine.
func TestHalfMadeMachine(t *testing.T) {
	l := testable(t, "10.99.0.0/24")
	if err := os.MkdirAll(filepath.Join(l.machineDir("web1"), "upper"), 0o755); err != nil {
		t.Fatal(err)
	}
	machines := []Machine{{Name: "web1", Role: "web", Address: netip.MustParseAddr("10.99.0.31")}}
	missing, err := l.unmade(machines)
	if err != nil || len(missing) != 1 {
		t.Fatalf("got %v, %v, want web1 to be made", missing, err)
	}
	check(t, l.writeRecord(record{Name: "web1", Role: "web", Address: machines[0].Address}))
	if missing, err = l.unmade(machines); err != nil || len(missing) != 0 {
		t.Errorf("got %v, %v, want nothing to be made", missing, err)
	}
	machines[0].Role = "database"
	var p *Problem
	if _, err = l.unmade(machines); !errors.As(err, &p) {
		t.Errorf("got %v, want a problem: the machine has another role", err)
	}
}
