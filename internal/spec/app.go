package spec

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	urlPath = regexp.MustCompile(`^/[A-Za-z0-9._~/-]*$`)
	size    = regexp.MustCompile(`^([1-9][0-9]{0,6})([MG])$`)
	envName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
)

// Memory of one slot, in bytes.
const (
	defaultMemory = 512 << 20
	leastMemory   = 32 << 20
)

// app reads the app: stanza.
func (d decoder) app(n node) AppTier {
	a := AppTier{Health: "/healthz", Ready: "/readyz", Memory: defaultMemory}
	m, ok := n.mapping()
	if !ok {
		return a
	}
	if e, ok := m.require("release", "add release: with the folder that holds the program"); ok {
		a.Release = d.path(e, "use the folder that holds the program")
	}
	if e, ok := m.require("command", "add command: [./PROGRAM] with the program of the release"); ok {
		a.Command = e.argv()
	}
	if e, ok := m.get("migrate"); ok {
		a.Migrate = e.argv()
	}
	if e, ok := m.get("health"); ok {
		a.Health = e.urlPath()
	}
	if e, ok := m.get("ready"); ok {
		a.Ready = e.urlPath()
	}
	if e, ok := m.get("env"); ok {
		a.Env = e.env()
	}
	if e, ok := m.get("memory"); ok {
		a.Memory = e.memory()
	}
	return a
}

// argv reads a command. Only its first word must not be empty.
func (n node) argv() []string {
	const hint = "use a list of words such as [./server, --flag]"
	items, ok := n.list(hint)
	if !ok {
		return nil
	}
	var argv []string
	for i, item := range items {
		read := item.anyText
		if i == 0 {
			read = item.text
		}
		word, ok := read(hint)
		if !ok {
			n.r.failed[n.path] = true
		}
		argv = append(argv, word)
	}
	return argv
}

// urlPath reads the path of a URL. The characters are those that need quoting
// neither in a URL nor in the configuration of a load balancer.
func (n node) urlPath() string {
	s, _ := n.match(urlPath, "a path of the site",
		"start with / and use letters, digits and . _ ~ - /, such as "+map[string]string{"health": "/healthz", "ready": "/readyz"}[n.key])
	return s
}

// memory reads an amount of memory such as 512M or 1G, in powers of 1024.
func (n node) memory() int64 {
	const hint = "use an amount such as 512M or 1G, at least 32M"
	s, ok := n.match(size, "an amount of memory", hint)
	if !ok {
		return 0
	}
	parts := size.FindStringSubmatch(s)
	amount, _ := strconv.ParseInt(parts[1], 10, 64) // at most seven digits, says the pattern
	bytes := amount << map[string]int{"M": 20, "G": 30}[parts[2]]
	if bytes < leastMemory {
		n.fail(hint, "%s is less than 32M", s)
		return 0
	}
	return bytes
}

// references are what a value of env: may hold in place of text.
var references = []string{
	"${secret:mysql}", "${mysql:host}", "${mysql:port}", "${mysql:read_port}",
	"${mysql:database}", "${mysql:user}", "${mysql:ca_file}",
}

var reference = regexp.MustCompile(`\$\{[^}]*\}?`)

// env reads the extra environment of the program.
func (n node) env() map[string]string {
	f, ok := n.entries("variable")
	if !ok {
		return nil
	}
	env := map[string]string{}
	for _, e := range f.entries {
		e.envName()
		value, ok := e.anyText("use a text; put numbers in quotes")
		if ok {
			e.references(value)
		}
		if _, twice := env[e.key]; !twice {
			env[e.key] = value
		}
	}
	return env
}

// envName checks the name of a variable. What scaleup itself sets cannot be set.
func (n node) envName() {
	switch {
	case !envName.MatchString(n.key):
		n.r.fail(n.at, "use upper-case letters, digits and _, not starting with a digit",
			"app.env: %s is not the name of a variable", quote(n.key))
	case n.key == "PORT", n.key == "SCALEUP_SERVER", strings.HasPrefix(n.key, "MYSQL_"):
		n.r.fail(n.at, "remove it; a variable of another name may take its value from a reference such as ${mysql:host}",
			"app.env: %s is set by scaleup", n.key)
	}
}

// references checks what stands in ${…} in a value.
func (n node) references(value string) {
	for _, ref := range reference.FindAllString(value, -1) {
		if !slices.Contains(references, ref) {
			n.fail(didYouMean(ref, references), "%s is not a known reference", quote(ref))
		}
	}
}
