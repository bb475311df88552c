package load

import (
	"testing"

	"scaleup/internal/drill/record"
)

func TestHistory(t *testing.T) {
	for _, n := range []int{0, 1, chunk, chunk + 1, 3*chunk - 1} {
		var h history
		var places []*record.Op
		for i := range n {
			places = append(places, h.add(record.Op{Seq: i}))
		}
		for i, p := range places {
			p.Again = i // they stay where they are
		}
		ops := h.collect()
		if len(ops) != n || cap(ops) != n {
			t.Errorf("%d operations and room for %d, want %d", len(ops), cap(ops), n)
		}
		for i, o := range ops {
			if o.Seq != i || o.Again != i {
				t.Fatalf("operation %d of %d is %+v", i, n, o)
			}
		}
	}
}
