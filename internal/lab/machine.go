package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"scaleup/internal/atomicfile"
)

// The folder of a machine:
//
//	machine.json   what it is; written last, so a folder without it is half made
//	upper, work    its own files, over its layers
//	root, data     where they are mounted, in the machine's mount namespace only
//	mysql.img      database servers: the disk
//	hostkey        private SSH host key
//	console.log    of the present or last boot
const (
	machineFile = "machine.json"
	hostKeyFile = "hostkey"
	consoleFile = "console.log"
)

// record is what machine.json says.
type record struct {
	Name    string     `json:"name"`
	Role    string     `json:"role"`
	Address netip.Addr `json:"address"`
	Sudoer  string     `json:"sudoer,omitempty"`
	Layers  []string   `json:"layers"` // top first
}

// readRecord returns what a machine was made as; ok is false when there is none
// or making it was interrupted.
func (l *Lab) readRecord(server string) (r record, ok bool, err error) {
	data, err := os.ReadFile(filepath.Join(l.machineDir(server), machineFile))
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, fmt.Errorf("read machine %s: %w", server, err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return record{}, false, &Problem{
			Reason: fmt.Sprintf("the record of machine %s is damaged (%s)", server, filepath.Join(l.machineDir(server), machineFile)),
			Fix:    "remove the lab with its data and make it anew: scaleup down --purge",
			Err:    err,
		}
	}
	return r, true, nil
}

func (l *Lab) writeRecord(r record) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write machine %s: %w", r.Name, err)
	}
	return atomicfile.Write(filepath.Join(l.machineDir(r.Name), machineFile), data, 0o644)
}

// create makes a machine's folder. Its layers must be there.
func (l *Lab) create(ctx context.Context, m Machine, layers []string) error {
	dir := l.machineDir(m.Name)
	if err := os.RemoveAll(dir); err != nil { // half made, if anything
		return fmt.Errorf("make machine %s: %w", m.Name, err)
	}
	for _, sub := range []string{"upper", "work", "root", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return fmt.Errorf("make machine %s: %w", m.Name, err)
		}
	}
	if err := l.seed(m); err != nil {
		return fmt.Errorf("make machine %s: %w", m.Name, err)
	}
	if image := filepath.Join(l.layersDir(), layers[0], layerImage); exists(image) {
		if err := copyImage(ctx, image, filepath.Join(dir, layerImage)); err != nil {
			return fmt.Errorf("make machine %s: %w", m.Name, err)
		}
	}
	return l.writeRecord(record{Name: m.Name, Role: m.Role, Address: m.Address, Sudoer: m.Sudoer, Layers: layers})
}

func (l *Lab) seed(m Machine) error {
	hostKey := m.HostKey
	if len(hostKey) == 0 {
		var err error
		if hostKey, err = newHostKey(m.Name); err != nil {
			return err
		}
	}
	public, err := publicHalf(hostKey)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(l.machineDir(m.Name), hostKeyFile), hostKey, 0o600); err != nil {
		return err
	}
	files, err := machineSeeds(m, hostKey, public)
	if err != nil {
		return err
	}
	upper := filepath.Join(l.machineDir(m.Name), "upper")
	if err := writeSeeds(upper, append(files, networkSeed(m.Address, l.subnet))); err != nil {
		return err
	}
	return authorize(upper, filepath.Join(l.layersDir(), baseLayer(), layerTree), m.Sudoer, l.key)
}

// HostKey returns the public half of a machine's SSH host key, as in
// known_hosts: "ssh-ed25519 AAAA…".
func (l *Lab) HostKey(server string) (string, error) {
	data, err := os.ReadFile(filepath.Join(l.machineDir(server), hostKeyFile))
	if err != nil {
		return "", fmt.Errorf("read host key of machine %s: %w", server, err)
	}
	return publicHalf(data)
}

// startScript enters the machine's cgroups, mounts its file systems in the mount
// namespace it was started in, and becomes nspawn. So mounts and loop device
// live exactly as long as the machine does. A machine has the ordinary priority,
// whoever switches it on: a drill has a higher one.
const startScript = `
set -e
renice -n 0 -p $$ >/dev/null
while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs"; shift; done
lower=$2; dir=$3; shift 3
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
if [ -e "$dir/mysql.img" ]; then mount -o loop,noatime "$dir/mysql.img" "$dir/data"; fi
exec "$@"
`

// start boots a machine. It returns once the machine's first process has been
// started; exited is closed if the machine ends while this process watches.
func (l *Lab) start(r record) (exited <-chan struct{}, err error) {
	dir := l.machineDir(r.Name)
	var lower []string
	for _, layer := range r.Layers {
		if !l.hasLayer(layer) {
			return nil, &Problem{
				Reason: fmt.Sprintf("machine %s cannot start: the package layer it stands on, %s, is gone", r.Name, layer),
				Fix:    "make the lab anew: scaleup down --purge, then scaleup up",
			}
		}
		lower = append(lower, filepath.Join(l.layersDir(), layer, layerTree))
	}
	if loops := loopsOf(dir); len(loops) > 0 {
		return nil, &Problem{
			Reason: fmt.Sprintf("the disk of machine %s is still in use by %s", r.Name, strings.Join(loops, ", ")),
			Fix:    "unmount it, or free it: losetup -d " + loops[0],
		}
	}
	groups, err := l.cgroups.create(r.Name)
	if err != nil {
		return nil, fmt.Errorf("start machine %s: %w", r.Name, err)
	}
	console, err := os.Create(filepath.Join(dir, consoleFile))
	if err != nil {
		return nil, fmt.Errorf("start machine %s: %w", r.Name, err)
	}
	defer console.Close()

	argv := slices.Concat(
		[]string{"unshare", "--mount", "--propagation", "private", "sh", "-c", startScript, "sh"},
		groups, []string{"--", strings.Join(lower, ":"), dir},
		l.nspawn(r))
	cmd := exec.Command(program(argv[0]), argv[1:]...)
	// The container's own systemd is to see one, unified, cgroup tree also where
	// the host has the old kind.
	cmd.Env = append(os.Environ(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1", systemPath)
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // it outlives this command
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start machine %s: %w", r.Name, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	return done, nil
}

// nspawn is the command that a machine is.
func (l *Lab) nspawn(r record) []string {
	dir := l.machineDir(r.Name)
	argv := []string{
		"systemd-nspawn", "--quiet", "--boot",
		"--directory=" + filepath.Join(dir, "root"),
		"--machine=" + nspawnName(l.name, r.Name), "--hostname=" + r.Name,
		// No registration and no scope of the host's systemd: it may not have one.
		"--register=no", "--keep-unit",
		"--network-bridge=" + bridgeName(l.name),
		"--console=read-only", "--settings=no", "--link-journal=no", "--resolv-conf=off", "--timezone=off",
		// keepalived and HAProxy lock their memory.
		"--capability=CAP_IPC_LOCK",
		// As high as the host allows; nspawn takes the nearest it may set.
		"--rlimit=RLIMIT_NOFILE=1024:1048576",
	}
	if exists(filepath.Join(dir, layerImage)) {
		argv = append(argv, "--bind="+filepath.Join(dir, "data")+":"+mysqlData)
	}
	return argv
}

// console returns the end of what a machine has said while booting.
func (l *Lab) console(server string) string {
	data, err := os.ReadFile(filepath.Join(l.machineDir(server), consoleFile))
	if err != nil {
		return ""
	}
	return lastLines(string(data), 3)
}
