package lab

import (
	"fmt"
	"runtime"
	"strings"

	"scaleup/internal/kernel"
)

// Requirement is one thing the lab needs of this computer.
type Requirement struct {
	ID  string // architecture, root, folder, tools, kernel, bridge, subnet, disk
	Err error  // nil when it is met; else a *Problem, or an error of the system
}

// Examine looks at everything the lab needs, where Preflight and Ensure stop at the
// first thing that is missing. It changes nothing.
func (l *Lab) Examine(machines []Machine, recipes []Recipe) []Requirement {
	var all []Requirement
	for _, r := range l.requirements() {
		all = append(all, Requirement{ID: r.id, Err: r.met()})
	}
	return append(all, Requirement{ID: "disk", Err: l.checkRoom(machines, recipes)})
}

// requirement is one that can be looked at.
type requirement struct {
	id  string
	met func() error
}

// requirements are what must be true of this computer, in the order in which they are
// of use to hear.
func (l *Lab) requirements() []requirement {
	bridge := bridgeName(l.name)
	return []requirement{
		{"architecture", func() error { return checkArchitecture(runtime.GOARCH) }},
		{"root", needRoot},
		{"folder", l.checkFolder},
		{"tools", checkTools},
		{"kernel", func() error { return checkKernel("/") }},
		{"bridge", func() error { return l.checkBridge(bridge) }},
		{"subnet", func() error { return l.checkSubnet(bridge) }},
	}
}

// checkFolder refuses what overlay mounts cannot have in a path.
func (l *Lab) checkFolder() error {
	if !strings.ContainsAny(l.dir, ",:\\ \t") {
		return nil
	}
	return &Problem{
		Reason: fmt.Sprintf("the lab folder %q has a blank, comma, colon or backslash in its name, which overlay mounts cannot have", l.dir),
		Fix:    "choose another with --lab-dir",
	}
}

func checkTools() error {
	missing := missingTools()
	if len(missing) == 0 {
		return nil
	}
	return &Problem{
		Reason: "this computer lacks what the lab is made with: " + strings.Join(missing, ", "),
		Fix:    "install it: apt-get install " + strings.Join(missing, " "),
	}
}

// checkKernel refuses a kernel of which it is known that it lacks something. One that
// does not tell is given the chance.
func checkKernel(root string) error {
	var missing []string
	for _, name := range []string{"overlay", "ext4"} {
		if kernel.FileSystem(root, name) == kernel.No {
			missing = append(missing, name)
		}
	}
	for _, name := range []string{"bridge", "veth", "nf_tables", "loop"} {
		if kernel.Module(root, name) == kernel.No {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &Problem{
		Reason: "the kernel of this computer lacks what the lab is made with: " + strings.Join(missing, ", "),
		Fix:    "run a kernel of the distribution, with its modules, such as linux-image-" + runtime.GOARCH,
	}
}

// checkRoom is checkSpace for the machines that are still to be made.
func (l *Lab) checkRoom(machines []Machine, recipes []Recipe) error {
	missing, err := l.unmade(machines)
	if err != nil {
		return err
	}
	return l.checkSpace(newLayerSet(l, recipesOf(missing, recipes)), missing)
}
