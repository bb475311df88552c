package lbagent

import (
	"strings"
	"testing"
)

// TestJudge writes probes as letters (s served, y busy, l slow, b broken,
// r refused)
// and what the agent says after each (+ serves, - does not).
func TestJudge(t *testing.T) {
	outcomes := map[rune]Outcome{'s': Served, 'y': Busy, 'l': Slow, 'b': Broken, 'r': Refused}
	for _, c := range []struct{ name, probes, want string }{
		{"three good ones before it is trusted", "ssss", "--++"},
		{"a failure starts the count again", "sslsss", "-----+"},
		{"any failure does", "ssbsssrsss", "-----+---+"},
		{"one slow answer is forgiven", "ssslsss", "--+++++"},
		{"three slow answers are", "ssslllslll", "--++++++++"},
		{"four are not", "ssslllls", "--++++--"},
		{"one broken connection is forgiven", "sssbs", "--+++"},
		{"two are not", "sssbb", "--++-"},
		{"broken and slow add up", "sssbll", "--+++-"},
		{"a busy computer is waited for", "sss" + strings.Repeat("y", 19) + "s" + strings.Repeat("y", 19), "--" + strings.Repeat("+", 40)},
		{"but not for ever", "sss" + strings.Repeat("y", 20), "--" + strings.Repeat("+", 20) + "-"},
		{"a busy one that is refused", "sssyr", "--++-"},
		{"busy and slow add up", "sssyyyyylll", "--" + strings.Repeat("+", 8) + "-"},
		{"not trusted while busy", "ssyss", "-----"},
		{"refused is enough", "sssr", "--+-"},
		{"back after three", "sssrsss", "--+---+"},
		{"never trusted", "rrllbb", "------"},
	} {
		var j Judge
		var got strings.Builder
		for _, p := range c.probes {
			if j = j.After(outcomes[p]); j.Serving {
				got.WriteByte('+')
			} else {
				got.WriteByte('-')
			}
		}
		if got.String() != c.want {
			t.Errorf("%s: after %s the agent says %s, want %s", c.name, c.probes, got.String(), c.want)
		}
	}
}
