package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// Preflight finds out whether the lab can be on this computer. It changes
// nothing. Every answer but nil is a *Problem or an error of the system.
func (l *Lab) Preflight(context.Context) error {
	for _, r := range l.requirements() {
		if err := r.met(); err != nil {
			return err
		}
	}
	return nil
}

func checkArchitecture(arch string) error {
	if arch == "amd64" || arch == "arm64" {
		return nil
	}
	return &Problem{Reason: "the lab runs on amd64 and arm64 computers; this one is " + arch, Fix: "use real servers: examples/servers.yaml"}
}

func needRoot() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return &Problem{Reason: "the lab makes machines and networks, for which it must be root", Fix: "run it with sudo"}
}

// hostTools are the programs the lab is made with and the packages they are in.
var hostTools = []struct{ program, pkg string }{
	{"systemd-nspawn", "systemd-container"},
	{"mmdebstrap", "mmdebstrap"},
	{"nft", "nftables"},
	{"ip", "iproute2"},
	{"mkfs.ext4", "e2fsprogs"},
	{"losetup", "mount"},
	{"unshare", "util-linux"},
}

// missingTools lists the packages to install.
func missingTools() []string {
	var missing []string
	for _, tool := range hostTools {
		if _, err := exec.LookPath(program(tool.program)); err != nil {
			missing = append(missing, tool.pkg)
		}
	}
	if !exists(archiveKeyring) {
		missing = append(missing, "debian-archive-keyring")
	}
	return slices.Compact(missing)
}

// EnsureHostPackages installs what the lab is made with, where it is missing.
func (l *Lab) EnsureHostPackages(ctx context.Context) error {
	if err := needRoot(); err != nil {
		return err
	}
	missing := missingTools()
	if len(missing) == 0 {
		return nil
	}
	l.log("", "installing on this computer: "+strings.Join(missing, " "))
	bounded := []string{"-q", "-o", "Acquire::http::Timeout=10", "-o", "Acquire::https::Timeout=10", "-o", "Acquire::Retries=1", "-o", "DPkg::Lock::Timeout=60"}
	install := slices.Concat([]string{"apt-get", "install", "-y", "--no-install-recommends"}, bounded, missing)
	_, err := runEnv(ctx, layerEnv, install...)
	if err != nil && ctx.Err() == nil { // the lists may be old, or not there yet
		if _, err = runEnv(ctx, layerEnv, append([]string{"apt-get", "update"}, bounded...)...); err == nil {
			_, err = runEnv(ctx, layerEnv, install...)
		}
	}
	if err != nil {
		return &Problem{
			Reason: "could not install " + strings.Join(missing, ", ") + " on this computer",
			Fix:    "install it yourself and run this again: apt-get update && apt-get install " + strings.Join(missing, " "),
			Err:    err,
		}
	}
	return nil
}

// Room the lab takes, in bytes, rounded up from measurements.
const (
	roomBase     = 400 << 20 // base layer, and the lists and packages it is built from
	roomLayer    = 500 << 20 // the largest role's, MySQL
	roomMachine  = 50 << 20  // a machine's own files
	roomDatabase = 300 << 20 // a copy of the database image, and the first logs
)

// checkSpace refuses to begin what would fill the disk.
func (l *Lab) checkSpace(layers *layerSet, machines []Machine) error {
	if len(machines) == 0 {
		return nil
	}
	var need uint64
	base, roles := layers.missing()
	if base {
		need += roomBase
	}
	need += uint64(len(roles)) * roomLayer
	for _, m := range machines {
		need += roomMachine
		if layers.recipes[m.Role].Database {
			need += roomDatabase
		}
	}
	have, at, err := freeSpace(l.dir)
	if err != nil {
		return err
	}
	if have < need {
		return &Problem{
			Reason: fmt.Sprintf("the lab needs %d MB of disk space at %s, where %d MB are free", need>>20, at, have>>20),
			Fix:    "free some space, or keep labs on another disk with --lab-dir",
		}
	}
	return nil
}

// freeSpace is what root may still write at a path, or at the nearest folder
// above it that exists.
func freeSpace(path string) (free uint64, at string, err error) {
	for !exists(path) && path != "/" {
		path = path[:max(strings.LastIndexByte(path, '/'), 1)]
	}
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, path, fmt.Errorf("measure free space at %s: %w", path, err)
	}
	return s.Bavail * uint64(s.Bsize), path, nil
}
