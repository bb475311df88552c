package ledger

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseRows reads the answer to OrdersOf or RowsOf.
func ParseRows(answer [][]string) ([]Row, error) {
	rows := make([]Row, len(answer))
	for i, a := range answer {
		if err := columns(a, 2); err != nil {
			return nil, fmt.Errorf("read the rows of a run: %w", err)
		}
		value, err := strconv.Atoi(a[1])
		if err != nil {
			return nil, fmt.Errorf("read the row of %s: %w", a[0], err)
		}
		rows[i] = Row{a[0], value}
	}
	return rows, nil
}

// ParseDrinks reads the answer to DrinksOf.
func ParseDrinks(answer [][]string) ([]Drink, error) {
	drinks := make([]Drink, len(answer))
	for i, a := range answer {
		if err := columns(a, 5); err != nil {
			return nil, fmt.Errorf("read the drinks: %w", err)
		}
		d := &drinks[i]
		d.Slug = a[0]
		for j, place := range []*int64{&d.Initial, &d.Stock, &d.Sold, &d.Entries} {
			n, err := strconv.ParseInt(a[j+1], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read the glasses of %s: %w", d.Slug, err)
			}
			*place = n
		}
	}
	return drinks, nil
}

// ParseExecuted reads the answer to Executed: a set of transactions in MySQL's own
// form, on one line.
func ParseExecuted(answer [][]string) (string, error) {
	value, err := single(answer)
	if err != nil {
		return "", fmt.Errorf("read the executed transactions: %w", err)
	}
	return strings.ReplaceAll(value, "\n", ""), nil
}

// ParseWaited reads the answer to WaitFor: whether the member has executed them all.
func ParseWaited(answer [][]string) (bool, error) {
	value, err := single(answer)
	if err != nil {
		return false, fmt.Errorf("read whether the member has caught up: %w", err)
	}
	switch value {
	case "0":
		return true, nil
	case "1": // the time was over
		return false, nil
	}
	return false, fmt.Errorf("read whether the member has caught up: it answers %q", value)
}

// Durability is what the durability of an acknowledged write rests on, on one
// member.
type Durability struct {
	SyncBinlog      int           // 1: the binary log is on disk before the answer
	FlushLog        int           // innodb_flush_log_at_trx_commit; 1: so is the redo log
	Consistency     string        // what a transaction waits for, in MySQL's words
	ExpelTimeout    time.Duration // beyond the 5 s after which a member is suspected
	MajorityTimeout time.Duration // until a member without a majority gives up; 0: never
	ExitAction      string        // what a member does that was thrown out
	SinglePrimary   bool          // one member takes all writes
}

// ParseDurability reads the answer to Settings.
func ParseDurability(answer [][]string) (Durability, error) {
	if len(answer) != 1 {
		return Durability{}, fmt.Errorf("read the settings of durability: %d rows", len(answer))
	}
	a := answer[0]
	if err := columns(a, 7); err != nil {
		return Durability{}, fmt.Errorf("read the settings of durability: %w", err)
	}
	var numbers [7]int
	for _, i := range []int{0, 1, 3, 4, 6} {
		n, err := strconv.Atoi(a[i])
		if err != nil {
			return Durability{}, fmt.Errorf("read the settings of durability: %w", err)
		}
		numbers[i] = n
	}
	return Durability{
		SyncBinlog: numbers[0], FlushLog: numbers[1], Consistency: a[2],
		ExpelTimeout: time.Duration(numbers[3]) * time.Second, MajorityTimeout: time.Duration(numbers[4]) * time.Second,
		ExitAction: a[5], SinglePrimary: numbers[6] == 1,
	}, nil
}

// String lists the settings as MySQL names them.
func (d Durability) String() string {
	return fmt.Sprintf("sync_binlog %d, innodb_flush_log_at_trx_commit %d, consistency %s, expel timeout %s, majority timeout %s, exit action %s, single primary %t",
		d.SyncBinlog, d.FlushLog, d.Consistency, d.ExpelTimeout, d.MajorityTimeout, d.ExitAction, d.SinglePrimary)
}

// Weak says in words what lets a member answer for a write that a crash of it, or
// an isolated primary, may take back; none is good.
func (d Durability) Weak() []string {
	var weak []string
	if d.SyncBinlog != 1 {
		weak = append(weak, fmt.Sprintf("sync_binlog is %d, not 1: the newest writes are not on disk", d.SyncBinlog))
	}
	if d.FlushLog != 1 {
		weak = append(weak, fmt.Sprintf("innodb_flush_log_at_trx_commit is %d, not 1: the newest writes are not on disk", d.FlushLog))
	}
	if d.Consistency == "EVENTUAL" {
		weak = append(weak, "group_replication_consistency is EVENTUAL: a new primary shows old rows until it has caught up")
	}
	if !d.SinglePrimary {
		weak = append(weak, "group_replication_single_primary_mode is off: locks do not reach other members")
	}
	return weak
}

func columns(row []string, want int) error {
	if len(row) != want {
		return fmt.Errorf("%d columns, not %d", len(row), want)
	}
	return nil
}

// single is the only value of an answer.
func single(answer [][]string) (string, error) {
	if len(answer) != 1 || len(answer[0]) != 1 {
		return "", fmt.Errorf("%d rows, where one value was asked for", len(answer))
	}
	return answer[0][0], nil
}
