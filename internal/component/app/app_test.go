package app

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/component"
	"scaleup/internal/component/componenttest"
	"scaleup/internal/resource"
	"scaleup/internal/topology"
)

func input(t *testing.T, server string) component.Input {
	return componenttest.Input(t, componenttest.Site(2, 2, 2, 3), server)
}

func slots(specs []resource.Spec) (active, other *resource.Slot) {
	for _, s := range specs {
		if slot, ok := s.(*resource.Slot); ok && slot.Target != "" {
			active = slot
		} else if ok {
			other = slot
		}
	}
	return active, other
}

func TestGolden(t *testing.T) {
	in := input(t, "app1")
	in.Topology.Site.App.Env = map[string]string{
		"DSN":  "${mysql:user}:${secret:mysql}@tcp(${mysql:host}:${mysql:port})/${mysql:database}",
		"MOTD": `say "hi" for $5 \o/`,
	}
	specs := componenttest.Resources(t, Component{}, in)
	for _, path := range []string{slotUnitPath, migratePath, configDir + "/a.env", configDir + "/b.env", configDir + "/migrate.env"} {
		componenttest.Golden(t, filepath.Base(path), componenttest.Find[*resource.File](t, specs, "file:"+path).Content)
	}
}

func TestSlots(t *testing.T) {
	in := input(t, "app2")
	for _, want := range []topology.Slot{topology.SlotA, topology.SlotB} {
		in.Active["app2"] = want
		specs := componenttest.Resources(t, Component{}, in)
		active, other := slots(specs)
		if active.Slot != string(want) || other.Slot != string(want.Other()) || other.Digest != "" {
			t.Errorf("with slot %s active: slot %s runs, slot %s is stopped with digest %q", want, active.Slot, other.Slot, other.Digest)
		}
		if last := specs[len(specs)-1]; last != resource.Spec(other) {
			t.Errorf("the last resource is %s; the old slot must stop last", last.ID())
		}
	}
	in.Active["app2"] = topology.SlotB
	active, _ := slots(componenttest.Resources(t, Component{}, in))
	want := &resource.Slot{
		Server: "app2", Slot: "b", Unit: "app@b.service", Link: "/srv/app/slots/b", Target: "/srv/app/releases/" + componenttest.AppRelease,
		Digest: active.Digest, Ready: "http://127.0.0.1:8002/readyz", Wait: 60,
	}
	if diff := cmp.Diff(want, active); diff != "" {
		t.Errorf("slot b (-want +got):\n%s", diff)
	}
}

// Whatever the program runs with must go through the slots when it changes.
func TestSlotDigest(t *testing.T) {
	digest := func(change func(*component.Input)) string {
		in := input(t, "app1")
		change(&in)
		active, _ := slots(componenttest.Resources(t, Component{}, in))
		return active.Digest
	}
	base := digest(func(*component.Input) {})
	if again := digest(func(*component.Input) {}); again != base {
		t.Errorf("the same input gives %s and %s", base, again)
	}
	for name, change := range map[string]func(*component.Input){
		"release":  func(in *component.Input) { in.Releases.App = strings.Repeat("b", 64) },
		"env":      func(in *component.Input) { in.Topology.Site.App.Env["FLAG"] = "1" },
		"password": func(in *component.Input) { in.Secrets.MySQLApp = "another" },
		"ca":       func(in *component.Input) { in.Secrets.CA = []byte("another") },
		"command":  func(in *component.Input) { in.Topology.Site.App.Command = []string{"./foobar", "-v"} },
		"memory":   func(in *component.Input) { in.Topology.Site.App.Memory = 1 << 30 },
	} {
		if digest(change) == base {
			t.Errorf("another %s gives the same digest, so it would never reach the program", name)
		}
	}
}

func TestMigration(t *testing.T) {
	has := func(in component.Input) bool {
		return slices.ContainsFunc(componenttest.Resources(t, Component{}, in), func(s resource.Spec) bool {
			_, ok := s.(*resource.Migration)
			return ok
		})
	}
	if !has(input(t, "app1")) || has(input(t, "app2")) {
		t.Error("the first app server migrates, and no other")
	}
	in := input(t, "app1")
	in.Topology.Site.App.Migrate = nil
	if has(in) {
		t.Error("without app.migrate there is no migration")
	}
}

func TestExecStart(t *testing.T) {
	for _, c := range []struct {
		argv []string
		want string // "" is an error
	}{
		{[]string{"./foobar"}, ":/srv/app/slots/%i/foobar"},
		{[]string{"bin/foobar", "serve"}, ":/srv/app/slots/%i/bin/foobar serve"},
		{[]string{"/usr/bin/python3", "main.py"}, ":/usr/bin/python3 main.py"},
		{[]string{"python3", "main.py"}, ":python3 main.py"},
		{[]string{"./a b", "50%", "$HOME", `c:\x`, `"`, ";", "", "'", "#"}, `:"/srv/app/slots/%i/a b" 50%% "$HOME" "c:\\x" "\"" ";" "" "'" "#"`},
		{[]string{"./%i"}, ":/srv/app/slots/%i/%%i"},
		{[]string{"-rm"}, ""},
		{[]string{"./x", "a\nExecStart=/bin/sh"}, ""},
		{[]string{"./x", "\xff"}, ""},
		{nil, ""},
	} {
		got, err := execStart(c.argv, slotsDir+"/%i")
		if (err != nil) != (c.want == "") || got != c.want {
			t.Errorf("execStart(%q) = %q, %v; want %q", c.argv, got, err, c.want)
		}
	}
}

// systemd judges the units, and reads argv back as it was written.
func TestSystemdAccepts(t *testing.T) {
	analyze := componenttest.Program(t, "systemd-analyze")
	in := input(t, "app1")
	in.Topology.Site.App.Command = []string{"/bin/echo", "50%", "$HOME", `c:\x`, `"`, ";", ""}
	in.Topology.Site.App.Migrate = []string{"/bin/true"}
	specs := componenttest.Resources(t, Component{}, in)
	dir := t.TempDir()
	for _, path := range []string{slotUnitPath, migratePath} {
		content := componenttest.Find[*resource.File](t, specs, "file:"+path).Content
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, unit := range []string{"app@.service", MigrateUnit} {
		out, err := exec.Command(analyze, "verify", "--man=no", filepath.Join(dir, unit)).CombinedOutput()
		if err != nil || strings.Contains(string(out), unit+":") {
			t.Errorf("systemd-analyze verify %s: %v\n%s", unit, err, out)
		}
	}
}

// The environment files say the same to a shell as to systemd, which shares its
// rules for double quotes.
func TestEnvironmentFile(t *testing.T) {
	in := input(t, "app1")
	odd := map[string]string{
		"ODD": "a\"b\\c`d$e 'f' #g; \\\" \\n %i ${mysql:host}", "EMPTY": "", "DSN": "${mysql:user}:${secret:mysql}@(${mysql:host}:${mysql:read_port})",
	}
	in.Topology.Site.App.Env = odd
	f := componenttest.Find[*resource.File](t, componenttest.Resources(t, Component{}, in), "file:"+configDir+"/a.env")
	if !f.Secret || f.Mode != 0o600 {
		t.Errorf("a file with a secret has mode %04o, Secret %t", f.Mode, f.Secret)
	}
	path := filepath.Join(t.TempDir(), "a.env")
	if err := os.WriteFile(path, f.Content, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("/bin/sh", "-c", `set -a; . "$1"; exec env -0`, "sh", path)
	command.Env = []string{}
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		name, value, _ := strings.Cut(line, "=")
		got[name] = value
	}
	maps.DeleteFunc(got, func(name, _ string) bool { return name == "PWD" || name == "OLDPWD" || name == "_" || name == "SHLVL" })
	want := map[string]string{
		"PORT": "8001", "SCALEUP_SERVER": "app1", "MYSQL_HOST": "10.77.0.11", "MYSQL_PORT": "3306", "MYSQL_READ_PORT": "3307",
		"MYSQL_DATABASE": "foobar", "MYSQL_USER": "app", "MYSQL_CA_FILE": caPath, "MYSQL_TLS": "verify-ca",
		"ODD": "a\"b\\c`d$e 'f' #g; \\\" \\n %i 10.77.0.11", "EMPTY": "", "DSN": "app:password-of-app@(10.77.0.11:3307)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*component.Input){
		"a name of the contract": func(in *component.Input) { in.Topology.Site.App.Env["MYSQL_HOST"] = "x" },
		"a name with =":          func(in *component.Input) { in.Topology.Site.App.Env["A=B"] = "x" },
		"a value with a newline": func(in *component.Input) { in.Topology.Site.App.Env["A"] = "x\nPORT=1" },
		"an unknown reference":   func(in *component.Input) { in.Topology.Site.App.Env["A"] = "${secret:root}" },
		"no release":             func(in *component.Input) { in.Releases.App = "" },
		"no password":            func(in *component.Input) { in.Secrets.MySQLApp = "" },
	} {
		in := input(t, "app1")
		change(&in)
		_, err := (Component{}).Resources(in)
		if err == nil {
			t.Errorf("%s: rendered, want an error", name)
		} else if strings.Contains(err.Error(), in.Secrets.MySQLApp) && in.Secrets.MySQLApp != "" {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}
