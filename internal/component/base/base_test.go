package base

import (
	"strings"
	"testing"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

func TestGolden(t *testing.T) {
	site := componenttest.Site(2, 2, 2, 3)
	for _, server := range []string{"lb1", "web1", "app1", "db1"} {
		specs := componenttest.Resources(t, Component{}, componenttest.Input(t, site, server))
		componenttest.Golden(t, server+"-sysctl.conf", componenttest.Find[*resource.File](t, specs, "file:"+sysctlFile).Content)
	}
	specs := componenttest.Resources(t, Component{}, componenttest.Input(t, site, "lb1"))
	componenttest.Golden(t, "journald.conf", componenttest.Find[*resource.File](t, specs, "file:"+journalDropIn).Content)
}

// The file is what the kernel is told again after a reboot.
func TestFileAndLiveValuesAgree(t *testing.T) {
	site := componenttest.Site(2, 2, 2, 3)
	for _, server := range []string{"lb1", "web1", "app1", "db1"} {
		specs := componenttest.Resources(t, Component{}, componenttest.Input(t, site, server))
		file := string(componenttest.Find[*resource.File](t, specs, "file:"+sysctlFile).Content)
		live := componenttest.Find[*resource.Sysctls](t, specs, "sysctls:live").Values
		lines := 0
		for line := range strings.Lines(file) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
			if !ok || strings.HasPrefix(line, "#") {
				continue
			}
			lines++
			if live[key] != value {
				t.Errorf("%s: the file says %s = %s, the live value is %q", server, key, value, live[key])
			}
		}
		if lines != len(live) || lines == 0 {
			t.Errorf("%s: the file has %d settings, %d are live", server, lines, len(live))
		}
	}
}

func TestSettingsForContainers(t *testing.T) {
	for _, role := range spec.Roles {
		for _, s := range settingsFor(role, true, "host0") {
			if !strings.HasPrefix(s.Key, "net.") {
				t.Errorf("%s: %s belongs to the whole kernel, a container cannot set it", role, s.Key)
			}
		}
		for _, s := range settingsFor(role, false, "eth0") {
			if s.Reason == "" || strings.Contains(s.Reason, "\n") {
				t.Errorf("%s has no one-line reason: %q", s.Key, s.Reason)
			}
		}
	}
	if got := values(settingsFor(spec.Database, false, ""))["vm.swappiness"]; got != "1" {
		t.Errorf("vm.swappiness of a database server = %q, want 1", got)
	}
}

func TestSettingsOfTheInterface(t *testing.T) {
	for network, key := range map[string]string{
		"eth0":     "net.ipv4.neigh.eth0.retrans_time_ms",
		"eth0.100": "net/ipv4/neigh/eth0.100/retrans_time_ms",
	} {
		if got := values(settingsFor(spec.Database, false, network))[key]; got != "200" {
			t.Errorf("%s: %s = %q, want 200", network, key, got)
		}
	}
	for _, s := range settingsFor(spec.Database, false, "") {
		if strings.Contains(s.Key, "neigh") {
			t.Errorf("%s, and the interface is not known", s.Key)
		}
	}
}
