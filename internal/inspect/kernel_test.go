package inspect

import (
	"os"
	"strings"
	"testing"

	"scaleup/internal/resource"
)

func fixture(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestParseMemory(t *testing.T) {
	got, err := ParseMemory(fixture(t, "meminfo.txt"))
	if want := (Memory{Total: 24683620 << 10, Available: 22025272 << 10}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, text := range []string{"", "MemTotal: 5 kB", "MemTotal: five kB\nMemAvailable: 4 kB"} {
		if got, err := ParseMemory(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, got)
		}
	}
}

// A container that was started 600.5 s after its host's kernel.
func TestUptimeOf(t *testing.T) {
	const first = "1 (systemd) S 0 1 1 0 -1 4194560 25000 900 10 3 40 50 1000 200 20 0 1 0 60050 170000000 3000"
	for _, c := range []struct {
		first, uptime string
		want          int64
		fails         bool
	}{
		{first, "18154.27 35000.11", 17553, false},
		{first, "", 0, true},
		{"1 (systemd) S", "18154.27 35000.11", 0, true},
		{strings.Replace(first, "60050", "soon", 1), "18154.27 35000.11", 0, true},
	} {
		if got, err := uptimeOf(c.first, c.uptime); got != c.want || (err != nil) != c.fails {
			t.Errorf("%q, %q: %d, %v; want %d, failing %t", c.first, c.uptime, got, err, c.want, c.fails)
		}
	}
}

func TestSyncedBy(t *testing.T) {
	for maxError, want := range map[int64]string{0: "yes", 500_000: "yes", 15_999_999: "yes", 16_000_000: "no"} {
		if got := syncedBy(maxError); got != want {
			t.Errorf("error %d µs: %q, want %q", maxError, got, want)
		}
	}
}

// Containers of one host have boot ids of their own, and one start of the kernel.
func TestHost(t *testing.T) {
	files := func(boot, btime, container string) server {
		s := server{resource.System{Root: t.TempDir()}}
		put(t, s, "/proc/sys/kernel/random/boot_id", boot+"\n")
		put(t, s, "/proc/stat", "cpu  1 2\nbtime "+btime+"\nprocesses 5\n")
		put(t, s, "/proc/meminfo", fixture(t, "meminfo.txt"))
		if container != "" {
			put(t, s, "/run/systemd/container", container)
		}
		return s
	}
	host := func(s server) string {
		t.Helper()
		name, err := s.host()
		if err != nil || name == "" {
			t.Fatalf("%q, %v", name, err)
		}
		return name
	}
	if got := host(files("3ef296ed", "1795770736", "")); got != "3ef296ed" {
		t.Errorf("a computer: %q, want its kernel's boot id", got)
	}
	a, b, other := host(files("3ef296ed", "1795770736", "systemd-nspawn")), host(files("bf829795", "1795770736", "systemd-nspawn")), host(files("3ef296ed", "1795770737", "systemd-nspawn"))
	if a != b || a == other {
		t.Errorf("containers of one host: %q and %q, of another: %q", a, b, other)
	}
}
