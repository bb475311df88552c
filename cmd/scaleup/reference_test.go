package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/spec"
)

const sourceTree = "../.."

// The committed pages are those the program would write.
func TestReferenceIsCurrent(t *testing.T) {
	pages, err := referencePages(sourceTree)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		have, err := os.ReadFile(filepath.Join(sourceTree, p.path))
		if err != nil {
			t.Errorf("%v: run make reference", err)
			continue
		}
		if diff := cmp.Diff(string(have), string(p.content)); diff != "" {
			t.Errorf("%s is not what the program would write: run make reference and commit what it changed (-committed +generated):\n%s", p.path, diff)
		}
	}
}

// Every page says what it is about, and no hidden verb is on one.
func TestCLIPage(t *testing.T) {
	root := newRoot(streams{})
	text := cliPage(root)
	for _, want := range []string{"## scaleup up\n", "## scaleup lab freeze\n", "scaleup drill NAME", "--no-input", "Flags:"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	for _, c := range root.Commands() {
		if on := strings.Contains(text, "## scaleup "+c.Name()+"\n"); on == c.Hidden {
			t.Errorf("%s: hidden %t, on the page %t", c.Name(), c.Hidden, on)
		}
	}
}

// Every exit code of the program is on the page.
func TestExitCodesAreListed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "exit") {
			declared++
		}
		return true
	})
	if declared != len(exitCodes) || declared == 0 {
		t.Errorf("%d exit codes are declared in main.go, %d are described", declared, len(exitCodes))
	}
}

// One table stands for a whole tier only if its servers have the same rules.
func TestFlowsOfATierAreTheSame(t *testing.T) {
	shape, err := exampleTopology(filepath.Join(sourceTree, "examples", "ha.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range spec.Roles {
		tier := shape.With(role)
		first := flowRows(shape, tier[0])
		for _, s := range tier[1:] {
			if rows := flowRows(shape, s); !slices.Equal(rows, first) {
				t.Errorf("%s has %v, %s has %v", tier[0].Name, first, s.Name, rows)
			}
		}
	}
	page := portsPage(shape)
	for _, want := range []string{
		"| anyone | the public virtual address | tcp 80, 443 | the users |",
		"| the networks of `ssh.allow` | the server's own address | tcp 22 |",
		"| the other load balancers | the server's own address | VRRP |",
		"| the other database servers | the server's own address | tcp 3306, 8009 |",
		"| the load balancers | VRRP; tcp 10000 | tcp 80 | tcp 8001, 8002 | tcp 3306, 8008 |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page:\n%s", want, page)
		}
	}
}

func TestFilesPage(t *testing.T) {
	shape, err := exampleTopology(filepath.Join(sourceTree, "examples", "ha.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := filesPage(shape)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"`/etc/haproxy/haproxy.cfg`", "`keepalived.service`", "`/etc/nginx/nginx.conf`", "`/etc/mysql/my.cnf`", "`/etc/nftables.conf`",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	if strings.Contains(page, "[secret") || strings.Contains(page, "Server:") {
		t.Error("the page shows more than names")
	}
}
