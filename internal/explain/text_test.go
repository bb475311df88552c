package explain

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func document() Document {
	return Document{Schema: 1, Site: "www.foobar.com", At: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), Answers: []Answer{
		{
			Name: "a", Question: "What is a?", Group: "First", Text: "One <b> and a_b.\n\nTwo.",
			Evidence: []Evidence{{What: "x|y", Value: "*v*", From: "web1"}},
		},
		{Name: "b", Question: "What is b?", Group: "First", Text: "Three."},
		{Name: "c", Question: "What is c?", Group: "Second", Text: "Four."},
	}}
}

func TestText(t *testing.T) {
	var out strings.Builder
	Text(&out, document())
	want := "What is a?\n\n  One <b> and a_b.\n\n  Two.\n\n  Read just now:\n    - x|y: *v* [web1]\n\nWhat is b?\n\n  Three.\n\nWhat is c?\n\n  Four.\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMarkdown(t *testing.T) {
	var out strings.Builder
	Markdown(&out, document(), "scaleup explain --all")
	want := `# www.foobar.com, explained

Read from the running site www.foobar.com at 2026-11-27 12:00:00 UTC by ` + "`scaleup explain --all`" + `; the tables are what its servers showed at that moment.

## First

### What is a?

One \<b> and a\_b.

Two.

| What | Value | Read from |
|---|---|---|
| x\|y | \*v\* | web1 |

### What is b?

Three.

## Second

### What is c?

Four.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Lines fit a terminal, but for single words that do not.
func TestTextFits(t *testing.T) {
	var out strings.Builder
	Text(&out, Explain(look(t, ha(t)), Catalogue()))
	List(&out, Catalogue())
	for l := range strings.Lines(out.String()) {
		l = strings.TrimRight(l, "\n")
		if utf8.RuneCountInString(l) > columns && strings.Contains(strings.TrimLeft(l, " -"), " ") {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
		}
	}
}

func TestList(t *testing.T) {
	var out strings.Builder
	List(&out, Catalogue())
	for _, q := range Catalogue() {
		if !strings.Contains(out.String(), "  "+q.Name+" ") || !strings.Contains(out.String(), q.Group+"\n") {
			t.Errorf("the list lacks %s of %s", q.Name, q.Group)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"one two three", []string{"one two", "three"}},
		{"ééé ééé", []string{"ééé ééé"}},
		{"muchtoolong a", []string{"muchtoolong", "a"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.text, 7)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}
