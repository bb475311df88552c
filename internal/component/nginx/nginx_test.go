package nginx

import (
	"strings"
	"testing"

	"scaleup/internal/component"
	"scaleup/internal/component/componenttest"
	"scaleup/internal/resource"
)

func input(t *testing.T) component.Input {
	return componenttest.Input(t, componenttest.Site(2, 2, 2, 3), "web1")
}

func config(t *testing.T, in component.Input) string {
	t.Helper()
	specs := componenttest.Resources(t, Component{}, in)
	return string(componenttest.Find[*resource.File](t, specs, "file:"+configPath).Content)
}

func TestGolden(t *testing.T) {
	in := input(t)
	componenttest.Golden(t, "debian13/nginx.conf", []byte(config(t, in)))
	specs := componenttest.Resources(t, Component{}, in)
	componenttest.Golden(t, "debian13/unit.conf", componenttest.Find[*resource.File](t, specs, "file:"+dropInPath).Content)
	in.Facts = componenttest.Debian12(in.Facts)
	componenttest.Golden(t, "debian12/nginx.conf", []byte(config(t, in)))
}

func TestUnitLeavesRotationForEveryChange(t *testing.T) {
	unit := componenttest.Find[*resource.Unit](t, componenttest.Resources(t, Component{}, input(t)), "unit:"+Unit)
	if unit.Interrupts != resource.InterruptsOnChange {
		t.Errorf("Interrupts = %q, want %q", unit.Interrupts, resource.InterruptsOnChange)
	}
	for _, r := range unit.Reads {
		if want := map[string]resource.OnChange{configPath: resource.OnChangeReload, dropInPath: resource.OnChangeRestart}[r.Path]; r.OnChange != want {
			t.Errorf("%s: on change %q, want %q", r.Path, r.OnChange, want)
		}
	}
}

// A new static release must be seen by the running Nginx.
func TestStaticReleaseChangesTheConfiguration(t *testing.T) {
	in := input(t)
	before := config(t, in)
	in.Releases.Static = strings.Repeat("7", 64)
	if config(t, in) == before {
		t.Error("another static release gives the same configuration, so Nginx would keep serving the old one")
	}
}

func TestLimitsFollowTheServer(t *testing.T) {
	in := input(t)
	in.Facts.OpenFiles = 5000
	text := config(t, in)
	for _, want := range []string{"worker_rlimit_nofile 5000;", "worker_connections 2500;"} {
		if !strings.Contains(text, want) {
			t.Errorf("with a hard limit of 5000 open files the configuration lacks %q", want)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*component.Input){
		"digest with a path":    func(in *component.Input) { in.Releases.Static = "../../etc" },
		"no static release":     func(in *component.Input) { in.Releases.Static = "" },
		"server with a newline": func(in *component.Input) { in.Server.Name = "web1;\nuser root" },
		"site with a quote":     func(in *component.Input) { in.Topology.Site.Name = `x"; return 200 "` },
		"too few files":         func(in *component.Input) { in.Facts.OpenFiles = 256 },
	} {
		in := input(t)
		change(&in)
		if _, err := (Component{}).Resources(in); err == nil {
			t.Errorf("%s: rendered, want an error", name)
		}
	}
}
