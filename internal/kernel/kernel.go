// Package kernel tells whether the running kernel has a feature that may be a module
// of its own. It loads nothing.
package kernel

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Has is whether the kernel has a module.
type Has string

// What can be told of a module. Unknown: it is not loaded, and the lists of modules are
// not here, as in a container, or with a kernel that has it all built in.
const (
	Yes     Has = "yes"
	No      Has = "no"
	Unknown Has = "unknown"
)

// lists name the modules that are part of the kernel and those that can be loaded.
var lists = [...]string{"modules.builtin", "modules.dep"}

// Module looks for a module by its name, below root ("/" but in tests): loaded, built in
// or there to be loaded.
func Module(root, name string) Has {
	if _, err := os.Stat(filepath.Join(root, "sys/module", name)); err == nil {
		return Yes
	}
	release, err := os.ReadFile(filepath.Join(root, "proc/sys/kernel/osrelease"))
	if err != nil {
		return Unknown
	}
	found := No
	for _, list := range lists {
		listed, err := names(filepath.Join(root, "lib/modules", strings.TrimSpace(string(release)), list), name)
		switch {
		case listed:
			return Yes
		case err != nil:
			found = Unknown
		}
	}
	return found
}

// names reports whether a list of modules has one of a name. A line begins with its
// path, such as kernel/net/netfilter/nf_tables.ko.xz; hyphens and underscores in names are
// the same to the kernel.
func names(list, name string) (bool, error) {
	file, err := os.Open(list)
	if err != nil {
		return false, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		at, _, _ := strings.Cut(lines.Text(), ":")
		base, _, _ := strings.Cut(path.Base(at), ".ko")
		if strings.ReplaceAll(base, "-", "_") == name {
			return true, nil
		}
	}
	return false, lines.Err()
}

// FileSystem is whether the kernel knows a type of file system, as it lists them or by
// the module of the same name.
func FileSystem(root, name string) Has {
	known, err := os.ReadFile(filepath.Join(root, "proc/filesystems"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Unknown
	}
	for line := range strings.Lines(string(known)) {
		if f := strings.Fields(line); len(f) > 0 && f[len(f)-1] == name {
			return Yes
		}
	}
	return Module(root, name)
}
