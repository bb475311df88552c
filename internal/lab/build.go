package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// inside runs a program with a folder as its root, in mount and process
// namespaces of its own: whatever it mounts or leaves running is gone when it
// ends, also when it is killed. The arguments before "--" are mounted first:
// "overlay LOWER UPPER WORK", "bind FROM TO" (a folder), "file FROM TO",
// "loop IMAGE TO"; TO is below the root.
const insideScript = `
set -e
root=$1; shift
while [ "$1" != -- ]; do
	case $1 in
	overlay) mount -t overlay overlay -o "lowerdir=$2,upperdir=$3,workdir=$4" "$root"; shift 4 ;;
	bind)    mkdir -p "$root$3"; mount --bind "$2" "$root$3"; shift 3 ;;
	file)    [ -e "$root$3" ] || : > "$root$3"; mount --bind "$2" "$root$3"; shift 3 ;;
	loop)    mkdir -p "$root$3"; mount -o loop,noatime "$2" "$root$3"; shift 3 ;;
	esac
done
shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
exec chroot "$root" "$@"
`

// layerEnv keeps package scripts quiet and independent of the operator's locale.
var layerEnv = []string{"DEBIAN_FRONTEND=noninteractive", "DEBCONF_NONINTERACTIVE_SEEN=true", "LC_ALL=C.UTF-8", "TMPDIR=/tmp", "HOME=/root", systemPath}

// systemPath is root's own PATH; a sudo that keeps the user's lacks the sbin folders.
const systemPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func inside(ctx context.Context, root string, mounts []string, argv ...string) (string, error) {
	full := []string{"unshare", "--fork", "--pid", "--kill-child", "--mount", "sh", "-c", insideScript, "sh", root}
	full = append(full, mounts...)
	full = append(full, "--")
	return runEnv(ctx, layerEnv, append(full, argv...)...)
}

// buildBase makes the base system with mmdebstrap.
func (b *builder) buildBase(ctx context.Context) error {
	b.lab.log("", "building the base system ("+baseSuite+")")
	built := filepath.Join(b.work, "base")
	tree := filepath.Join(built, layerTree)
	if err := os.MkdirAll(built, 0o755); err != nil {
		return fmt.Errorf("make layer folder: %w", err)
	}
	argv := []string{
		"unshare", "--fork", "--pid", "--kill-child", "--mount-proc",
		"mmdebstrap", "--mode=root", "--variant=minbase", "--quiet",
		"--include=" + strings.Join(basePackages, ","),
		"--aptopt=" + b.aptConfig(),
		// A layer that was cut off by a power loss is built again: no need to
		// wait for the disk after each package.
		"--dpkgopt=force-unsafe-io",
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--dpkgopt=path-exclude=/usr/share/info/*",
		"--dpkgopt=path-exclude=/usr/share/bash-completion/*",
		baseSuite, tree, strings.TrimSpace(b.settings.source(baseSuite)),
	}
	// mmdebstrap's own temporary files go where a killed run is swept.
	if _, err := runEnv(ctx, []string{"TMPDIR=" + b.work, "LC_ALL=C.UTF-8", systemPath}, argv...); err != nil {
		return b.explain("build the base system", err)
	}
	if err := settleBase(tree); err != nil {
		return fmt.Errorf("set up the base system: %w", err)
	}
	return b.finish(built, baseLayer())
}

// updateLists fetches the package lists of both releases, with the computer's
// apt but none of its configuration files.
func (b *builder) updateLists(ctx context.Context) error {
	b.lab.log("", "fetching package lists")
	sources := filepath.Join(b.work, "sources.list")
	text := b.settings.source(baseSuite) + b.settings.source(sidSuite)
	if err := os.WriteFile(sources, []byte(strings.ReplaceAll(text, "deb ", "deb [signed-by="+archiveKeyring+"] ")), 0o644); err != nil {
		return fmt.Errorf("write package sources: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(b.listsDir(), "partial"), 0o755); err != nil {
		return fmt.Errorf("make package list folder: %w", err)
	}
	config := filepath.Join(b.work, "update.conf")
	settings := b.settings.config() + fmt.Sprintf(
		"Dir::Etc::main \"/dev/null\";\nDir::Etc::parts \"/nonexistent\";\nDir::Etc::sourcelist \"%s\";\nDir::Etc::sourceparts \"/nonexistent\";\n"+
			"Dir::State::lists \"%s\";\nDir::Cache \"%s\";\nAPT::Sandbox::User \"root\";\n",
		sources, b.listsDir(), filepath.Join(b.work, "cache"))
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		return fmt.Errorf("write apt settings: %w", err)
	}
	// Error-Mode: a list that cannot be fetched is otherwise only a warning.
	if _, err := runEnv(ctx, []string{"APT_CONFIG=" + config}, "apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"); err != nil {
		return b.explain("fetch package lists", err)
	}
	return nil
}

// The keys Debian signs its archive with, from the package debian-archive-keyring.
const archiveKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// buildRole installs a role's packages over the base system.
func (b *builder) buildRole(ctx context.Context, r Recipe) error {
	what := "the packages of role " + r.Role
	b.lab.log("", "installing "+what)
	built := filepath.Join(b.work, r.Role)
	tree, root := filepath.Join(built, layerTree), filepath.Join(b.work, r.Role+".root")
	for _, dir := range []string{tree, filepath.Join(built, "overlay"), root} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make layer folder: %w", err)
		}
	}
	if err := b.prepareRole(tree, r); err != nil {
		return fmt.Errorf("prepare %s: %w", what, err)
	}
	overlay := []string{"overlay", filepath.Join(b.lab.layersDir(), baseLayer(), layerTree), tree, filepath.Join(built, "overlay")}
	mounts := append(overlay,
		"bind", b.listsDir(), "/var/lib/apt/lists",
		"file", "/etc/resolv.conf", "/etc/resolv.conf",
		"file", b.aptConfig(), buildConfig)
	for _, set := range r.packages() {
		argv := []string{"apt-get", "install", "-y", "-q", "--no-install-recommends"}
		if set.Release != "" {
			argv = append(argv, "-t", set.Release)
		}
		if _, err := inside(ctx, root, mounts, append(argv, set.Names...)...); err != nil {
			return b.explain("install "+what, err)
		}
	}
	if r.Database {
		if err := b.initialiseMySQL(ctx, built, root, overlay); err != nil {
			return err
		}
	}
	if err := cleanRole(built); err != nil {
		return fmt.Errorf("clean up %s: %w", what, err)
	}
	return b.finish(built, r.layer())
}

const (
	buildConfig = "/etc/apt/apt.conf.d/99scaleup-build"
	policyFile  = "/usr/sbin/policy-rc.d"
)

// prepareRole writes what apt needs inside the layer.
func (b *builder) prepareRole(tree string, r Recipe) error {
	files := []seedFile{
		// Nothing is started while packages are being installed.
		{path: policyFile, mode: 0o755, content: "#!/bin/sh\nexit 101\n"},
		{path: buildConfig, mode: 0o600},
	}
	if r.needsSid() {
		files = append(files,
			seedFile{path: "/etc/apt/sources.list.d/" + sidSuite + ".list", mode: 0o644, content: b.settings.source(sidSuite)},
			// At 100, a package comes from sid only when asked for with -t.
			seedFile{path: "/etc/apt/preferences.d/" + sidSuite, mode: 0o644, content: "Package: *\nPin: release a=unstable\nPin-Priority: 100\n"})
	}
	return writeSeeds(tree, files)
}

// cleanRole removes what only the building needed.
func cleanRole(built string) error {
	tree := filepath.Join(built, layerTree)
	for _, path := range []string{
		policyFile, buildConfig, "/etc/resolv.conf",
		"/var/cache/apt/pkgcache.bin", "/var/cache/apt/srcpkgcache.bin", "/var/lib/apt/lists",
		"/var/log/apt", "/var/log/dpkg.log", "/var/log/alternatives.log",
		// What packages enable would start at boot with their default configuration.
		// scaleup enables what it has configured.
		"/etc/systemd/system/multi-user.target.wants",
	} {
		if err := os.RemoveAll(filepath.Join(tree, path)); err != nil {
			return err
		}
	}
	debs, _ := filepath.Glob(filepath.Join(tree, "/var/cache/apt/archives/*.deb"))
	for _, deb := range debs {
		if err := os.Remove(deb); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(built, "overlay"))
}
