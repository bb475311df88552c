package remote

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"scaleup/internal/resource"
)

// Query is one statement that reads, for the MySQL of this server. It runs as root
// over the unix socket, in a session whose transactions are read-only: MySQL
// refuses to change a row, a table or an account in it, and takes no second
// statement. What no transaction covers, such as SET GLOBAL, is not held back: who
// may send requests is root here anyway.
type Query struct {
	Schema string   `json:"schema,omitempty"` // "": the statement names the schemas itself
	SQL    string   `json:"sql"`
	Args   []string `json:"args,omitempty"` // for the question marks of SQL
}

const (
	// maxCells is how many values an answer may have: a million rows of a key and a
	// number, which is some 50 MB on the way.
	maxCells = 2_000_000
	// queryTimeout is far above what reading that many rows takes, and the wait for
	// a member to catch up that comes before.
	queryTimeout = 3 * time.Minute
)

// query answers with the rows as text; NULL is the empty text.
func (s *Server) query(ctx context.Context, q Request, p *Response) error {
	if q.Query == nil {
		return nil
	}
	db, err := resource.OpenMySQL(s.System, MySQLSocket, q.Query.Schema, 0)
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if p.Rows, err = q.Query.run(ctx, db, maxCells); err != nil {
		return fmt.Errorf("ask MySQL: %w", err)
	}
	return nil
}

func (q Query) run(ctx context.Context, db *sql.DB, most int) ([][]string, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// Not START TRANSACTION READ ONLY: a DROP TABLE ends that transaction and runs.
	if _, err := conn.ExecContext(ctx, "SET SESSION TRANSACTION READ ONLY"); err != nil {
		return nil, err
	}
	args := make([]any, len(q.Args))
	for i, a := range q.Args {
		args[i] = a
	}
	rows, err := conn.QueryContext(ctx, q.SQL, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return readRows(rows, most)
}

// readRows reads all rows, and refuses more than most values.
func readRows(rows *sql.Rows, most int) ([][]string, error) {
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]sql.NullString, len(columns))
	places := make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	var all [][]string
	for rows.Next() {
		if (len(all)+1)*len(columns) > most {
			return nil, fmt.Errorf("the answer has more than %d values; ask for less at a time", most)
		}
		if err := rows.Scan(places...); err != nil {
			return nil, err
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
