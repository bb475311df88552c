package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"scaleup/internal/drill"
	"scaleup/internal/drill/ledger"
)

// Limits of the writer.
const (
	// A new connection that takes longer is given up. New ones wait at the load balancers
	// while a switch is under way, some hundredths of a second.
	connectLimit = time.Second
	// A write that takes longer is given up. Load balancers end the sessions of a primary
	// that is none any more, so this is for what they do not see; one that waits for a
	// silent member to be expelled must not be given up, for the next would wait as long.
	writeLimit = 10 * time.Second
	// Between an attempt to connect that failed and the next: what a figure may be wrong by.
	connectPause = 2 * time.Millisecond
)

// The writer's rows. The schema is the drills': their account may make it and drop it.
const (
	makeSchema = "CREATE SCHEMA IF NOT EXISTS " + ledger.Schema
	makeTable  = "CREATE TABLE IF NOT EXISTS " + ledger.Schema + ".bench (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, at DATETIME(3) NOT NULL) ENGINE=InnoDB"
	writeRow   = "INSERT INTO " + ledger.Schema + ".bench (at) VALUES (UTC_TIMESTAMP(3))"
	dropSchema = "DROP SCHEMA IF EXISTS " + ledger.Schema
)

// written is an acknowledged write: by which server, and when the answer was here.
type written struct {
	server uint64 // its @@server_id
	at     time.Time
}

// writer writes row after row through the internal virtual address, over one
// connection, and opens the next as soon as that one fails.
type writer struct {
	db     *sql.DB
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	acked []written
	last  error // the last failure
}

// openSQL signs in as the drills do. Connections are not kept: what the writer closes
// is closed.
func (d *tier) openSQL() (*sql.DB, error) {
	access := drill.SQLAccess{Address: d.virtual, Roots: d.roots, Password: d.secrets.MySQLDrill}
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.TLS = "tcp", access.Address, ledger.User, access.Password, access.TLS()
	c.Timeout = connectLimit
	c.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("prepare connections to MySQL: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(-1)
	return db, nil
}

// startWriter writes until stop.
func startWriter(ctx context.Context, db *sql.DB) *writer {
	ctx, cancel := context.WithCancel(ctx)
	w := &writer{db: db, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for ctx.Err() == nil {
			err := w.session(ctx)
			w.mu.Lock()
			w.last = err
			w.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(connectPause):
			}
		}
	}()
	return w
}

func (w *writer) stop() {
	w.cancel()
	<-w.done
}

// session writes over one connection until it fails.
func (w *writer) session(ctx context.Context) error {
	signIn, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	conn, err := w.db.Conn(signIn)
	if err != nil {
		return err
	}
	defer conn.Close()
	var server uint64
	if err := conn.QueryRowContext(signIn, "SELECT @@server_id").Scan(&server); err != nil {
		return err
	}
	for {
		if err := write(ctx, conn); err != nil {
			return err
		}
		now := time.Now()
		w.mu.Lock()
		w.acked = append(w.acked, written{server, now})
		w.mu.Unlock()
	}
}

func write(ctx context.Context, conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	_, err := conn.ExecContext(ctx, writeRow)
	return err
}

// await returns once the writes so far are as wanted.
func (w *writer) await(ctx context.Context, limit time.Duration, what string, wanted func([]written) bool) ([]written, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		w.mu.Lock()
		acked, last := slices.Clone(w.acked), w.last
		w.mu.Unlock()
		if wanted(acked) {
			return acked, nil
		}
		select {
		case <-ctx.Done():
			failure := "none failed"
			if last != nil {
				failure = "the last failure was: " + last.Error()
			}
			return acked, fmt.Errorf("waited for %s: %w; %d writes were acknowledged, and %s", what, ctx.Err(), len(acked), failure)
		case <-time.After(20 * time.Millisecond): // the pace of polling
		}
	}
}

// moved is the time between the last write that one server acknowledged and the first
// of the next one; false while there is only one.
func moved(acked []written) (time.Duration, bool) {
	for i := 1; i < len(acked); i++ {
		if acked[i].server != acked[i-1].server {
			return acked[i].at.Sub(acked[i-1].at), true
		}
	}
	return 0, false
}
