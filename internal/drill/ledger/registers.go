package ledger

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"scaleup/internal/drill/record"
)

// Registers is a load of reads and writes of single rows, with its history. Its
// operations go to the primary and read under a lock, which is where the group
// promises strict serializability.
type Registers struct {
	sql   *SQL
	seed  uint64
	began time.Time

	mu      sync.Mutex
	history []RegisterOp
	begun   int               // operations so far
	used    [RegisterKeys]int // operations of each register so far
	busy    [RegisterKeys]int // and those under way
}

// Registers begins a new history, after Setup. The seed decides which registers are
// used, and the times of the history count from began.
func (s *SQL) Registers(seed uint64, began time.Time) *Registers {
	return &Registers{sql: s, seed: seed, began: began}
}

// Operation reads a register or writes one, in turn, over a fresh connection or a
// kept one. When no register has room, it is Unsent: there is room for
// MaxRegisterOps in all.
func (r *Registers) Operation(fresh bool) func(context.Context, *record.Op) {
	return func(ctx context.Context, op *record.Op) {
		mine, ok := r.begin(op.Seq)
		if !ok {
			op.Fresh, op.Outcome, op.Error = fresh, record.Unsent, "registers full"
			return
		}
		at, work := reading, func(c *connection) (err error) {
			mine.Value, err = readRegister(ctx, c, mine.Key)
			return err
		}
		if mine.Write {
			at, work = writing, func(c *connection) error {
				return c.change(ctx, statement{writeRegister, []driver.Value{mine.Value, int64(mine.Key)}})
			}
		}
		r.sql.operate(ctx, op, fresh, at, work)
		mine.Outcome = op.Outcome
		r.end(mine)
	}
}

// begin chooses a register with room and what to do with it.
func (r *Registers) begin(seq int) (RegisterOp, bool) {
	first := rand.New(rand.NewPCG(r.seed, uint64(seq))).IntN(RegisterKeys)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range RegisterKeys {
		key := (first + i) % RegisterKeys
		if r.used[key] == MaxPerRegister || r.busy[key] == MaxConcurrent {
			continue
		}
		r.begun++
		r.used[key]++
		r.busy[key]++
		op := RegisterOp{Key: key, Write: r.begun%2 == 1, Call: time.Since(r.began)}
		if op.Write {
			op.Value = int64(r.begun) // no other write has it
		}
		return op, true
	}
	return RegisterOp{}, false
}

func (r *Registers) end(op RegisterOp) {
	op.Return = time.Since(r.began)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy[op.Key]--
	r.history = append(r.history, op)
}

// ReadAll reads every register once more, when the load has ended and no operation
// is under way. What was written last and lost would not be seen otherwise.
func (r *Registers) ReadAll(ctx context.Context) error {
	c, err := r.sql.access.connect(ctx)
	if err != nil {
		return fmt.Errorf("read the registers: %w", err)
	}
	defer c.Close()
	for key := range RegisterKeys {
		op := RegisterOp{Key: key, Call: time.Since(r.began)}
		if op.Value, err = readRegister(ctx, c, key); err != nil {
			return fmt.Errorf("read register %d: %w", key, err)
		}
		op.Return = time.Since(r.began)
		r.mu.Lock()
		r.history = append(r.history, op)
		r.mu.Unlock()
	}
	return nil
}

// History returns the operations that have ended, in that order.
func (r *Registers) History() []RegisterOp {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.history)
}

// The version tells whoever looks at the table how often a register was written.
const (
	writeRegister  = "UPDATE " + Schema + ".registers SET value = ?, version = version + 1 WHERE k = ?"
	selectRegister = "SELECT value FROM " + Schema + ".registers WHERE k = ? FOR UPDATE"
)

// readRegister reads under the row's lock, in a transaction of its own. COMMIT is a
// statement, as the driver's own takes no context. A transaction that failed ends
// with its connection, which is not used again.
func readRegister(ctx context.Context, c *connection, key int) (int64, error) {
	if _, err := c.execute(ctx, statement{text: "START TRANSACTION"}); err != nil {
		return 0, err
	}
	value, err := c.number(ctx, statement{selectRegister, []driver.Value{int64(key)}})
	if err != nil {
		return 0, err
	}
	_, err = c.execute(ctx, statement{text: "COMMIT"})
	return value, err
}
