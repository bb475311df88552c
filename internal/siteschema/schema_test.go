package siteschema

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"scaleup/internal/spec"
)

func schema(t *testing.T) node {
	t.Helper()
	data, err := JSON()
	if err != nil {
		t.Fatal(err)
	}
	return schemaOf(t, data)
}

// broken is what a site file breaks of the schema.
func broken(t *testing.T, s node, text string) []string {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return refusals(s, s, "", numbers(v))
}

// numbers makes all numbers of a value what JSON has: floats.
func numbers(v any) any {
	switch v := v.(type) {
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

func TestExamplesFit(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	s := schema(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := broken(t, s, string(text)); got != nil {
			t.Errorf("%s breaks %q", file, got)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		if want := Comment("../" + File); first != want {
			t.Errorf("%s begins with %q, want %q", file, first, want)
		}
	}
}

// good is a file that both spec and the schema take; the mistakes are made in it.
const good = `site: www.example.com
lab: {name: example, subnet: 10.77.0.0/24}
servers:
  lb1: {role: loadbalancer}
  web1: {role: web}
  app1: {role: app}
  db1: {role: database}
ssh: {port: 22, key: ~/key, allow: [10.0.0.0/8]}
tls: {certificate: {cert: a.pem, key: b.pem}}
web: {static: static}
app:
  release: release
  command: [./server, ""]
  env: {DSN: "${mysql:user}"}
database: {name: example}
drill: {pages: ["/menu?a=1"], writes: rows}
objectives:
  null: {failed: 0}
`

// What both can see, both refuse.
func TestMistakes(t *testing.T) {
	s := schema(t)
	dir := t.TempDir()
	if got := broken(t, s, good); got != nil {
		t.Fatalf("the good file breaks %q", got)
	}
	for _, c := range []struct{ from, to, want string }{
		{"site: www.example.com", "site: WWW.example.com", ".site: pattern"},
		{"site: www.example.com\n", "", ".site: required"},
		{"lab: {name: example,", "lab: {nam: example,", ".lab.nam: additionalProperties"},
		{"10.77.0.0/24", "10.77.0.0", ".lab.subnet: pattern"},
		{"role: web", "role: wbe", ".servers.web1.role: enum"},
		{"{role: web}", "{}", ".servers.web1.role: required"},
		{"{role: web}", "web", ".servers.web1: type"},
		{"web1:", "Web1:", ".servers.Web1: propertyNames"},
		{"role: web", "role: web, address: 192.0.2", ".servers.web1.address: pattern"},
		{"port: 22", "port: 65536", ".ssh.port: bounds"},
		{"port: 22", "port: ssh", ".ssh.port: type"},
		{"~/key", "~bob/key", ".ssh.key: pattern"},
		{"[10.0.0.0/8]", "[]", ".ssh.allow: minItems"},
		{"[10.0.0.0/8]", "10.0.0.0/8", ".ssh.allow: type"},
		{", key: b.pem", "", ".tls.certificate.key: required .tls.certificate: type"},
		{"[./server, \"\"]", "[./server, 80]", ".app.command[1]: type"},
		{"release: release", "release: release\n  memory: 512MB", ".app.memory: pattern"},
		{"DSN:", "dsn:", ".app.env.dsn: propertyNames"},
		{"name: example}\ndrill", "name: example, packages: oracle}\ndrill", ".database.packages: enum"},
		{"/menu?a=1", "menu", ".drill.pages[0]: pattern"},
		{"writes: rows", "writes: none", ".drill.writes: enum"},
		{"null:", "nil:", ".objectives.nil: additionalProperties"},
		{"failed: 0", "failed: -1", ".objectives.null.failed: bounds"},
	} {
		if strings.Count(good, c.from) != 1 {
			t.Errorf("%q stands %d times in the file", c.from, strings.Count(good, c.from))
		}
		text := strings.Replace(good, c.from, c.to, 1)
		if got := strings.Join(broken(t, s, text), " "); got != c.want {
			t.Errorf("%s: the schema says %q, want %q", c.to, got, c.want)
		}
		if !inText(text, dir) {
			t.Errorf("%s: spec takes it", c.to)
		}
	}
	if inText(good, dir) {
		t.Error("spec refuses the good file")
	}
}

// inText reports whether spec finds a mistake in the text, beside those on the disk.
func inText(text, dir string) bool {
	_, err := spec.Parse([]byte(text), filepath.Join(dir, "site.yaml"))
	problems, _ := err.(spec.Errors)
	for _, p := range problems {
		if !p.Disk {
			return true
		}
	}
	return false
}

func TestPageNamesEveryKey(t *testing.T) {
	page := Page()
	for _, want := range []string{
		"| `site` |", "| `lab.subnet` |", "| `servers.NAME.role` |", "| `tls.certificate.cert` |", "| `app.env.NAME` |",
		"| `objectives.NAME.failed` |", "`[0.0.0.0/0]`", "whole number from 1 to 65535", "`database-primary-kill`",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	for line := range strings.Lines(page) {
		bars := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if strings.HasPrefix(line, "|") && bars != 3 && bars != 6 {
			t.Errorf("%d bars in the row %s", bars, line)
		}
	}
}

// What Flow writes is read as what it was made from.
func TestFlow(t *testing.T) {
	for _, v := range []any{
		"www.example.com", "./static", "../x", "~/.ssh/id", "/", "/healthz", "10.77.0.0/24", "192.0.2.1", "512M", "debian-sid",
		"", "~", "yes", "No", "null", "12", "1.5", "1e3", ".5", "0x10", "a: b", "a #b", "a,b", "[a]", "{a}", "&a", "*a", "!a", "%a", "@a", "`a`", "'a'", `"a"`, `a\b`,
		"- a", "? a", "a b", " a", "ünï", "\u2028", "<a&b>", "${mysql:user}@tcp(x)",
		[]string{"./server", "--a=b", "", "a, b"},
	} {
		var got map[string][]any
		if err := yaml.Unmarshal([]byte("k: ["+Flow(v)+"]"), &got); err != nil {
			t.Errorf("%q as %s: %v", v, Flow(v), err)
			continue
		}
		want := []any{v}
		if list, ok := v.([]string); ok {
			items := make([]any, len(list))
			for i, s := range list {
				items[i] = s
			}
			want = []any{items}
		}
		if diff := cmp.Diff(want, got["k"]); diff != "" {
			t.Errorf("%q as %s (-want +got):\n%s", v, Flow(v), diff)
		}
	}
	if got, want := Flow(map[string]any{"b": 1, "a": []string{"x"}}), "{a: [x], b: 1}"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
