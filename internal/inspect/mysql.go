package inspect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"scaleup/internal/resource"
)

// mysqlSocket is where root asks MySQL.
const mysqlSocket = "/run/mysqld/mysqld.sock"

// variables are MySQL's global variables of these names. A name that this MySQL does not
// know is absent.
func (s server) variables(ctx context.Context, names []string) (map[string]string, error) {
	db, err := resource.OpenMySQL(s.System, mysqlSocket, "", 0)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	values, err := globals(ctx, db, names)
	if err != nil {
		return nil, fmt.Errorf("ask MySQL for its variables: %w", err)
	}
	return values, nil
}

func globals(ctx context.Context, db *sql.DB, names []string) (map[string]string, error) {
	args := make([]any, len(names))
	for i, name := range names {
		args[i] = name
	}
	rows, err := db.QueryContext(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN (?"+strings.Repeat(", ?", len(names)-1)+")", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		values[name] = value
	}
	return values, rows.Err()
}

// harmless is a statement that writes and, wherever it is carried out, changes nothing.
// The table is one of MySQL's own; without a row there is nothing to replicate either.
const harmless = "DELETE FROM mysql.help_topic WHERE FALSE"

// errOptionPreventsWrite is ER_OPTION_PREVENTS_STATEMENT: read_only or super_read_only.
const errOptionPreventsWrite = 1290

func (s server) tryWrite(ctx context.Context) (*Refusal, error) {
	db, err := resource.OpenMySQL(s.System, mysqlSocket, "", 0)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return refusal(ctx, db)
}

func refusal(ctx context.Context, db *sql.DB) (*Refusal, error) {
	_, err := db.ExecContext(ctx, harmless)
	if err == nil {
		return &Refusal{Statement: harmless}, nil
	}
	if answer := (*mysql.MySQLError)(nil); errors.As(err, &answer) && answer.Number == errOptionPreventsWrite {
		return &Refusal{Statement: harmless, Refused: true, Error: answer.Error()}, nil
	}
	return nil, fmt.Errorf("try a write: %w", err)
}
