package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migratePatience is how long Migrate waits for a database that is still starting.
const migratePatience = 20 * time.Second

// migration is one step of the schema. Its statements run inside a transaction together with the record that they ran: changes
// of rows happen once, all or nothing. Changes of tables commit by themselves in MySQL, so those must bear being repeated.
type migration struct {
	version    int
	name       string
	statements []string
}

// Migrate brings the tables up to date. It is safe to run at any time, any number of times and on several servers at once, and
// leaves versions alone that it does not know: an older release may be rolled back to.
func Migrate(ctx context.Context, c Config, log *slog.Logger) error {
	todo, err := loadMigrations(migrationFiles)
	if err != nil {
		return err
	}
	made, err := connector(c, c.WritePort, log)
	if err != nil {
		return err
	}
	db := pool(made)
	defer db.Close()

	ctx, cancel := context.WithTimeout(ctx, migratePatience)
	defer cancel()
	waiting := false
	_, err = insist(ctx, func(ctx context.Context, _ bool) (outcome, error) {
		err := migrate(ctx, db, todo, log)
		if got := classifyMigrate(err); got != again {
			return got, err
		}
		if !waiting {
			waiting = true
			log.Info("waiting for the database", "reason", err)
		}
		return again, err
	})
	if err != nil {
		return fmt.Errorf("migrate database %s at %s: %w", c.Database, net.JoinHostPort(c.Host, c.WritePort), err)
	}
	return nil
}

// classifyMigrate is classify for work that may always be repeated, on a database whose accounts may be about to appear.
func classifyMigrate(err error) outcome {
	if isNumber(err, errAccessDenied) || isNumber(err, errDBAccessDenied) || isNumber(err, errBadDB) {
		return again
	}
	if got := classify(err, beforeCommit); got != unknown {
		return got
	}
	return again
}

// The lock belongs to the connection: a migration that dies lets go of it.
const (
	queryLock   = `SELECT COALESCE(GET_LOCK('foobar.migrate', 5), 0)`
	execUnlock  = `DO RELEASE_LOCK('foobar.migrate')`
	execHistory = `CREATE TABLE IF NOT EXISTS schema_versions (
		version INT NOT NULL PRIMARY KEY, name VARCHAR(128) NOT NULL, applied_at DATETIME(3) NOT NULL) ENGINE=InnoDB`
	queryHistory = `SELECT COUNT(*) FROM schema_versions WHERE version = ?`
	execRecord   = `INSERT INTO schema_versions (version, name, applied_at) VALUES (?, ?, UTC_TIMESTAMP(3))`
)

// errLocked counts as a timeout, so that a migration waits for the one that another server is running.
var errLocked = fmt.Errorf("another migration holds the lock: %w", context.DeadlineExceeded)

func migrate(ctx context.Context, db *sql.DB, todo []migration, log *slog.Logger) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	var locked int
	if err := conn.QueryRowContext(ctx, queryLock).Scan(&locked); err != nil {
		return fmt.Errorf("take the migration lock: %w", err)
	}
	if locked != 1 {
		return errLocked
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), execUnlock)
	if _, err := conn.ExecContext(ctx, execHistory); err != nil {
		return fmt.Errorf("create the table of versions: %w", err)
	}
	for _, m := range todo {
		done, err := m.run(ctx, conn)
		if err != nil {
			discard(conn)
			return fmt.Errorf("run migration %s: %w", m.name, err)
		}
		log.Info("migration", "name", m.name, "applied", done)
	}
	return nil
}

// run applies the migration unless it was applied before.
func (m migration) run(ctx context.Context, conn *sql.Conn) (applied bool, err error) {
	var count int
	if err := conn.QueryRowContext(ctx, queryHistory, m.version).Scan(&count); err != nil || count > 0 {
		return false, err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() // after Commit it does nothing
	for _, statement := range m.statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return false, err
		}
	}
	if _, err := tx.ExecContext(ctx, execRecord, m.version, m.name); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

// loadMigrations reads migrations/NNNN_name.sql in the order of their numbers.
func loadMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	var all []migration
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		base := strings.TrimSuffix(path.Base(name), ".sql")
		number, _, _ := strings.Cut(base, "_")
		version, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("read migration %s: its name must begin with a number: %w", name, err)
		}
		if len(all) > 0 && all[len(all)-1].version >= version {
			return nil, errors.New("read migration " + name + ": its number is taken or out of order")
		}
		all = append(all, migration{version, base, splitStatements(string(text))})
	}
	return all, nil
}

// splitStatements splits SQL at semicolons that end a line, and leaves out lines that are comments.
func splitStatements(text string) []string {
	var (
		statements []string
		current    strings.Builder
	)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if line == "" || strings.HasPrefix(strings.TrimSpace(line), "--") {
			continue
		}
		current.WriteString(line + "\n")
		if statement, ended := strings.CutSuffix(current.String(), ";\n"); ended {
			statements = append(statements, statement)
			current.Reset()
		}
	}
	if rest := strings.TrimSpace(current.String()); rest != "" {
		statements = append(statements, rest)
	}
	return statements
}
