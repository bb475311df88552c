package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scaleup/internal/resource"
)

// reporter is what *testing.T and *rapid.T have in common.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

// fakeServer is a model of a server: services with processes in a temporary /proc
// and control groups, systemctl, nft, tc and ip. It refuses what it was not told.
type fakeServer struct {
	t        reporter
	root     string
	units    map[string]*fakeUnit
	commands []string // that change something
	nextPID  int
	table    string // what nft has loaded; "" is nothing
	expired  bool   // the kernel has removed the set's elements
	packets  int    // every counter
	queue    string // tc's root queue as JSON
	holders  *fakeHolders
}

type fakeUnit struct {
	active    string
	main      int
	processes []int
	restarts  bool     // Restart=always
	condition []string // paths that must not exist, as systemd has read them
	config    string   // path of its configuration
	quota     string
}

// newServer has one service, web.service, with three processes.
func newServer(t reporter, root string) *fakeServer {
	s := &fakeServer{t: t, root: root, units: map[string]*fakeUnit{}, nextPID: 100, queue: `[{"kind":"noqueue","handle":"0:","root":true}]`, packets: 7}
	s.units["web.service"] = &fakeUnit{active: "inactive", restarts: true, config: "/etc/web.conf", quota: "infinity"}
	s.write("/etc/web.conf", "listen 80\n")
	s.write("/sys/fs/cgroup/system.slice/web.service/cpu.max", "max 100000\n")
	s.start("web.service")
	return s
}

func (s *fakeServer) place(id string) Place {
	return Place{System: resource.System{Root: s.root, Run: s.run}, ID: id, Lease: 90 * time.Second}
}

func (s *fakeServer) path(p string) string { return filepath.Join(s.root, p) }

func (s *fakeServer) write(path, content string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(path)), 0o755); err != nil {
		s.t.Fatalf("%v", err)
	}
	if err := os.WriteFile(s.path(path), []byte(content), 0o644); err != nil {
		s.t.Fatalf("%v", err)
	}
}

func (s *fakeServer) read(path string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(path))
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	return string(data)
}

func (s *fakeServer) exists(path string) bool {
	_, err := os.Stat(s.path(path))
	return err == nil
}

// start gives a service processes, unless it runs or may not.
func (s *fakeServer) start(name string) {
	u := s.units[name]
	if u.active == "active" || slices.ContainsFunc(u.condition, s.exists) {
		return
	}
	u.active, u.processes = "active", nil
	for range 3 {
		s.nextPID++
		u.processes = append(u.processes, s.nextPID)
		s.state(s.nextPID, "S")
	}
	u.main = u.processes[0]
	s.group(name)
}

func (s *fakeServer) state(pid int, state string) {
	s.write(fmt.Sprintf("/proc/%d/stat", pid), fmt.Sprintf("%d (a) b) %s 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 %d 20\n", pid, state, 1000+pid))
}

func (s *fakeServer) group(name string) {
	var procs strings.Builder
	for _, pid := range s.units[name].processes {
		fmt.Fprintln(&procs, pid)
	}
	s.write("/sys/fs/cgroup/system.slice/"+name+"/cgroup.procs", procs.String())
}

// kill is SIGKILL to all, and what systemd does then.
func (s *fakeServer) kill(name string) {
	u := s.units[name]
	for _, pid := range u.processes {
		if err := os.RemoveAll(s.path(fmt.Sprintf("/proc/%d", pid))); err != nil {
			s.t.Fatalf("%v", err)
		}
	}
	u.active, u.main, u.processes = "inactive", 0, nil
	s.group(name)
	if u.restarts {
		s.start(name)
	}
}

func (s *fakeServer) run(ctx context.Context, c resource.Command) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answer := map[string]func(resource.Command) (string, error){
		"systemctl": s.systemctl, "systemd-run": s.systemdRun, "nft": s.nft, "tc": s.tc, "ip": s.ip,
	}[c.Argv[0]]
	if answer == nil {
		s.t.Fatalf("the server was not told what to do for %q", c.Argv)
	}
	if !slices.Contains([]string{"show", "list-units", "--json", "-json"}, c.Argv[1]) {
		s.commands = append(s.commands, strings.Join(c.Argv, " "))
	}
	out, err := answer(c)
	return []byte(out), err
}

func exit(c resource.Command, output string) error {
	return &resource.ExitError{Argv: c.Argv, Code: 1, Output: output}
}

func (s *fakeServer) systemctl(c resource.Command) (string, error) {
	verb, name := c.Argv[1], c.Argv[len(c.Argv)-1]
	if strings.HasPrefix(name, unitPrefix) {
		return s.holders.systemctl(c)
	}
	if verb == "daemon-reload" {
		for name, u := range s.units {
			u.condition = s.conditions(name)
		}
		return "", nil
	}
	if verb == "set-property" {
		return "", s.setProperty(c.Argv[3], name)
	}
	u := s.units[name]
	if u == nil {
		return "", exit(c, "Unit "+name+" not loaded.")
	}
	switch verb {
	case "show":
		return fmt.Sprintf("ActiveState=%s\nMainPID=%d\nControlGroup=/system.slice/%s\nCPUQuotaPerSecUSec=%s\n", u.active, u.main, name, u.quota), nil
	case "start":
		s.start(name)
	case "reset-failed":
	case "reload":
		if strings.Contains(s.read(u.config), badLine) {
			return "", exit(c, "Job for "+name+" failed.\nSee the log.")
		}
	case "kill":
		switch c.Argv[3] {
		case "--signal=KILL":
			s.kill(name)
		case "--signal=STOP", "--signal=CONT":
			for _, pid := range u.processes {
				s.state(pid, map[bool]string{true: "T", false: "S"}[c.Argv[3] == "--signal=STOP"])
			}
		}
	default:
		s.t.Fatalf("the server does not know systemctl %s", verb)
	}
	return "", nil
}

func (s *fakeServer) conditions(name string) (paths []string) {
	files, err := filepath.Glob(s.path("/run/systemd/system/" + name + ".d/*.conf"))
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatalf("%v", err)
		}
		for line := range strings.Lines(string(data)) {
			if path, ok := strings.CutPrefix(strings.TrimSpace(line), "ConditionPathExists=!"); ok {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

func (s *fakeServer) setProperty(name, property string) error {
	u := s.units[name]
	percent := 0
	if property == "CPUQuota=" {
		u.quota = "infinity"
		s.write("/sys/fs/cgroup/system.slice/"+name+"/cpu.max", "max 100000\n")
		return nil
	}
	if _, err := fmt.Sscanf(property, "CPUQuota=%d%%", &percent); err != nil {
		return err
	}
	u.quota = fmt.Sprintf("%dms", percent*10)
	s.write("/sys/fs/cgroup/system.slice/"+name+"/cpu.max", fmt.Sprintf("%d 100000\n", percent*1000))
	return nil
}

func (s *fakeServer) nft(c resource.Command) (string, error) {
	if c.Argv[1] == "-f" {
		script := new(strings.Builder)
		buffer := make([]byte, 4096)
		n, err := c.Stdin.Read(buffer)
		script.Write(buffer[:n])
		s.table, s.expired = script.String(), false
		return "", err
	}
	if s.table == "" {
		return "", exit(c, "Error: No such file or directory")
	}
	if c.Argv[1] == "delete" {
		s.table = ""
		return "", nil
	}
	elements := []any{"x"}
	if s.expired {
		elements = nil
	}
	var objects []any
	for _, name := range []string{"seen", "dropped_in", "dropped_out"} {
		objects = append(objects, map[string]any{"counter": map[string]any{"name": name, "packets": s.packets}})
	}
	objects = append(objects, map[string]any{"set": map[string]any{"name": "drilled", "elem": elements}})
	data, err := json.Marshal(map[string]any{"nftables": objects})
	return string(data), err
}

func (s *fakeServer) tc(c resource.Command) (string, error) {
	switch c.Argv[2] {
	case "replace":
		s.queue = `[{"kind":"tbf","handle":"5ca1:","root":true,"packets":10,"overlimits":3}]`
	case "delete":
		s.queue = `[{"kind":"noqueue","handle":"0:","root":true}]`
	default:
		return s.queue, nil
	}
	return "", nil
}

func (s *fakeServer) ip(resource.Command) (string, error) {
	return `[{},{"ifname":"host0","link_index":7}]`, nil
}

// expect asks a fault one of its two questions.
func expect(t testing.TB, what string, want bool, ask func(context.Context, Place) (string, bool, error), at Place) string {
	t.Helper()
	text, ok, err := ask(t.Context(), at)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if ok != want {
		t.Fatalf("%s: got %v (%s), want %v", what, ok, text, want)
	}
	return text
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
