package internal

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// allowed lists, for each package of this module, which of the module's own
// packages it may import. Imports point down; components never import one
// another, and the pure packages (spec, topology, plan) import nothing that
// reaches a server. A name ending in /* stands for all packages below it.
var allowed = map[string][]string{
	"spec":          {},
	"siteschema":    {"spec"},
	"scaffold":      {"siteschema", "spec"},
	"journal":       {},
	"resource":      {},
	"sdnotify":      {},
	"atomicfile":    {},
	"haproxyctl":    {"atomicfile"},
	"priority":      {},
	"kernel":        {},
	"topology":      {"spec"},
	"facts":         {"resource"},
	"fault":         {"atomicfile", "resource", "sdnotify"},
	"component":     {"facts", "resource", "spec", "topology"},
	"component/*":   {"component", "facts", "resource", "spec", "topology"},
	"component/all": {"component", "component/*", "resource", "spec"},
	"secrets":       {"atomicfile", "component", "spec", "topology"},
	"remote":        {"facts", "fault", "haproxyctl", "inspect", "kernel", "priority", "resource"},
	"host":          {"remote"},
	"host/*":        {"host", "remote", "resource", "facts"},
	"plan":          {"resource", "spec", "topology"},
	"survey":        {"component", "component/all", "facts", "haproxyctl", "host", "plan", "remote", "resource", "spec", "topology"},
	"apply":         {"haproxyctl", "host", "journal", "plan", "remote", "resource", "spec", "survey", "switchover", "topology"},
	"switchover":    {"host", "remote", "spec", "survey", "topology"},
	"status":        {"facts", "haproxyctl", "host", "remote", "spec", "survey", "topology"},
	"check":         {"dbstatus", "drill/record", "evidence", "facts", "inspect", "spec", "status", "topology"},
	"logs":          {"host", "remote", "spec"},
	"inspect":       {"facts", "haproxyctl", "resource"},
	"evidence":      {"inspect", "remote", "status", "topology"},
	"dbstatus":      {"spec", "status", "survey", "topology"},
	"graph":         {"evidence", "haproxyctl", "inspect", "spec", "status", "topology"},
	"explain":       {"check", "dbstatus", "evidence", "inspect", "remote", "spec", "status", "topology"},
	"rotation":      {"component", "host", "remote", "spec", "survey", "switchover", "topology"},
	"lab":           {"atomicfile", "kernel", "spec", "topology"},
	"drill/record":  {},
	"drill/measure": {"drill/record"},
	"drill/load":    {"drill/record"},
	"drill/ledger":  {"drill/record"},
	"drill/report":  {"drill/measure", "drill/record"},
	"drill/inject":  {"drill/record", "fault", "host", "lab", "remote"},
	"drill":         {"drill/*", "fault", "host", "remote", "resource", "spec", "status", "survey", "switchover", "topology"},
	"doctor":        {"component/all", "inspect", "kernel", "remote", "resource", "spec", "survey", "topology"},
	"guard":         {"sdnotify"},
	"lbagent":       {"sdnotify"},
}

// TestImports keeps the arrows between packages as they are meant to be.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; packages++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		checkImports(t, p.ImportPath, p.Imports)
	}
	if packages < 15 {
		t.Errorf("go list names %d packages; the test looks in the wrong place", packages)
	}
}

const ours = "scaleup/internal/"

func checkImports(t *testing.T, path string, imports []string) {
	name, ok := strings.CutPrefix(path, ours)
	if !ok {
		return // this package itself
	}
	for _, i := range imports {
		target, mine := strings.CutPrefix(i, ours)
		if mine && !permitted(name, target) {
			t.Errorf("%s imports %s, which points up or sideways; see docs/ARCHITECTURE.md", name, target)
		}
	}
}

func permitted(from, to string) bool {
	rules, ok := allowed[from]
	if !ok {
		rules = allowed[from[:strings.LastIndex(from, "/")+1]+"*"]
	}
	for _, r := range rules {
		if r == to || strings.HasSuffix(r, "/*") && strings.HasPrefix(to, strings.TrimSuffix(r, "*")) {
			return true
		}
	}
	return false
}
