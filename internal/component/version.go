package component

import (
	"strconv"
	"strings"
)

// AtLeast reports whether a dotted version is want or newer: "3.0.11" is at
// least "2.8". Missing parts count as 0 and what follows a part's digits is
// ignored, so "2.8-dev1" counts as 2.8. An unknown version ("") is at least
// nothing: components render for the oldest program they support.
func AtLeast(version, want string) bool {
	if version == "" {
		return false
	}
	have, need := strings.Split(version, "."), strings.Split(want, ".")
	for i := range max(len(have), len(need)) {
		if h, n := part(have, i), part(need, i); h != n {
			return h > n
		}
	}
	return true
}

// part is the number that the i-th part of a version starts with, else 0.
func part(parts []string, i int) int {
	if i >= len(parts) {
		return 0
	}
	digits := strings.IndexFunc(parts[i], func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(parts[i])
	}
	n, err := strconv.Atoi(parts[i][:digits])
	if err != nil {
		return 0
	}
	return n
}
