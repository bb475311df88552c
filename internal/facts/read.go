package facts

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"scaleup/internal/resource"
)

// packages are those whose version decides how something is rendered, with the
// Debian packages that carry them.
var packages = []struct{ name, debian string }{
	{"haproxy", "haproxy"}, {"keepalived", "keepalived"}, {"nginx", "nginx"}, {"nginx", "nginx-light"},
	{"mysql-server-core", "mysql-server-core"}, {"libssl", "libssl3t64"}, {"libssl", "libssl3"},
}

// Read gathers the facts of the machine this process runs on. Versions are
// those installed; for packages that are not installed yet, Candidates adds what
// apt would install.
func Read(ctx context.Context) (Facts, error) {
	f := Facts{Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Versions: map[string]string{}}
	var err error
	if f.Hostname, err = os.Hostname(); err != nil {
		return f, fmt.Errorf("read the host name: %w", err)
	}
	if err := f.readSystem(); err != nil {
		return f, err
	}
	if f.Memory, err = readMemory(); err != nil {
		return f, err
	}
	if f.OpenFiles, err = readOpenFiles(); err != nil {
		return f, err
	}
	if f.Interfaces, err = readInterfaces(); err != nil {
		return f, err
	}
	if err := f.readVersions(); err != nil {
		return f, err
	}
	f.Container = isContainer()
	f.ActiveSlot = readActiveSlot(ctx)
	return f, nil
}

func (f *Facts) readSystem() error {
	content, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return fmt.Errorf("read the system's name: %w", err)
	}
	release := parseAssignments(string(content))
	f.OS, f.Release, f.Codename = release["ID"], release["VERSION_ID"], release["VERSION_CODENAME"]
	if f.Release == "" {
		f.Release = "sid"
	}
	f.BootID, err = readBootID()
	return err
}

// readBootID names the machine's present boot. The kernel's own name would do, but
// containers share it: there, process 1 is what is started anew.
func readBootID() (string, error) {
	kernel, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read the boot id: %w", err)
	}
	first, err := os.ReadFile("/proc/1/stat")
	if err != nil {
		return "", fmt.Errorf("read when process 1 was started: %w", err)
	}
	started, err := StartTime(string(first))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(kernel)) + "/" + started, nil
}

// StartTime is field 22 of a process's stat file: clock ticks after the kernel's
// boot. The second field is the program's name in parentheses, which may hold both
// blanks and parentheses.
func StartTime(stat string) (string, error) {
	rest := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	const first, wanted = 3, 22
	if len(rest) <= wanted-first {
		return "", fmt.Errorf("read when process 1 was started: %q has too few fields", stat)
	}
	return rest[wanted-first], nil
}

func parseAssignments(content string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(content) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	return values
}

func readMemory() (int64, error) {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("read the memory's size: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 3 && fields[0] == "MemTotal:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("read the memory's size: no MemTotal in /proc/meminfo")
}

// readOpenFiles takes process 1's hard limit: what a unit's LimitNOFILE can reach
// where nobody may raise it, as in a container.
func readOpenFiles() (uint64, error) {
	content, err := os.ReadFile("/proc/1/limits")
	if err != nil {
		return 0, fmt.Errorf("read the limit of open files: %w", err)
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			if fields := strings.Fields(rest); len(fields) >= 2 {
				return strconv.ParseUint(fields[1], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("read the limit of open files: not in /proc/1/limits")
}

func readInterfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("read the network interfaces: %w", err)
	}
	var up []Interface
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 || i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("read the addresses of %s: %w", i.Name, err)
		}
		found := Interface{Name: i.Name}
		for _, a := range addresses {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
				found.Addresses = append(found.Addresses, ip.String())
			}
		}
		up = append(up, found)
	}
	return up, nil
}

func (f *Facts) readVersions() error {
	installed, err := resource.InstalledPackages(resource.Host())
	if err != nil {
		return fmt.Errorf("%w; is this Debian or Ubuntu?", err)
	}
	for _, p := range packages {
		if v := installed[p.debian]; v != "" && f.Versions[p.name] == "" {
			f.Versions[p.name] = Upstream(v)
		}
	}
	f.OpenSSL = f.Versions["libssl"]
	delete(f.Versions, "libssl")
	return nil
}

// Upstream is the upstream part of a Debian version: 1:3.0.11-1+deb13u1 -> 3.0.11.
func Upstream(version string) string {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
	}
	version, _, _ = strings.Cut(version, "-")
	version, _, _ = strings.Cut(version, "+")
	return version
}

// Candidates adds the versions apt would install of those of the named packages
// that are not installed. It is slow where there are any (apt reads its lists).
func (f *Facts) Candidates(ctx context.Context, names []string) error {
	var missing []string
	byDebian := map[string]string{}
	for _, p := range packages {
		if f.Versions[p.name] == "" && slices.Contains(names, p.debian) {
			missing = append(missing, p.debian)
			byDebian[p.debian] = p.name
		}
	}
	if len(missing) == 0 {
		return nil
	}
	out, err := exec.CommandContext(ctx, "apt-cache", append([]string{"policy"}, missing...)...).Output()
	if err != nil {
		return fmt.Errorf("ask apt for candidate versions: %w", err)
	}
	for debian, version := range ParsePolicy(string(out)) {
		if name := byDebian[debian]; f.Versions[name] == "" {
			f.Versions[name] = Upstream(version)
		}
	}
	return nil
}

// ParsePolicy reads what apt-cache policy prints: candidate version by package, as
// Debian writes it. Packages without one are left out.
func ParsePolicy(out string) map[string]string {
	candidates := map[string]string{}
	var name string
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, " ") {
			name = strings.TrimSuffix(line, ":")
		} else if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Candidate: "); ok && v != "(none)" {
			candidates[name] = v
		}
	}
	return candidates
}

func isContainer() bool {
	content, err := os.ReadFile("/proc/1/environ")
	return err == nil && strings.Contains("\x00"+string(content), "\x00container=")
}

// readActiveSlot is the slot that runs, or else the one that starts at boot; ""
// where there are no slots.
func readActiveSlot(ctx context.Context) string {
	if _, err := os.Stat("/etc/systemd/system/app@.service"); err != nil {
		return ""
	}
	// One line for each, whatever the exit code says of them together.
	states, _ := exec.CommandContext(ctx, "systemctl", "is-active", "app@a.service", "app@b.service").Output()
	for i, state := range strings.Fields(string(states)) {
		if state == "active" {
			return string(rune('a' + i))
		}
	}
	for _, slot := range []string{"a", "b"} {
		if _, err := os.Lstat(filepath.Join("/etc/systemd/system/multi-user.target.wants", "app@"+slot+".service")); err == nil {
			return slot
		}
	}
	return ""
}
