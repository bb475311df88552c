package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"runtime"
	"slices"
)

// The Debian releases layers are made of.
const (
	baseSuite = "trixie"
	sidSuite  = "sid" // for what the base release lacks: MySQL
)

// basePackages make a machine that boots and answers SSH. sudo is there because
// real servers have it and a sudo user must work in the lab, too.
var basePackages = []string{"systemd", "systemd-sysv", "dbus", "openssh-server", "iproute2", "nftables", "sudo"}

// layerFormat is part of every layer's name. It changes when layers are built
// in another way, so that old ones are not mistaken for new.
const layerFormat = 2

// baseLayer names the base system's layer.
func baseLayer() string {
	return "base-" + digest(layerFormat, runtime.GOARCH, baseSuite, basePackages, maskedUnits)
}

// layer names a role's layer by what is in it. A role without packages has
// none: it is the base system.
func (r Recipe) layer() string {
	if len(r.packages()) == 0 && !r.Database {
		return ""
	}
	script := ""
	if r.Database {
		script = mysqlScript
	}
	return r.Role + "-" + digest(baseLayer(), r.packages(), script)
}

// packages are the sets in order, without the empty ones and without what the
// base system has.
func (r Recipe) packages() []PackageSet {
	var sets []PackageSet
	for _, s := range r.Packages {
		names := slices.Clone(s.Names)
		if s.Release == "" || s.Release == baseSuite {
			s.Release = ""
			names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(basePackages, n) })
		}
		slices.Sort(names)
		if names = slices.Compact(names); len(names) > 0 {
			sets = append(sets, PackageSet{Names: names, Release: s.Release})
		}
	}
	return mergeBase(sets)
}

// mergeBase joins the sets of the base release, so that apt-get runs once for
// them.
func mergeBase(sets []PackageSet) []PackageSet {
	var base PackageSet
	var others []PackageSet
	for _, s := range sets {
		if s.Release == "" {
			base.Names = append(base.Names, s.Names...)
		} else {
			others = append(others, s)
		}
	}
	if len(base.Names) == 0 {
		return others
	}
	slices.Sort(base.Names)
	base.Names = slices.Compact(base.Names)
	return append([]PackageSet{base}, others...)
}

// needsSid reports whether a package comes from the other release.
func (r Recipe) needsSid() bool {
	return slices.ContainsFunc(r.packages(), func(s PackageSet) bool { return s.Release == sidSuite })
}

func digest(parts ...any) string {
	data, _ := json.Marshal(parts) // strings, lists and numbers: cannot fail
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:6])
}
