package report

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestMillis(t *testing.T) {
	for ms, want := range map[float64]string{
		-1: "–", 0: "0 ms", 0.04: "0.04 ms", 1.04: "1.04 ms", 9.96: "9.96 ms", 70: "70 ms", 71.3: "71.3 ms", 148.2: "148 ms",
		999.4: "999 ms", 999.6: "1 s", 1000: "1 s", 6812: "6.81 s", 8000: "8 s", 31240: "31.2 s", 123400: "123 s", 4e6: "4000 s",
		math.Inf(1): "for ever", math.NaN(): "–",
	} {
		if got := millis(ms); got != want {
			t.Errorf("millis(%v) = %q, want %q", ms, got, want)
		}
	}
}

func TestMoments(t *testing.T) {
	for d, want := range map[time.Duration][2]string{
		0:                       {"0 s", "+0.000"},
		24 * time.Millisecond:   {"+24 ms", "+0.024"},
		-2 * time.Second:        {"−2 s", "−2.000"},
		26200e6:                 {"+26.2 s", "+26.200"},
		-815 * time.Microsecond: {"−0.81 ms", "−0.001"},
	} {
		if got := [2]string{offset(d), stamp(d)}; got != want {
			t.Errorf("%v is told as %q, want %q", d, got, want)
		}
	}
}

func TestCounts(t *testing.T) {
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 12300: "12,300", 1234567: "1,234,567", -1234: "−1,234"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	if got := many(1, "trial") + ", " + many(2, "trial") + ", " + many(0, "trial"); got != "1 trial, 2 trials, 0 trials" {
		t.Errorf("many: %s", got)
	}
	if got := and(nil) + "|" + and([]string{"a"}) + "|" + and([]string{"a", "b", "c"}); got != "|a|a, b and c" {
		t.Errorf("and: %s", got)
	}
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		n, all int
		want   string
	}{
		{0, 0, "–"}, {0, 10, "0.00 %"}, {10, 10, "100.00 %"}, {1, 3, "33.33 %"},
		{1, 100_000, "< 0.01 %"}, {99_999, 100_000, "> 99.99 %"}, // never none, never all
	} {
		if got := share(c.n, c.all); got != c.want {
			t.Errorf("share(%d, %d) = %q, want %q", c.n, c.all, got, c.want)
		}
	}
}

// TestWrap: no word is lost, moved or cut, and no line is too wide unless a single
// word is.
func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.StringMatching(`[a-zé✓]{1,12}`)).Draw(t, "words")
		width := rapid.IntRange(1, 30).Draw(t, "width")
		lines := wrap(strings.Join(words, "  "), width)
		if got, want := strings.Join(lines, " "), strings.Join(words, " "); got != want {
			t.Fatalf("got the words %q, want %q", got, want)
		}
		for _, l := range lines {
			if utf8.RuneCountInString(l) > width && strings.Contains(l, " ") {
				t.Fatalf("line %q is wider than %d", l, width)
			}
		}
	})
}

func TestPrintable(t *testing.T) {
	if got, want := printable("a\x1b[31mb\tc\nd\x00é"), "a�[31mb c d�é"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
