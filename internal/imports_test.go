package internal

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
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
	"drill/inject":  {"atomicfile", "drill/record", "fault", "host", "lab", "remote"},
	"drill":         {"drill/*", "fault", "host", "remote", "resource", "spec", "status", "survey", "switchover", "topology"},
	"doctor":        {"component/all", "inspect", "kernel", "remote", "resource", "spec", "survey", "topology"},
	"guard":         {"sdnotify"},
	"lbagent":       {"sdnotify"},
}

// TestImports keeps the arrows between packages as they are meant to be. It reads the
// files itself: what another process reads, the cache of test results does not know of.
func TestImports(t *testing.T) {
	packages := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(filepath.Dir(file))
		packages[name] = true
		for _, i := range parsed.Imports {
			target, mine := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), ours)
			if mine && !permitted(name, target) {
				t.Errorf("%s imports %s, which points up or sideways; see docs/ARCHITECTURE.md", file, target)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 15 {
		t.Errorf("%d packages; the test looks in the wrong place", len(packages))
	}
}

const ours = "scaleup/internal/"

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
