package ledger

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scaleup/internal/drill/record"
)

// tableOfRegisters is a MySQL that keeps registers, or forgets what it is told.
type tableOfRegisters struct {
	values [RegisterKeys]string
	forget bool // acknowledges writes without keeping them
}

func (r *tableOfRegisters) answer(sql string) reply {
	var key int
	if _, rest, found := strings.Cut(sql, "WHERE k = "); found {
		key, _ = strconv.Atoi(strings.TrimSuffix(rest, " FOR UPDATE"))
	}
	switch {
	case strings.HasPrefix(sql, "SELECT"):
		return reply{rows: []string{"0" + r.values[key]}}
	case strings.HasPrefix(sql, "UPDATE") && !r.forget:
		_, rest, _ := strings.Cut(sql, "value = ")
		r.values[key], _, _ = strings.Cut(rest, ",")
	}
	return reply{}
}

func TestRegisters(t *testing.T) {
	for _, c := range []struct {
		name   string
		forget bool
		want   string
	}{
		{"kept", false, Linearizable},
		{"forgotten", true, Violated},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := &tableOfRegisters{forget: c.forget}
			r := open(t, newFakeMySQL(t, table.answer).dial).Registers(1, time.Now())
			var wait sync.WaitGroup
			for worker := range 8 {
				wait.Go(func() {
					for i := range 50 {
						op := record.Op{Seq: 8*i + worker}
						r.Operation(i%2 == 0)(t.Context(), &op)
						if op.Outcome != record.OK || op.Fresh != (i%2 == 0) {
							t.Errorf("got %+v", op)
						}
					}
				})
			}
			wait.Wait()
			if err := r.ReadAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			history := r.History()
			written := map[int64]bool{}
			for _, op := range history {
				if op.Write {
					written[op.Value] = true
				}
			}
			if len(history) != 400+RegisterKeys || len(written) != 200 || written[0] {
				t.Errorf("%d operations with %d values, want %d with 200, and none of them 0", len(history), len(written), 400+RegisterKeys)
			}
			if got, example := CheckRegisters(history, RegisterPatience); got != c.want || (example != "") != c.forget {
				t.Errorf("got %q: %q, want %q", got, example, c.want)
			}
		})
	}
}

// What became of an operation, and in how many statements, by what MySQL answers.
func TestRegisterOutcomes(t *testing.T) {
	value := reply{rows: []string{"41"}}
	for _, c := range []struct {
		name    string
		write   bool
		answers []reply // statement by statement
		want    record.Op
	}{
		{"read", false, []reply{{}, value, {}}, record.Op{}},
		{"read not begun", false, []reply{{hangUp: true}}, record.Op{Outcome: record.Failed, Error: "lost"}},
		{"read in vain", false, []reply{{}, {number: 1205}}, record.Op{Outcome: record.Failed, Status: 1205, Error: "lock wait"}},
		{"read of nothing", false, []reply{{}, {rows: []string{}}}, record.Op{Outcome: record.Failed, Error: "row missing"}},
		{"read, lock lost", false, []reply{{}, value, {hangUp: true}}, record.Op{Outcome: record.Failed, Error: "lost"}},
		{"write", true, []reply{{}}, record.Op{}},
		{"write refused", true, []reply{{number: 1836}}, record.Op{Outcome: record.Failed, Status: 1836, Error: "read-only"}},
		{"write of nothing", true, []reply{{none: true}}, record.Op{Outcome: record.Failed, Error: "row missing"}},
		{"write lost", true, []reply{{hangUp: true}}, record.Op{Outcome: record.Indeterminate, Error: "lost"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeMySQL(t, nil)
			f.will(c.answers...)
			r := open(t, f.dial).Registers(1, time.Now())
			if !c.write {
				r.begun = 1 // the first operation writes
			}
			got := record.Op{}
			r.Operation(false)(t.Context(), &got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if _, statements := f.seen(); len(statements) != len(c.answers) {
				t.Errorf("statements %q, want %d", statements, len(c.answers))
			}
			wrote := RegisterOp{Key: r.History()[0].Key, Write: c.write, Value: 1, Outcome: c.want.Outcome}
			if !c.write {
				wrote.Value = 0
				if c.want.Outcome == record.OK || len(c.answers) == 3 {
					wrote.Value = 41
				}
			}
			if diff := cmp.Diff([]RegisterOp{wrote}, r.History(), cmpopts.IgnoreFields(RegisterOp{}, "Call", "Return")); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}

// The limits hold, the same seed chooses the same registers, and another one others.
func TestRegistersHaveLimits(t *testing.T) {
	fill := func(seed uint64) []int {
		r := (&SQL{}).Registers(seed, time.Now())
		var keys []int
		for seq := range MaxRegisterOps {
			op, ok := r.begin(seq)
			if !ok {
				t.Fatalf("no room for operation %d of %d", seq, MaxRegisterOps)
			}
			keys = append(keys, op.Key)
			r.end(op)
		}
		var op record.Op
		r.Operation(true)(t.Context(), &op)
		if op.Outcome != record.Unsent || len(r.History()) != MaxRegisterOps {
			t.Errorf("got %+v with %d operations, want no more than %d", op, len(r.History()), MaxRegisterOps)
		}
		return keys
	}
	one := fill(1)
	if !cmp.Equal(one, fill(1)) || cmp.Equal(one, fill(2)) {
		t.Error("the registers do not follow the seed")
	}

	r := (&SQL{}).Registers(1, time.Now())
	busy := map[int]int{}
	for seq := range RegisterKeys * MaxConcurrent {
		op, ok := r.begin(seq)
		if busy[op.Key]++; !ok || busy[op.Key] > MaxConcurrent {
			t.Fatalf("operation %d: room %t, %d under way on register %d", seq, ok, busy[op.Key], op.Key)
		}
	}
	if _, ok := r.begin(0); ok {
		t.Error("all registers are busy, and one more operation began")
	}
}
