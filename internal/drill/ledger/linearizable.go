package ledger

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"scaleup/internal/drill/record"
)

// RegisterOp is one operation on a register: a row with a number in it, written
// whole and read under its lock.
type RegisterOp struct {
	Key     int            `json:"key"`
	Write   bool           `json:"write"`
	Value   int64          `json:"value"` // written or read; every write has one of its own, and none is 0
	Call    time.Duration  `json:"call_ns"`
	Return  time.Duration  `json:"return_ns"`
	Outcome record.Outcome `json:"outcome"`
}

// Limits of the history of registers. The check takes time in proportion to a
// history's length, but memory in proportion to its square, and time exponential in
// how many operations of one register are under way at once (drills.md, section 3).
const (
	RegisterKeys     = 64
	MaxPerRegister   = 300
	MaxConcurrent    = 8 // per register
	MaxRegisterOps   = RegisterKeys * MaxPerRegister
	RegisterPatience = 10 * time.Second // of the check
)

// What the check of registers says, in the words of record.Ledger.
const (
	Linearizable = "linearizable"
	Violated     = "violated"
	Unknown      = "unknown" // not found out in time
)

// register is a number that a read sees as the last write left it; 0 at first.
var register = porcupine.Model{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[int][]porcupine.Operation{}
		for _, o := range all {
			key := o.Input.(RegisterOp).Key
			byKey[key] = append(byKey[key], o)
		}
		var parts [][]porcupine.Operation
		for _, key := range slices.Sorted(maps.Keys(byKey)) {
			parts = append(parts, byKey[key])
		}
		return parts
	},
	Init: func() any { return int64(0) },
	Step: func(state, input, _ any) (bool, any) {
		op := input.(RegisterOp)
		if op.Write {
			return true, op.Value
		}
		return op.Value == state.(int64), state
	},
	Hash: func(state any) uint64 { return uint64(state.(int64)) },
}

// CheckRegisters says whether the history is one that registers could have which
// answer one operation after the other, each at some moment between its call and
// its return, and gives an example of what no such order explains. A violation is
// certain, however little time there was; no history at all gives "".
func CheckRegisters(ops []RegisterOp, within time.Duration) (result string, example string) {
	if len(ops) == 0 {
		return "", ""
	}
	history := settle(ops)
	switch porcupine.CheckOperationsTimeout(register, history, within) {
	case porcupine.Ok:
		return Linearizable, ""
	case porcupine.Illegal:
		return Violated, inexplicable(history)
	}
	return Unknown, ""
}

// settle leaves out what did not happen, and settles what may have. What failed was
// provably not done. Of a write whose fate is unknown:
//
//   - if a read has seen its value, it was carried out, and not after that read:
//     it returned, at the latest, when the first such read did;
//   - if none has, no read tells it from a write that is carried out after all of
//     them, so it may as well be left out.
//
// Both need every value to be written once only. So no operation stays open to the
// end, which is what makes such checks run for ever. A test compares the verdicts
// with those on open operations.
func settle(ops []RegisterOp) []porcupine.Operation {
	type value struct {
		key   int
		value int64
	}
	seen := map[value]time.Duration{}
	for _, op := range ops {
		if !op.Write && good(op.Outcome) {
			v := value{op.Key, op.Value}
			if first, known := seen[v]; !known || op.Return < first {
				seen[v] = op.Return
			}
		}
	}
	var history []porcupine.Operation
	for _, op := range ops {
		if op.Write && op.Outcome == record.Indeterminate {
			first, known := seen[value{op.Key, op.Value}]
			if !known {
				continue
			}
			op.Return = max(op.Call, first) // a read before the call is a violation, and stays one
		} else if !good(op.Outcome) {
			continue
		}
		history = append(history, operation(op))
	}
	return history
}

func operation(op RegisterOp) porcupine.Operation {
	return porcupine.Operation{Input: op, Call: int64(op.Call), Return: int64(op.Return)}
}

func good(o record.Outcome) bool { return o == record.OK || o == record.Slow }

// inexplicable is an operation of a history that is no register's: the first to
// return of those that the longest order found does not have room for.
func inexplicable(history []porcupine.Operation) string {
	for _, of := range register.Partition(history) {
		result, info := porcupine.CheckOperationsVerbose(register, of, RegisterPatience)
		if result != porcupine.Illegal {
			continue
		}
		first, ordered := RegisterOp{Return: math.MaxInt64}, longest(info)
		for _, o := range of {
			if op := o.Input.(RegisterOp); op.Return < first.Return && !slices.Contains(ordered, op) {
				first = op
			}
		}
		verb := "a read of"
		if first.Write {
			verb = "the write of"
		}
		return fmt.Sprintf("register %d: no order of its %d operations explains %s %d between %s and %s",
			first.Key, len(of), verb, first.Value, seconds(first.Call), seconds(first.Return))
	}
	return "" // it was found in one of them a moment ago
}

// longest is the longest order that was found for the only partition of info.
func longest(info porcupine.LinearizationInfo) []RegisterOp {
	var best []porcupine.Operation
	for _, order := range info.PartialLinearizationsOperations()[0] {
		if len(order) > len(best) {
			best = order
		}
	}
	ops := make([]RegisterOp, len(best))
	for i, o := range best {
		ops[i] = o.Input.(RegisterOp)
	}
	return ops
}
