package spec

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a site file. A site of 1,000 servers needs about 50 KB and 11,000
// tokens. The YAML parser recurses from entry to entry and needs time in the
// square of their number, so the tokens, not the bytes, bound its stack and
// its time (about a second at the limit).
const (
	maxBytes  = 4 << 20
	maxTokens = 30_000
	maxDepth  = 16 // of brackets, and of dashes in a row; a site file needs 3
)

// byteOrderMark begins files that some editors write; it carries no meaning.
const byteOrderMark = "\ufeff"

// syntax turns the bytes of a site file into the syntax tree of its one
// document. It refuses what a site file never needs and what is easily read
// otherwise than it was meant: anchors, aliases, tags, directives, tabs and
// control characters. It returns nil after recording a problem.
func syntax(r *report, data []byte) (root ast.Node) {
	if len(data) > maxBytes {
		r.fail(0, "a site of 1,000 servers needs about 50 KB; is this the right file?",
			"larger than %d MiB", maxBytes>>20)
		return nil
	}
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if !checkText(r, data) || !checkTabs(r, data) {
		return nil
	}
	// The YAML package is not ours, and its input is anyone's. A file that makes
	// it panic is no valid site file; the user is owed a sentence, not a stack.
	defer func() {
		if recover() != nil {
			r.fail(0, "check its indentation, quotes and brackets", "not valid YAML")
			root = nil
		}
	}()
	// The lexer miscounts the lines of CRLF files that have comments.
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	tokens := lexer.Tokenize(string(data))
	if !checkTokens(r, tokens) {
		return nil
	}
	file := parseTokens(r, tokens)
	if file == nil {
		return nil
	}
	return onlyDocument(r, file)
}

// checkText refuses bytes that are not text, at the first line that has some.
func checkText(r *report, data []byte) bool {
	line := 1
	for len(data) > 0 {
		c, size := utf8.DecodeRune(data)
		switch {
		case c == '\n':
			line++
		case c == '\t', c == '\r' && len(data) > 1 && data[1] == '\n':
		case c == utf8.RuneError && size == 1:
			r.fail(line, "save the file as UTF-8", "not UTF-8 text")
			return false
		case c == 0:
			r.fail(line, "save the file as UTF-8 text; this looks like a binary file", "NUL byte")
			return false
		case unicode.IsControl(c):
			r.fail(line, "remove it", "control character %U", c)
			return false
		}
		data = data[size:]
	}
	return true
}

// checkTabs refuses tabs in indentation, which YAML forbids and editors hide.
func checkTabs(r *report, data []byte) bool {
	first, count, line := 0, 0, 0
	for text := range bytes.Lines(data) {
		line++
		indent := text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
		if bytes.IndexByte(indent, '\t') < 0 {
			continue
		}
		count++
		if first == 0 {
			first = line
		}
	}
	switch {
	case count == 1:
		r.fail(first, "use spaces", "tab used for indentation")
	case count > 1:
		r.fail(first, fmt.Sprintf("use spaces (%d lines of the file start with a tab)", count), "tab used for indentation")
	}
	return count == 0
}

// refusedTokens are the features of YAML that a site file does without. Anchors
// and aliases are what a YAML bomb is made of.
var refusedTokens = map[token.Type][2]string{
	token.AnchorType:    {"anchors (&name) are not supported", `write the value where it is needed; put a text that starts with & in quotes`},
	token.AliasType:     {"aliases (*name) are not supported", `write the value out; put a text that starts with * in quotes`},
	token.TagType:       {"tags (!name) are not supported", `remove the tag; put a text that starts with ! in quotes`},
	token.DirectiveType: {"directives (%NAME) are not supported", "remove the line"},
}

// checkTokens applies the limits and refuses the features before the parser
// sees them. It reports the first token of each kind.
func checkTokens(r *report, tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		r.fail(0, "a site of 1,000 servers has about 11,000; is this the right file?",
			"more than %d YAML tokens", maxTokens)
		return false
	}
	before := len(r.problems)
	seen := map[token.Type]bool{}
	depth, dashes := 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		dashes++
		if t.Type != token.SequenceEntryType && t.Type != token.MappingKeyType {
			dashes = 0
		}
		if depth > maxDepth || dashes > maxDepth {
			r.fail(t.Position.Line, "a site file needs no more than three levels",
				"nested deeper than %d levels", maxDepth)
			return false
		}
		if why, refused := refusedTokens[t.Type]; refused && !seen[t.Type] {
			seen[t.Type] = true
			r.fail(t.Position.Line, why[1], "%s", why[0])
		}
	}
	return len(r.problems) == before
}

// parseTokens builds the syntax tree, or records the first syntax error.
func parseTokens(r *report, tokens token.Tokens) *ast.File {
	const hint = "check the indentation, quotes and brackets here and on the line before"
	// Duplicate keys are allowed here so that all of them can be reported later.
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err == nil {
		return file
	}
	var at *yaml.SyntaxError
	if errors.As(err, &at) && at.Token != nil && at.Token.Position != nil {
		r.fail(at.Token.Position.Line, hint, "not valid YAML: %s", oneLine(at.Message))
	} else {
		r.fail(0, hint, "not valid YAML: %s", oneLine(err.Error()))
	}
	return nil
}

// onlyDocument returns the mapping at the root of the file's only document.
func onlyDocument(r *report, file *ast.File) ast.Node {
	if len(file.Docs) > 1 {
		r.fail(documentLine(file.Docs[1]), "keep one site per file and remove the --- line", "more than one YAML document")
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		r.fail(1, "start from examples/ha.yaml", "the file is empty")
		return nil
	}
	return file.Docs[0].Body
}

// documentLine is where a document starts.
func documentLine(d *ast.DocumentNode) int {
	if d.Start != nil && d.Start.Position != nil {
		return d.Start.Position.Line
	}
	if d.Body != nil {
		return lineOf(d.Body)
	}
	return 1
}

// lineOf is the line of a node's token.
func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// oneLine makes foreign text fit for a message of one line.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
}
