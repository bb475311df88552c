package ledger

import (
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"scaleup/internal/drill/record"
)

// did is an operation on register 7 between two seconds.
func did(write bool, value int64, call, ret int, outcome record.Outcome) RegisterOp {
	return RegisterOp{Key: 7, Write: write, Value: value, Call: time.Duration(call) * time.Second, Return: time.Duration(ret) * time.Second, Outcome: outcome}
}

func TestCheckRegisters(t *testing.T) {
	const (
		ok   = record.OK
		slow = record.Slow
		fail = record.Failed
		info = record.Indeterminate
		w, r = true, false
	)
	other := did(w, 99, 2, 3, ok)
	other.Key = 8
	for _, c := range []struct {
		name    string
		ops     []RegisterOp
		want    string
		example string
	}{
		{"no history", nil, "", ""},
		{"reads what was written", []RegisterOp{did(r, 0, 0, 1, ok), did(w, 1, 2, 3, ok), did(r, 1, 4, 5, slow), other}, Linearizable, ""},
		{"reads either during a write", []RegisterOp{did(w, 1, 0, 9, ok), did(r, 1, 1, 2, ok), did(r, 1, 3, 4, ok)}, Linearizable, ""},
		{"writes at the same time", []RegisterOp{did(w, 1, 0, 5, ok), did(w, 2, 1, 4, ok), did(r, 1, 6, 7, ok)}, Linearizable, ""},
		{"stale read", []RegisterOp{did(w, 1, 0, 1, ok), did(w, 2, 2, 3, ok), did(r, 1, 4, 5, ok)}, Violated,
			"register 7: no order of its 3 operations explains a read of 1 between 4.000 s and 5.000 s"},
		{"read back in time", []RegisterOp{did(w, 1, 0, 9, ok), did(r, 1, 1, 2, ok), did(r, 0, 3, 4, ok)}, Violated,
			"register 7: no order of its 3 operations explains a read of 0 between 3.000 s and 4.000 s"},
		{"lost update", []RegisterOp{did(w, 1, 0, 1, ok), did(r, 1, 2, 3, ok), did(w, 2, 4, 5, ok), did(r, 1, 9, 10, ok)}, Violated,
			"register 7: no order of its 4 operations explains a read of 1 between 9.000 s and 10.000 s"},
		{"lost at the end", []RegisterOp{did(w, 1, 0, 1, ok), did(r, 0, 2, 3, ok)}, Violated,
			"register 7: no order of its 2 operations explains a read of 0 between 2.000 s and 3.000 s"},
		{"failed and not there", []RegisterOp{did(w, 1, 0, 1, fail), did(r, 0, 2, 3, ok)}, Linearizable, ""},
		{"failed and there", []RegisterOp{did(w, 1, 0, 1, fail), did(r, 1, 2, 3, ok)}, Violated,
			"register 7: no order of its 1 operations explains a read of 1 between 2.000 s and 3.000 s"},
		{"failed reads say nothing", []RegisterOp{did(w, 1, 0, 1, ok), did(r, 0, 2, 3, fail)}, Linearizable, ""},
		{"and not of unknown writes either", []RegisterOp{did(w, 1, 0, 1, info), did(r, 1, 2, 3, fail), did(r, 0, 4, 5, ok)}, Linearizable, ""},
		{"unknown and never seen", []RegisterOp{did(w, 1, 0, 1, info), did(r, 0, 2, 3, ok)}, Linearizable, ""},
		{"unknown and there at once", []RegisterOp{did(w, 1, 0, 1, info), did(r, 1, 2, 3, ok)}, Linearizable, ""},
		{"unknown and there late", []RegisterOp{did(w, 1, 0, 1, info), did(r, 0, 2, 3, ok), did(r, 1, 4, 5, ok)}, Linearizable, ""},
		{"unknown, there and gone", []RegisterOp{did(w, 1, 0, 1, info), did(r, 1, 2, 3, ok), did(r, 0, 4, 5, ok)}, Violated,
			"register 7: no order of its 3 operations explains a read of 0 between 4.000 s and 5.000 s"},
		{"seen before it was sent", []RegisterOp{did(r, 1, 0, 1, ok), did(w, 1, 2, 3, info)}, Violated,
			"register 7: no order of its 2 operations explains a read of 1 between 0.000 s and 1.000 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, example := CheckRegisters(c.ops, RegisterPatience)
			if got != c.want || example != c.example {
				t.Errorf("got %q, %q\nwant %q, %q", got, example, c.want, c.example)
			}
		})
	}
}

func TestCheckRegistersGivesUp(t *testing.T) {
	// Writes that are all under way at once may stand in any order, and there are more
	// orders than time.
	var ops []RegisterOp
	for i := range int64(60) {
		ops = append(ops, did(true, i+1, 0, 100, record.OK))
	}
	ops = append(ops, did(false, 1, 200, 201, record.OK), did(false, 2, 202, 203, record.OK))
	if got, _ := CheckRegisters(ops, 50*time.Millisecond); got != Unknown {
		t.Errorf("got %q, want %q", got, Unknown)
	}
}

// A history at every limit is checked in a fraction of the patience.
func TestCheckRegistersAtTheLimits(t *testing.T) {
	var ops []RegisterOp
	for key := range RegisterKeys {
		last := int64(0)
		for i := range MaxPerRegister / MaxConcurrent {
			at := time.Duration(i) * time.Second
			for j := range MaxConcurrent {
				op := RegisterOp{Key: key, Write: j%2 == 0, Value: last, Call: at, Return: at + 900*time.Millisecond}
				if op.Write {
					op.Value = int64(i*MaxConcurrent + j + 1)
				}
				if j == MaxConcurrent-2 { // the write that is read in the next round
					last = op.Value
				}
				ops = append(ops, op)
			}
		}
	}
	began := time.Now()
	if got, example := CheckRegisters(ops, RegisterPatience); got != Linearizable {
		t.Errorf("got %q: %s", got, example)
	}
	t.Logf("%d operations took %v", len(ops), time.Since(began))
}

// Whatever the history, settling its unknown writes first changes no verdict: it is
// the one on writes that stay open to the end.
func TestSettleChangesNoVerdict(t *testing.T) {
	verdicts := map[porcupine.CheckResult]int{}
	rapid.Check(t, func(t *rapid.T) {
		var ops []RegisterOp
		values := []int64{0}
		for i := range rapid.IntRange(1, 8).Draw(t, "operations") {
			call := rapid.IntRange(0, 12).Draw(t, "call")
			op := did(rapid.Bool().Draw(t, "write"), int64(i+1), call, call+rapid.IntRange(0, 6).Draw(t, "took"), record.OK)
			if op.Write {
				op.Outcome = rapid.SampledFrom([]record.Outcome{record.OK, record.Indeterminate, record.Indeterminate, record.Failed}).Draw(t, "outcome")
				values = append(values, op.Value)
			}
			ops = append(ops, op)
		}
		for i := range ops {
			if !ops[i].Write {
				ops[i].Value = rapid.SampledFrom(values).Draw(t, "value")
			}
		}
		open := porcupine.CheckOperationsTimeout(register, leaveOpen(ops), 0)
		if got := porcupine.CheckOperationsTimeout(register, settle(ops), 0); got != open {
			t.Fatalf("settled: %s, open: %s, of %+v", got, open, ops)
		}
		verdicts[open]++
	})
	// Without -short there are more histories, but the shares are the same.
	least := max(1, (verdicts[porcupine.Ok]+verdicts[porcupine.Illegal])/20)
	if verdicts[porcupine.Ok] < least || verdicts[porcupine.Illegal] < least {
		t.Errorf("verdicts %v, want %d of each: the histories are all alike", verdicts, least)
	}
}

// leaveOpen is the textbook's way: an unknown write may be carried out at any time.
func leaveOpen(ops []RegisterOp) []porcupine.Operation {
	var history []porcupine.Operation
	for _, op := range ops {
		switch {
		case op.Outcome == record.Failed:
			continue
		case op.Outcome == record.Indeterminate:
			op.Return = math.MaxInt64
		}
		history = append(history, operation(op))
	}
	return history
}

// What registers under a lock could answer is never called a violation.
func TestRegistersUnderALockAreLinearizable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ops []RegisterOp
		value := int64(0)
		for i := range rapid.IntRange(1, 60).Draw(t, "operations") {
			// It takes effect at the moment i, somewhere between call and return.
			op := did(rapid.Bool().Draw(t, "write"), value, i-rapid.IntRange(0, 4).Draw(t, "before"), i+rapid.IntRange(0, 4).Draw(t, "after"), record.OK)
			if op.Write {
				op.Value = int64(i + 1)
				op.Outcome = rapid.SampledFrom([]record.Outcome{record.OK, record.OK, record.Indeterminate, record.Failed}).Draw(t, "outcome")
				if op.Outcome == record.OK || op.Outcome == record.Indeterminate && rapid.Bool().Draw(t, "carried out") {
					value = op.Value
				}
			}
			ops = append(ops, op)
		}
		if got, example := CheckRegisters(ops, RegisterPatience); got != Linearizable {
			t.Fatalf("%s: %s", got, example)
		}
	})
}
