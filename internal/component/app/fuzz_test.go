package app

import (
	"strings"
	"testing"
)

// Whatever the site file says, one value stays one line.
func FuzzOneLine(f *testing.F) {
	for _, s := range []string{"./foobar", "a b", "%i $HOME", "x\nUser=root", `"`, `\`, "\x00", "é", "\u2028", "${mysql:host}", "${", "`id`"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if line, err := execStart([]string{"./x", s}, slotsDir+"/%i"); err == nil && strings.ContainsAny(line, "\n\r\x00") {
			t.Errorf("argument %q breaks the line: %q", s, line)
		}
		if checkVariable("NAME", s) != nil {
			return
		}
		quoted := variable{"NAME", s}.Quoted()
		if strings.ContainsAny(quoted, "\n\r\x00") {
			t.Errorf("value %q breaks the line: %q", s, quoted)
		}
		if got := unquote(quoted); got != s {
			t.Errorf("value %q is read back as %q", s, got)
		}
	})
}

// unquote reads a value in double quotes as systemd and the shell do.
func unquote(quoted string) string {
	inner := []byte(strings.TrimSuffix(strings.TrimPrefix(quoted, `"`), `"`))
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) && strings.IndexByte("\"\\`$", inner[i+1]) >= 0 {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}
