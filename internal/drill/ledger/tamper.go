package ledger

import (
	"context"
	"fmt"
	"strings"
)

// What can be done to a row by hand, to see whether the ledger notices.
const (
	TamperDelete = "delete"
	TamperDouble = "double"
	TamperAlter  = "alter"
)

// Tamper does it to one of a run's rows.
func (s *SQL) Tamper(ctx context.Context, how, run string) error {
	one := " WHERE op_key LIKE '" + strings.ReplaceAll(prefix(run), "'", "''") + "%' ORDER BY id LIMIT 1"
	statements := map[string]string{
		TamperDelete: "DELETE FROM " + Schema + ".`rows`" + one,
		TamperDouble: "INSERT INTO " + Schema + ".`rows` (op_key, value, at) SELECT op_key, value, at FROM " + Schema + ".`rows`" + one,
		TamperAlter:  "UPDATE " + Schema + ".`rows` SET value = value + 1" + one,
	}
	statement, ok := statements[how]
	if !ok {
		return fmt.Errorf("tamper with the ledger: no way called %q", how)
	}
	return s.run(ctx, statement)
}
