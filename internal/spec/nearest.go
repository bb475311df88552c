package spec

import "strings"

// didYouMean is the hint for a word that is not one of the known ones: the
// closest of them when the word looks like a slip of the pen, else all of them.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "use one of: " + strings.Join(known, ", ")
}

// nearest is the known word with the smallest edit distance to word, or ""
// when none is close: more than a third of its letters would have to change.
func nearest(word string, known []string) string {
	const longest = 64 // no known word is that long; the distance is quadratic
	if len(word) > longest {
		return ""
	}
	best, bestDistance := "", len(word)+longest
	for _, k := range known {
		d := distance(strings.ToLower(word), strings.ToLower(k))
		if d < bestDistance && d <= max(len(k)/3, 1) {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete or replace, or of
// neighbours to swap, that turns a into b (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
