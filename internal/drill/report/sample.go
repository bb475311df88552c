package report

import (
	"slices"

	"scaleup/internal/drill/record"
)

// How many requests a scatter shows at most: more dots than that hide one another
// and make the file large.
const (
	mostOK  = 3000
	mostBad = 3000
	// One in tailShare of the ok ones that are drawn are the slowest there are: a
	// stride would lose the tail. More of them would show as a band of their own.
	tailShare = 10
)

// sample chooses the operations to draw: all that are not ok, up to mostBad, and at
// most ok of the others: the slowest, and the rest evenly. The same operations always
// give the same choice.
func sample(ops []record.Op, ok int) []record.Op {
	var good, bad []record.Op
	for _, o := range ops {
		if o.Outcome == record.OK {
			good = append(good, o)
		} else {
			bad = append(bad, o)
		}
	}
	return append(thin(good, ok), stride(bad, mostBad)...)
}

// thin keeps at most n operations, the slowest among them.
func thin(ops []record.Op, n int) []record.Op {
	if len(ops) <= n {
		return ops
	}
	sorted := slices.SortedStableFunc(slices.Values(ops), func(a, b record.Op) int {
		return int(b.Latency() - a.Latency())
	})
	tail := n / tailShare
	rest := sorted[tail:]
	slices.SortStableFunc(rest, func(a, b record.Op) int { return int(a.Due - b.Due) })
	return append(sorted[:tail:tail], stride(rest, n-tail)...)
}

// stride keeps at most n operations, evenly spread.
func stride(ops []record.Op, n int) []record.Op {
	if len(ops) <= n {
		return ops
	}
	kept := make([]record.Op, 0, n)
	for i := range n {
		kept = append(kept, ops[i*len(ops)/n])
	}
	return kept
}
