package load

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill/record"
)

func TestQuality(t *testing.T) {
	late := func(n int, d time.Duration) []record.Op {
		ops := make([]record.Op, n)
		for i := range ops {
			ops[i] = record.Op{Due: time.Minute, Start: time.Minute + d}
		}
		return ops
	}
	odd := []record.Op{{Outcome: record.Unsent}, {Again: 1}, {Again: 1}, {Outcome: record.Failed}}
	for _, c := range []struct {
		name string
		ops  []record.Op
		want record.Tool
	}{
		{"nothing", nil, record.Tool{}},
		{"one", late(1, 3), record.Tool{LagP99: 3, LagMax: 3}},
		{"one in a hundred is late", append(late(1, 50), late(99, 3)...), record.Tool{LagP99: 3, LagMax: 50}},
		{"two in a hundred are", append(late(98, 3), late(2, 50)...), record.Tool{LagP99: 50, LagMax: 50}},
		{"counts", odd, record.Tool{Unsent: 1, Again: 2}},
	} {
		if diff := cmp.Diff(c.want, Quality(c.ops)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
