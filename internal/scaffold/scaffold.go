// Package scaffold writes the site file that a new site starts from: one that a
// beginner understands and an expert keeps. Its keys and their defaults come from the
// table that spec itself reads. It asks nobody and touches no disk.
package scaffold

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"scaleup/internal/siteschema"
	"scaleup/internal/spec"
)

// Choices are what distinguishes one new site from another. Empty fields have defaults;
// see Complete.
type Choices struct {
	Site             string            // host name
	Size             Size              // zero: ha
	Addresses        map[string]string // by server name, all of Size.Names; empty: the servers are the lab's
	Public, Internal string            // virtual addresses; required with Addresses
	User             string            // for SSH, with Addresses
	Static, Release  string            // folders, as the file is to name them
	Command, Migrate []string          // argv; no Migrate: none
	Database         string            // the program's database
	Packages         string            // where MySQL comes from
	Schema           string            // path of the schema the file refers to; "": none
}

// Complete fills what is empty with its default. The database and the lab are called
// after the site: www.shop.example becomes shop.
func (c Choices) Complete() Choices {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	if c.Size.Name == "" {
		c.Size = sizes[len(sizes)-1]
	}
	set(&c.Site, "www.example.com")
	set(&c.User, "root")
	set(&c.Static, "./static")
	set(&c.Release, "./release")
	set(&c.Database, databaseName(c.Site))
	set(&c.Packages, string(spec.DebianSid))
	if len(c.Command) == 0 {
		c.Command = []string{"./server"}
	}
	return c
}

// InLab reports whether the lab makes the servers.
func (c Choices) InLab() bool { return len(c.Addresses) == 0 }

// Lab is the name of the site's lab, such as shop-ha: two sizes of one site may be up
// at once, if they have networks of their own.
func (c Choices) Lab() string {
	const longest = 20
	name, end := strings.ReplaceAll(databaseName(c.Site), "_", "-"), "-"+c.Size.Name
	return name[:min(len(name), longest-len(end))] + end
}

var notPlain = regexp.MustCompile(`[^a-z0-9]+`)

// databaseName makes a name for databases of the first label of a host name that is
// not www. It may be one that MySQL has itself; spec says so.
func databaseName(site string) string {
	const longest = 64
	name, _, _ := strings.Cut(strings.TrimPrefix(site, "www."), ".")
	name = strings.Trim(notPlain.ReplaceAllString(name, "_"), "_")
	if name == "" || name[0] < 'a' {
		name = "site" + name
	}
	return name[:min(len(name), longest)]
}

// Missing lists what a choice of addresses lacks or has too much; nil when it is whole.
func (c Choices) Missing() error {
	if c.InLab() {
		return nil
	}
	names := c.Size.Names()
	for name := range c.Addresses {
		if !slices.Contains(names, name) {
			return fmt.Errorf("size %s has no server %q; there are: %s", c.Size.Name, name, strings.Join(names, ", "))
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return c.Addresses[name] != "" })
	if len(names) > 0 {
		return fmt.Errorf("these servers of size %s have no address: %s", c.Size.Name, strings.Join(names, ", "))
	}
	return nil
}

//go:embed site.yaml.tmpl
var text string

// Text is the site file.
func (c Choices) Text() ([]byte, error) {
	t, err := template.New("site.yaml").Funcs(template.FuncMap{
		"key": key, "option": option, "flow": siteschema.Flow, "comment": siteschema.Comment,
	}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the template of site files: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, view{c}); err != nil {
		return nil, fmt.Errorf("write the site file: %w", err)
	}
	return []byte(b.String()), nil
}

// width is that of keys and values; remarks stand behind it.
const width = 42

// key is a line "name: value" with a remark behind it. The path is that of the table of
// keys; its depth is the indentation.
func key(path string, value any, remark string) (string, error) {
	return line("", path, func(*spec.Key) any { return value }, remark)
}

// option is a key that is commented out, with its default or, where it has none, an
// example.
func option(path, remark string) (string, error) {
	return line("#", path, func(k *spec.Key) any {
		if k.Default != nil {
			return k.Default
		}
		return k.Example
	}, remark)
}

func line(mark, path string, value func(*spec.Key) any, remark string) (string, error) {
	names := strings.Split(path, ".")
	k := spec.Keys().Find(names...)
	if k == nil {
		return "", fmt.Errorf("the site file has no key %s", path)
	}
	written := strings.Repeat("  ", len(names)-1) + mark + k.Name + ": " + siteschema.Flow(value(k))
	return remarked(written, width, remark), nil
}

// remarked is a line with a remark behind it, if there is one.
func remarked(line string, width int, remark string) string {
	if remark == "" {
		return line
	}
	return fmt.Sprintf("%-*s # %s", width, line, remark)
}

// view is what the template sees.
type view struct{ Choices }

// Lines are the servers, aligned, with a remark on the first of each role.
func (v view) Lines() []string {
	var lines []string
	i, names := 0, v.Size.Names()
	for tier, role := range spec.Roles {
		for n := range v.Size.Counts[tier] {
			name := names[i]
			i++
			written, wide := fmt.Sprintf("  %-5s {role: %s}", name+":", role), width
			if !v.InLab() {
				written = fmt.Sprintf("  %-5s {role: %-13s address: %s}", name+":", string(role)+",", siteschema.Flow(v.Addresses[name]))
				wide = len("  name: {role: loadbalancer, address: 255.255.255.255}")
			}
			if n == 0 {
				written = remarked(written, wide, remark(role, v.Size.Counts[tier]))
			}
			lines = append(lines, written)
		}
	}
	return lines
}

// remark says what the servers of a role are there for, and why there are so many.
func remark(role spec.Role, count int) string {
	many := count > 1
	switch role {
	case spec.LoadBalancer:
		if many {
			return "HAProxy; when one fails, the other takes over its addresses"
		}
		return "HAProxy; a second one, lb2, would take over its addresses"
	case spec.Web:
		if many {
			return "Nginx and the static files"
		}
		return "Nginx and the static files; a second one, web2, would survive it"
	case spec.App:
		if many {
			return "your program"
		}
		return "your program; a second one, app2, would survive it"
	}
	if many {
		return "MySQL; three, because a majority must agree on the primary"
	}
	return "MySQL; with db2 and db3 the site would survive any one of them"
}
