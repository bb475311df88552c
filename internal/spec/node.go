package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// node is one value of the file together with the path that names it in
// messages. Its readers return false after recording what is wrong with it.
type node struct {
	r    *report
	doc  *Key   // what may stand here; nil when nothing is described
	path string // "" for the root, else such as "servers.web1.role"
	key  string // last element of path
	at   int    // line of the key, or of the item in a list
	v    ast.Node
}

// line is where a mistake in the value is shown: a scalar's own line, but the
// key's line of a list or mapping, which starts below its key.
func (n node) line() int {
	switch n.v.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, *ast.NullNode, nil:
		return n.at
	}
	return lineOf(n.v)
}

// fail records a mistake of this value; the reason starts with its path.
func (n node) fail(hint, format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	if n.path != "" {
		reason = n.path + ": " + reason
	}
	n.r.failed[n.path] = true
	n.r.fail(n.line(), hint, "%s", reason)
}

// child names a value below this one.
func (n node) child(key string) string {
	if n.path == "" {
		return key
	}
	return n.path + "." + key
}

// fields are the entries of a mapping, in the order of the file.
type fields struct {
	node
	entries []node
}

// get finds the entry of a key.
func (f fields) get(key string) (node, bool) {
	for _, e := range f.entries {
		if e.key == key {
			return e, true
		}
	}
	return node{}, false
}

// require finds the entry of a key that has no default.
func (f fields) require(key, hint string) (node, bool) {
	e, ok := f.get(key)
	if !ok {
		f.fail(hint, "%s is missing", quote(key))
	}
	return e, ok
}

// mapping reads a mapping whose keys are described, and refuses others.
func (n node) mapping() (fields, bool) {
	f, ok := n.entries("key")
	if !ok {
		return f, false
	}
	known := n.doc.known()
	kept := f.entries[:0]
	for _, e := range f.entries {
		if !slices.Contains(known, e.key) {
			n.r.fail(e.at, didYouMean(e.key, known), "unknown key %s%s", quote(e.key), inside(n.path))
			continue
		}
		kept = append(kept, e)
	}
	f.entries = kept
	return f, true
}

// entries reads a mapping with free keys. An entry whose key stands there twice
// is reported, and returned both times; what names the kind of key.
func (n node) entries(what string) (fields, bool) {
	f := fields{node: n}
	var pairs []*ast.MappingValueNode
	switch v := n.v.(type) {
	case *ast.MappingNode:
		pairs = v.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{v}
	default:
		n.mistyped("keys with values", "write it as key: value lines or {key: value}")
		return f, false
	}
	first := map[string]int{}
	for _, p := range pairs {
		e, ok := n.entry(p)
		if !ok {
			continue
		}
		if line, twice := first[e.key]; twice {
			n.r.fail(e.at, "remove one of the two or give it another name",
				"duplicate %s %s%s, first on line %d", what, quote(e.key), inside(n.path), line)
		} else {
			first[e.key] = e.at
			n.r.lines[e.path] = e.at
		}
		f.entries = append(f.entries, e)
	}
	return f, true
}

// entry reads the key of one pair of a mapping. A key counts as it is written:
// null and true are keys like others.
func (n node) entry(p *ast.MappingValueNode) (node, bool) {
	scalar, ok := p.Key.(ast.ScalarNode)
	if !ok || p.Key.GetToken() == nil {
		n.r.fail(lineOf(p.Key), "write it as key: value", "a key that is not a single word%s", inside(n.path))
		return node{}, false
	}
	key := scalar.GetToken().Value
	return node{r: n.r, doc: n.doc.under(key), path: n.child(printable(key)), key: key, at: lineOf(p.Key), v: p.Value}, true
}

// list reads a list; what its items are is for the caller to read.
func (n node) list(hint string) ([]node, bool) {
	seq, ok := n.v.(*ast.SequenceNode)
	if !ok {
		n.mistyped("a list", hint)
		return nil, false
	}
	if len(seq.Values) == 0 {
		n.fail(hint, "the list is empty")
		return nil, false
	}
	items := make([]node, len(seq.Values))
	for i, v := range seq.Values {
		at := n.at
		if v != nil {
			at = lineOf(v)
		}
		index := strconv.Itoa(i)
		items[i] = node{r: n.r, doc: n.doc.Items, path: n.path + "[" + index + "]", key: index, at: at, v: v}
	}
	return items, true
}

// text reads a text that must not be empty.
func (n node) text(hint string) (string, bool) {
	s, ok := n.anyText(hint)
	if ok && s == "" {
		n.fail(hint, "is empty")
		return "", false
	}
	return s, ok
}

// anyText reads a text of one line. Every text ends up in some configuration
// file, where a newline would begin a setting of its own.
func (n node) anyText(hint string) (string, bool) {
	var s string
	switch v := n.v.(type) {
	case *ast.StringNode:
		s = v.Value
	case *ast.LiteralNode:
		s = v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		n.mistyped("a text", "write it in quotes if it is meant so: "+quote(v.GetToken().Value))
		return "", false
	default:
		n.mistyped("a text", hint)
		return "", false
	}
	if i := strings.IndexFunc(s, breaksLine); i >= 0 {
		n.fail("write it on one line, without escapes such as \\n or \\t",
			"%s holds a newline or control character", quote(s))
		return "", false
	}
	return s, true
}

// number reads a decimal number within its described bounds.
func (n node) number(unit string) (int64, bool) {
	low, high := n.doc.Low, n.doc.High
	hint := "write a whole number from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10) + unit
	v, ok := n.v.(*ast.IntegerNode)
	if !ok {
		n.mistyped("a whole number", hint)
		return 0, false
	}
	// The tree's own value would take 022 for 18 and 1_0 for 10.
	written := v.GetToken().Value
	i, err := strconv.ParseInt(written, 10, 64)
	if err != nil || strconv.FormatInt(i, 10) != written || i < low || i > high {
		n.fail(hint, "%s is not a whole number from %d to %d", quote(written), low, high)
		return 0, false
	}
	return i, true
}

// match reads a text that fits a pattern; what describes the pattern.
func (n node) match(pattern *regexp.Regexp, what, hint string) (string, bool) {
	s, ok := n.text(hint)
	if ok && !pattern.MatchString(s) {
		n.fail(hint, "%s is not %s", quote(s), what)
		return "", false
	}
	return s, ok
}

// mistyped records a value of the wrong type.
func (n node) mistyped(want, hint string) {
	if _, null := n.v.(*ast.NullNode); null || n.v == nil {
		n.fail("give it a value or remove the line", "has no value")
		return
	}
	n.fail(hint, "must be %s, not %s", want, kind(n.v))
}

// kind names the type of a value in the words of the messages.
func kind(v ast.Node) string {
	switch v.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys with values"
	}
	return "this"
}

// breaksLine reports whether a rune could end a line or confuse a terminal.
func breaksLine(c rune) bool {
	return unicode.IsControl(c) || c == '\u2028' || c == '\u2029'
}

// printable makes a key fit to be part of a path in messages.
func printable(key string) string {
	q := quote(key)
	return q[1 : len(q)-1]
}

// inside says in which mapping something stands; the root goes without saying.
func inside(path string) string {
	if path == "" {
		return ""
	}
	return " in " + path
}
