package guard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// PulseSchema is the guard's own schema, in the group like any other.
const PulseSchema = "scaleup_guard"

// The statements of a beat. Schema and table are made when they are missed.
const (
	beatStatement = "INSERT INTO " + PulseSchema + ".pulse (server, at) VALUES (?, NOW(6)) ON DUPLICATE KEY UPDATE at = NOW(6)"
	pulseTable    = "CREATE TABLE IF NOT EXISTS " + PulseSchema + ".pulse (server VARCHAR(64) PRIMARY KEY, at TIMESTAMP(6) NOT NULL)"

	// The threads table shows it without the right to see what everybody's statements are.
	beatStateQuery = "SELECT COALESCE(PROCESSLIST_STATE, '') FROM performance_schema.threads WHERE PROCESSLIST_ID = ?"
)

const errUnknownDatabase = 1049

// openPulse makes the pools of the beats and of the looks at them, which hold a
// connection each: neither waits for the other, nor for probes.
func openPulse(my *mysql.Config) (pulse, looks *sql.DB, err error) {
	beats := my.Clone()
	// A row or a table that somebody holds ends a beat with an error that says so, before
	// it counts as hanging.
	beats.Params = map[string]string{"innodb_lock_wait_timeout": "1", "lock_wait_timeout": "25"}
	writes, err := mysql.NewConnector(beats)
	if err != nil {
		return nil, nil, fmt.Errorf("configure MySQL connection: %w", err)
	}
	reads, err := mysql.NewConnector(my)
	if err != nil {
		return nil, nil, fmt.Errorf("configure MySQL connection: %w", err)
	}
	pulse, looks = sql.OpenDB(writes), sql.OpenDB(reads)
	pulse.SetMaxOpenConns(1)
	looks.SetMaxOpenConns(1)
	return pulse, looks, nil
}

func (d *localMySQL) Beat(ctx context.Context, server string) error {
	conn, err := d.pulse.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect for a beat: %w", err)
	}
	defer conn.Close()
	var id uint64
	if err := conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		return fmt.Errorf("begin a beat: %w", err)
	}
	d.beatID.Store(id)
	_, err = conn.ExecContext(ctx, beatStatement, server)
	if number, ok := errors.AsType[*mysql.MySQLError](err); ok && (number.Number == errNoSuchTable || number.Number == errUnknownDatabase) {
		if err = makePulse(ctx, conn); err == nil {
			_, err = conn.ExecContext(ctx, beatStatement, server)
		}
	}
	if err != nil {
		return fmt.Errorf("write a beat: %w", err)
	}
	return nil
}

func makePulse(ctx context.Context, conn *sql.Conn) error {
	for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS " + PulseSchema, pulseTable} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (d *localMySQL) BeatState(ctx context.Context) (string, error) {
	var state string
	err := d.looks.QueryRowContext(ctx, beatStateQuery, d.beatID.Load()).Scan(&state)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.New("its connection has gone")
	}
	return state, err
}
