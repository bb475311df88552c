package lab

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeGroups are folders that look like the control groups of a lab with one machine.
func fakeGroups(t *testing.T, files map[string]string) cgroups {
	t.Helper()
	root := t.TempDir()
	g := cgroups{unified: filepath.Join(root, "v2"), legacy: []string{filepath.Join(root, "memory"), filepath.Join(root, "cpu")}}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func TestLimit(t *testing.T) {
	for name, c := range map[string]struct {
		files           map[string]string
		file            string
		limited, opened string
	}{
		"hybrid": {
			files: map[string]string{"memory/web1/memory.limit_in_bytes": "1", "cpu/web1/cpu.cfs_quota_us": "-1\n", "v2/web1/cgroup.events": ""},
			file:  "cpu/web1/cpu.cfs_quota_us", limited: "5000", opened: "-1",
		},
		"unified": {
			files: map[string]string{"v2/web1/cpu.max": "max 100000\n"},
			file:  "v2/web1/cpu.max", limited: "5000 100000", opened: "max 100000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := fakeGroups(t, c.files)
			for _, step := range []struct {
				percent int
				want    string
			}{{0, c.opened}, {5, c.limited}, {5, c.limited}, {0, c.opened}, {0, c.opened}} {
				if err := g.limit("web1", step.percent); err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(filepath.Join(filepath.Dir(g.unified), c.file))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(step.want, string(got)); diff != "" {
					t.Errorf("%d %% (-want +got):\n%s", step.percent, diff)
				}
				if got, want := g.limited("web1"), step.percent > 0; got != want {
					t.Errorf("limited after %d %%: got %v, want %v", step.percent, got, want)
				}
			}
		})
	}
}

func TestLimitNeedsAController(t *testing.T) {
	g := fakeGroups(t, map[string]string{"v2/web1/cgroup.events": "", "memory/web1/memory.limit_in_bytes": ""})
	if _, ok := errors.AsType[*Problem](g.limit("web1", 5)); !ok {
		t.Error("without a cpu controller: want a Problem")
	}
	if g.limited("web1") {
		t.Error("limited without a controller")
	}
}

func TestIsQuota(t *testing.T) {
	for text, want := range map[string]bool{"-1\n": false, "max 100000\n": false, "": false, "5000\n": true, "5000 100000\n": true} {
		if got := isQuota(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestState(t *testing.T) {
	l := &Lab{dir: t.TempDir(), name: "test-lab", subnet: netip.MustParsePrefix("10.255.255.0/24")}
	l.cgroups = fakeGroups(t, map[string]string{
		"v2/web1/cgroup.events": "populated 1\nfrozen 1\n", "cpu/web1/cpu.cfs_quota_us": "5000\n",
		"v2/web2/cgroup.events": "populated 0\nfrozen 1\n",
	})
	for _, name := range []string{"web1", "web2"} {
		if err := os.MkdirAll(l.machineDir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := l.writeRecord(record{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]MachineCondition{"web1": {Made: true, On: true, Frozen: true, Slowed: true}, "web2": {Made: true}, "web9": {}} {
		got, err := l.State(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseThrottled(t *testing.T) {
	for stat, want := range map[string]int{
		"nr_periods 40\nnr_throttled 31\nthrottled_time 2840018275\n": 31,
		"usage_usec 7\nnr_throttled 2\n":                              2,
		"":                                                            0,
	} {
		if got := parseThrottled(stat); got != want {
			t.Errorf("%q: %d, want %d", stat, got, want)
		}
	}
}
