package resource_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

func TestUnitAction(t *testing.T) {
	const running = "running enabled restart:1 reload:1"
	for _, c := range []struct{ name, from, to, want string }{
		{"as it should be", running, running, ""},
		{"not there", "absent", running, "start"},
		{"stopped", "stopped disabled", running, "start"},
		{"stopped, starts at boot", "stopped enabled", running, "start"},
		{"failed", "failed enabled", running, "start"},
		{"old file, needs a restart", "running enabled restart:0 reload:1", running, "restart"},
		{"old file, needs a reload", "running enabled restart:1 reload:0", running, "reload"},
		{"both: a restart reads all", "running enabled restart:0 reload:0", running, "restart"},
		{"not at boot", "running disabled restart:1 reload:1", running, "enable"},
		{"reads nothing, not at boot", "running disabled", "running enabled", "enable"},
		{"reads files now", "running enabled", running, "restart"},
		{"reads none any more", running, "running enabled", "restart"},
		{"should not run", running, "stopped disabled", "stop"},
		{"should not run and failed", "failed enabled", "stopped disabled", "stop"},
	} {
		if got := resource.UnitAction(resource.State(c.from), resource.State(c.to)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// nginx is a unit with a file of each rule, its Recorder drop-in in place.
func nginx(h *hosttest.Host) *resource.Unit {
	u := &resource.Unit{Name: "nginx.service", Running: true, Enabled: true}
	h.Unit(u.Name)
	for path, rule := range map[string]resource.OnChange{"/etc/nginx/nginx.conf": resource.OnChangeReload, "/etc/nginx/unit.conf": resource.OnChangeRestart} {
		h.Write(path, "1")
		u.Reads = append(u.Reads, resource.Reads(rule, &resource.File{Path: path, Content: []byte("1")})...)
	}
	recorder := resource.Recorder(u.Name, u.Reads)
	h.Write(recorder.Path, string(recorder.Content))
	return u
}

// change writes a file and what the unit should have loaded of it.
func change(h *hosttest.Host, u *resource.Unit, path, content string) {
	h.Write(path, content)
	for i := range u.Reads {
		if u.Reads[i].Path == path {
			u.Reads[i].Digest = resource.Digest([]byte(content))
		}
	}
}

func TestUnit(t *testing.T) {
	h := newHost(t)
	u := nginx(h)
	expectState(t, h, u, "stopped disabled")
	steps := []struct {
		name string
		do   func()
		want []string // commands, without "systemctl" and the unit's name
	}{
		{"first start", func() {}, []string{"daemon-reload", "enable", "start"}},
		{"nothing changed", func() {}, nil},
		{"a file to reload", func() { change(h, u, "/etc/nginx/nginx.conf", "2") }, []string{"reload"}},
		{"a file to restart for", func() { change(h, u, "/etc/nginx/unit.conf", "2") }, []string{"restart"}},
		{"a new unit file", func() { h.Write("/etc/systemd/system/nginx.service.d/x.conf", "[Unit]") }, []string{"daemon-reload"}},
		{"a reboot without it", func() {
			h.Unit(u.Name).Active = "inactive"
			if err := os.RemoveAll(h.Path(resource.LoadedDir)); err != nil {
				t.Fatal(err)
			}
		}, []string{"start"}},
		{"it crashed", func() { h.Unit(u.Name).Active = "failed" }, []string{"reset-failed", "start"}},
		{"a file changed while it was starting at boot", func() {
			h.Unit(u.Name).Active = "activating"
			change(h, u, "/etc/nginx/unit.conf", "3")
		}, []string{"start", "restart"}},
		{"it should stop", func() { u.Running = false }, []string{"disable", "reset-failed"}},
		{"it should stop and failed", func() { h.Unit(u.Name).Active = "failed" }, []string{"disable", "reset-failed"}},
	}
	for _, s := range steps {
		h.Forget()
		s.do()
		apply(t, h, u)
		var got []string
		for _, c := range h.Commands() {
			got = append(got, strings.Fields(c)[1])
		}
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

func TestUnitThatFails(t *testing.T) {
	h := newHost(t)
	u := nginx(h)
	h.Unit(u.Name).OnStart = func() (string, error) { return "bind() to 0.0.0.0:80 failed\n", errors.New("exit 1") }
	err := u.Apply(t.Context(), h.System())
	if err == nil || !strings.Contains(err.Error(), "bind() to 0.0.0.0:80 failed") {
		t.Errorf("error %v, want one with the unit's last log lines", err)
	}
	expectState(t, h, u, "failed enabled")
}

func TestUnitThatIsNotThere(t *testing.T) {
	expectState(t, newHost(t), &resource.Unit{Name: "nginx.service", Running: true}, resource.Absent)
}

func TestUnitStates(t *testing.T) {
	h := newHost(t)
	h.Unit("a.service").Active = "active"
	h.Unit("b.service").Active = "failed"
	h.Unit("c.service").Active = "inactive"
	got, err := resource.UnitStates(t.Context(), h.System(), []string{"a.service", "b.service", "c.service", "d.service"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a.service": "running", "b.service": "failed", "c.service": "stopped", "d.service": "stopped"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRecorder(t *testing.T) {
	conf, cert := &resource.File{Path: "/etc/haproxy/haproxy.cfg"}, &resource.File{Path: "/etc/haproxy/site.pem"}
	restart := resource.Reads(resource.OnChangeRestart, conf)
	const record = `+/bin/sh -c 'mkdir -p /run/scaleup/loaded && sha256sum /etc/haproxy/haproxy.cfg >/run/scaleup/loaded/haproxy.service'`
	for _, c := range []struct {
		name  string
		reads []resource.Read
		want  []string
	}{
		{"never reloaded", restart, []string{"[Service]", "ExecStartPre=" + record}},
		{"reloaded for one of two", append(slices.Clone(restart), resource.Reads(resource.OnChangeReload, cert)...), []string{
			"[Service]",
			"ExecStartPre=" + strings.Replace(record, "cfg >", "cfg /etc/haproxy/site.pem >", 1),
			"ExecReload=" + strings.Replace(record, "cfg >", "cfg /etc/haproxy/site.pem >", 1),
		}},
	} {
		f := resource.Recorder("haproxy.service", c.reads)
		if want := "/etc/systemd/system/haproxy.service.d/90-loaded.conf"; f.Path != want {
			t.Errorf("%s: path %s, want %s", c.name, f.Path, want)
		}
		lines := strings.Split(strings.TrimSpace(string(f.Content)), "\n")
		if diff := cmp.Diff(c.want, lines[1:]); diff != "" || !strings.HasPrefix(lines[0], "#") {
			t.Errorf("%s (-want +got), first line %q:\n%s", c.name, lines[0], diff)
		}
	}
}
