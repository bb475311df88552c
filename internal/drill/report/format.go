package report

import (
	"math"
	"strconv"
	"strings"
	"time"

	"scaleup/internal/drill/record"
)

// millis words a duration of milliseconds with three significant digits, in
// milliseconds or seconds. A negative one does not apply.
func millis(ms float64) string { return precise(ms, 3) }

func precise(ms float64, digits int) string {
	switch {
	case ms < 0 || math.IsNaN(ms):
		return dash
	case math.IsInf(ms, 0):
		return "for ever"
	case ms < 999.5:
		return significant(ms, digits, digits-1) + " ms"
	default:
		return significant(ms/1000, digits, digits) + " s"
	}
}

// significant prints digits of x, and no more than that many decimals; a whole
// number is printed whole.
func significant(x float64, digits, decimals int) string {
	if x == 0 {
		return "0"
	}
	places := min(decimals, max(0, digits-1-int(math.Floor(math.Log10(math.Abs(x))))))
	s := strconv.FormatFloat(x, 'f', places, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// length words a duration.
func length(d time.Duration) string { return millis(float64(d) / float64(time.Millisecond)) }

// offset words a moment from the one that counts as zero, with its sign.
func offset(d time.Duration) string {
	switch {
	case d == 0:
		return "0 s"
	case d < 0:
		return minus + length(-d)
	default:
		return "+" + length(d)
	}
}

// stamp words a moment from zero in seconds with three decimals, so that moments
// line up in a table.
func stamp(d time.Duration) string {
	s := strconv.FormatFloat(math.Abs(d.Seconds()), 'f', 3, 64)
	if d < 0 {
		return minus + s
	}
	return "+" + s
}

// count prints a number with separated thousands.
func count(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = minus, s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// many prints a number with its noun in the right form.
func many(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

// and joins words as a sentence does.
func and(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

// orDash stands in for words that are not there.
func orDash(s string) string {
	if s == "" {
		return dash
	}
	return s
}

// connection names how an operation reached the site.
func connection(fresh bool) string {
	if fresh {
		return "new"
	}
	return "kept"
}

// outcomes words the counts of a trial's outcomes, those that occurred and always
// ok and failed.
func outcomes(requests map[string]int) string {
	var words []string
	for _, o := range record.Outcomes {
		if n := requests[o.String()]; n > 0 || o == record.OK || o == record.Failed {
			words = append(words, o.String()+" "+count(n))
		}
	}
	return strings.Join(words, ", ")
}

func total(requests map[string]int) int {
	sum := 0
	for _, n := range requests {
		sum += n
	}
	return sum
}
