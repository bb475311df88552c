package fault

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ReadLock holds FLUSH TABLES WITH READ LOCK on a MySQL server: on a replica nothing
// that it receives is applied any more, and reads go on. The lock lives as long as
// the session of the process that holds the fault.
type ReadLock struct {
	Socket string `json:"socket"`

	// connect replaces MySQL in tests.
	connect func(socket, attributes string) (driver.Connector, error)
	release func() // ends the session with the lock; nil in any other process
}

const (
	// lockPatience is how long the lock is waited for, while statements end that are
	// under way.
	lockPatience = 10 * time.Second
	// sessionName is the connection attribute by which other processes find the session.
	// Connection numbers would not do: they begin anew when MySQL is restarted.
	sessionName = "scaleup_fault"
)

func (r *ReadLock) String() string { return "FLUSH TABLES WITH READ LOCK on " + r.Socket }

// Inject implements Fault.
func (r *ReadLock) Inject(ctx context.Context, at Place) error {
	if r.release != nil {
		return nil
	}
	db, err := r.open(at, sessionName+":"+at.ID)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("lock the tables: %w", err), db.Close())
	}
	r.release = func() {
		// The session ends either way, and MySQL drops the lock.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		_ = db.Close()
		r.release = nil
	}
	if err := lockTables(ctx, conn, at.Lease); err != nil {
		r.release()
		return fmt.Errorf("lock the tables: %w", err)
	}
	return nil
}

func lockTables(ctx context.Context, conn *sql.Conn, lease time.Duration) error {
	for _, statement := range []string{
		fmt.Sprintf("SET SESSION lock_wait_timeout = %d", int(lockPatience.Seconds())),
		// The session is silent for as long as the fault is held, and must not be closed for it.
		fmt.Sprintf("SET SESSION wait_timeout = %d", int((lease + time.Minute).Seconds())),
		"FLUSH TABLES WITH READ LOCK",
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// open prepares to talk to MySQL as root by its socket. Nothing is sent yet.
func (r *ReadLock) open(at Place, attributes string) (*sql.DB, error) {
	connect := r.connect
	if connect == nil {
		connect = connectMySQL
	}
	if err := checkPath(r.Socket); err != nil {
		return nil, err
	}
	c, err := connect(at.path(r.Socket), attributes)
	if err != nil {
		return nil, fmt.Errorf("connect to MySQL: %w", err)
	}
	return sql.OpenDB(c), nil
}

func connectMySQL(socket, attributes string) (driver.Connector, error) {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.ConnectionAttributes = "root", "unix", socket, attributes
	c.Logger = &mysql.NopLogger{} // it would only tell of connections that are gone, as the errors do
	c.Timeout, c.ReadTimeout, c.WriteTimeout = 2*time.Second, lockPatience+5*time.Second, 2*time.Second
	return mysql.NewConnector(c)
}

// sessions lists the numbers of the connections that hold this fault.
func sessions(ctx context.Context, db *sql.DB, id string) ([]uint64, error) {
	rows, err := db.QueryContext(ctx, "SELECT processlist_id FROM performance_schema.session_connect_attrs "+
		"WHERE attr_name = ? AND attr_value = ?", sessionName, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []uint64
	for rows.Next() {
		var id uint64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Bites implements Fault.
func (r *ReadLock) Bites(ctx context.Context, at Place) (string, bool, error) {
	db, err := r.open(at, "")
	if err != nil {
		return "", false, err
	}
	defer db.Close()
	ids, err := sessions(ctx, db, at.ID)
	if err != nil {
		return "", false, fmt.Errorf("look for the read lock: %w", err)
	}
	if len(ids) == 0 {
		return "MySQL has no session of this fault", false, nil
	}
	return fmt.Sprintf("MySQL's session %d holds the read lock", ids[0]), true, nil
}

// Heal implements Fault: the lock goes with its session. A MySQL that does not run
// holds no lock.
func (r *ReadLock) Heal(ctx context.Context, at Place) error {
	if r.release != nil {
		r.release()
	}
	db, err := r.open(at, "")
	if err != nil {
		return err
	}
	defer db.Close()
	ids, err := sessions(ctx, db, at.ID)
	if _, down := errors.AsType[*net.OpError](err); down {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end the read lock: %w", err)
	}
	for _, id := range ids {
		_, err := db.ExecContext(ctx, fmt.Sprintf("KILL %d", id))
		if gone, ok := errors.AsType[*mysql.MySQLError](err); ok && gone.Number == noSuchThread {
			continue
		}
		if err != nil {
			return fmt.Errorf("end the read lock: %w", err)
		}
	}
	return nil
}

// noSuchThread is MySQL's ER_NO_SUCH_THREAD.
const noSuchThread = 1094

// Healed implements Fault.
func (r *ReadLock) Healed(ctx context.Context, at Place) (string, bool, error) {
	text, held, err := r.Bites(ctx, at)
	return text, err == nil && !held, err
}
