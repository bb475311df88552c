package check

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestText(t *testing.T) {
	const want = `1 single point of failure: web2; 2 warnings

critical web2     the last web server that works: web1 is down
         why      so it is
         fix      start it
         drill    web-off

warning  app1     6 % of its memory is available
warning  app2     7 % of its memory is available, which is a little more than
                  there is on the other server of this tier
         why      the kernel kills
         fix      see app1
         fix      first this, which takes its time; then:
                  scaleup apply -f examples/ha.yaml; all is well
`
	r := Report{Verdict: "1 single point of failure: web2; 2 warnings", Findings: []Finding{
		{"spof", Critical, "web2", "the last web server that works: web1 is down", "so it is", "start it", "web-off"},
		{"memory", Warning, "app1", "6 % of its memory is available", "the kernel kills", "see app1", ""},
		{"memory", Warning, "app2", "7 % of its memory is available, which is a little more than there is on the other server of this tier", "the kernel kills", "first this, which takes its time; then: scaleup apply -f examples/ha.yaml; all is well", ""},
	}}
	var b strings.Builder
	Text(&b, r)
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever is found fits a terminal, but for words that are longer than a line.
func TestTextFits(t *testing.T) {
	top := example(t, "ha.yaml")
	w := healthy(t, top)
	w.off("lb2")
	w.edit(t, "web2", nginxConfig, "proxy_read_timeout 25s", "proxy_read_timeout 2s")
	w.rule(t, "db2", "tcp dport 9999 accept")
	var b strings.Builder
	Text(&b, NewReport(top, true, Running(w.look(top), fresh)))
	for l := range strings.Lines(b.String()) {
		if utf8.RuneCountInString(strings.TrimSuffix(l, "\n")) > columns {
			t.Errorf("%q is too wide", l)
		}
	}
}
