package siteschema

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"scaleup/internal/spec"
)

const pageTop = `# The site file

Everything scaleup knows of a site is in one file, which it reads as YAML without anchors, tags and includes. Paths in it start at the file's folder.
A key that is not on this page is refused, with the line it stands on. ` + "`scaleup init`" + ` writes a file to start from, and
[` + File + `](../../` + File + `) lets editors complete and check it: put this line at the top of the file, with the path to the schema.

` + "```yaml\n%s\n```\n"

// Page is the reference page of the site file, in Markdown.
func Page() string {
	var b strings.Builder
	fmt.Fprintf(&b, pageTop, Comment(File))
	root := spec.Keys()
	b.WriteString("\n| Key | |\n|---|---|\n")
	for i := range root.Keys {
		k := &root.Keys[i]
		fmt.Fprintf(&b, "| [%s](#%s) | %s%s |\n", k.Name, k.Name, k.Title, required(k))
	}
	for i := range root.Keys {
		section(&b, &root.Keys[i])
	}
	return b.String()
}

func required(k *spec.Key) string {
	if k.Required {
		return "; required"
	}
	return ""
}

// section writes one key of the top level with all keys below it.
func section(b *strings.Builder, k *spec.Key) {
	fmt.Fprintf(b, "\n## %s\n", k.Name)
	if k.Kind == spec.Mapping { // the row of any other says it all
		fmt.Fprintf(b, "\n%s. %s\n", k.Title, meaning(k))
	}
	if names := nameRule(k); names != "" {
		fmt.Fprintf(b, "\n%s\n", names)
	}
	b.WriteString("\n| Key | Type | Default | Meaning | Example |\n|---|---|---|---|---|\n")
	rows(b, k, k.Name)
}

// meaning is what a key does, and what holds without it.
func meaning(k *spec.Key) string {
	if k.Else == "" {
		return k.Meaning
	}
	return k.Meaning + " Without it: " + strings.ToLower(k.Else[:1]) + k.Else[1:]
}

// nameRule says which names the user may choose.
func nameRule(k *spec.Key) string {
	switch {
	case len(k.Known) > 0:
		return "NAME is one of: " + code(k.Known...) + "."
	case k.Names != nil:
		return "NAME matches " + code(k.Names.String()) + "."
	}
	return ""
}

// rows writes a row for every key at and below k that holds a value.
func rows(b *strings.Builder, k *spec.Key, path string) {
	if k.Kind != spec.Mapping {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", path, cell(typeOf(k)), cell(defaultOf(k)), cell(k.Title+". "+k.Meaning), code(Flow(k.Example)))
	} else if k.Each != nil && strings.Contains(path, ".") {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s %s | |\n", path, k.Kind, cell(defaultOf(k)), cell(k.Title+". "+k.Meaning), cell(nameRule(k)))
	}
	for i := range k.Keys {
		rows(b, &k.Keys[i], path+"."+k.Keys[i].Name)
	}
	if k.Each != nil {
		rows(b, k.Each, path+".NAME")
	}
}

// typeOf names the type of a value and what it must look like.
func typeOf(k *spec.Key) string {
	switch {
	case k.Kind == spec.Number && k.Low == 0:
		return fmt.Sprintf("%s up to %d", k.Kind, k.High)
	case k.Kind == spec.Number:
		return fmt.Sprintf("%s from %d to %d", k.Kind, k.Low, k.High)
	case k.Kind == spec.List:
		return "list of: " + typeOf(k.Items)
	case k.Kind == spec.Choice:
		return code(k.Words...) + ", or keys with values"
	case len(k.Words) > 0:
		return code(k.Words...)
	case k.Pattern != nil:
		return "text, " + code(k.Pattern.String())
	}
	return map[spec.Format]string{
		spec.AnyText: "text", spec.Address: "IPv4 address", spec.Network: "IPv4 network", spec.Path: "path",
	}[k.Format]
}

func defaultOf(k *spec.Key) string {
	switch {
	case k.Required:
		return "required"
	case k.Default != nil:
		return code(Flow(k.Default))
	}
	return k.Else
}

// code sets words as code, separated by commas.
func code(words ...string) string {
	return "`" + strings.Join(words, "`, `") + "`"
}

// cell makes a text fit for a cell of a table, where a bar would end it.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// plain is a text that YAML reads as itself, in a list, too.
var plain = regexp.MustCompile(`^((\.{0,2}/|~/)\.?)?[A-Za-z][A-Za-z0-9._/-]*$|^/$|^[0-9]+(\.[0-9]+){3}(/[0-9]+)?$|^[0-9]+[MG]$`)

// words that YAML reads as something other than a text, in some version of it.
var words = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

// Flow writes a value of JSON as YAML on one line. A text is put in quotes where it
// could be read as anything else.
func Flow(v any) string {
	switch v := v.(type) {
	case string:
		if plain.MatchString(v) && !slices.Contains(words, strings.ToLower(v)) {
			return v
		}
		return strconv.Quote(v) // YAML knows all of its escapes
	case []string:
		items := make([]string, len(v))
		for i, s := range v {
			items[i] = Flow(s)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		var items []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			items = append(items, name+": "+Flow(v[name]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprint(v) // numbers
}
