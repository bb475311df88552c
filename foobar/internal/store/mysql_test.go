package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"scaleup/foobar/internal/bar"
)

// realConfig is the database that FOOBAR_TEST_MYSQL names, by a DSN such as user:password@tcp(127.0.0.1:3306)/foobar_test.
// The tests leave their orders in it.
func realConfig(t *testing.T) Config {
	t.Helper()
	dsn := os.Getenv("FOOBAR_TEST_MYSQL")
	if dsn == "" {
		t.Skip("skipped: set FOOBAR_TEST_MYSQL to the DSN of a scratch MySQL database to run this test against the real thing")
	}
	parsed, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(parsed.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Host: host, WritePort: port, ReadPort: port, Database: parsed.DBName, User: parsed.User, Password: parsed.Passwd}
}

// openReal migrates, twice at the same time and once more, and opens the store.
func openReal(t *testing.T) *Store {
	t.Helper()
	c := realConfig(t)
	log := slog.New(slog.DiscardHandler)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := Migrate(t.Context(), c, log); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if err := Migrate(t.Context(), c, log); err != nil {
		t.Fatal(err)
	}
	s, err := Open(c, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// auditReal compares stock, orders and ledger of every drink.
func auditReal(t *testing.T, s *Store) {
	t.Helper()
	rows, err := s.write.Query(`SELECT d.name, d.initial_stock, d.stock,
		COALESCE((SELECT SUM(quantity) FROM orders o WHERE o.drink_id = d.id), 0),
		COALESCE((SELECT SUM(glasses) FROM stock_ledger l WHERE l.drink_id = d.id), 0) FROM drinks d`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	drinks := 0
	for rows.Next() {
		var name string
		var initial, stock, sold, ledger int64
		if err := rows.Scan(&name, &initial, &stock, &sold, &ledger); err != nil {
			t.Fatal(err)
		}
		if sold+stock != initial || ledger != stock {
			t.Errorf("%s: stock %d + sold %d is not %d, or the ledger's %d is not the stock", name, stock, sold, initial, ledger)
		}
		drinks++
	}
	if err := rows.Err(); err != nil || drinks != 19 {
		t.Errorf("got %d drinks, %v; want 19", drinks, err)
	}
}

func TestMySQLOrder(t *testing.T) {
	s := openReal(t)
	req := bar.Request{Key: fmt.Sprintf("order-%020d", time.Now().UnixNano()), Item: 3, Quantity: 2}
	placed, created, err := s.Place(t.Context(), req)
	if err != nil || !created || placed.Total != 2300 || placed.Server == "" {
		t.Fatalf("got %+v, created %v, %v", placed, created, err)
	}
	repeated, created, err := s.Place(t.Context(), req)
	if err != nil || created || repeated != placed {
		t.Errorf("repeated: got %+v, created %v, %v; want %+v", repeated, created, err, placed)
	}
	read, err := s.Order(t.Context(), placed.ID)
	if err != nil || read != placed {
		t.Errorf("read: got %+v, %v; want %+v", read, err, placed)
	}
	if _, err := s.Order(t.Context(), placed.ID+1_000_000); !errors.Is(err, bar.ErrNoSuchOrder) {
		t.Errorf("other order: got %v, want ErrNoSuchOrder", err)
	}
	other := req
	other.Item = 4
	if _, _, err := s.Place(t.Context(), other); !errors.Is(err, bar.ErrKeyReused) {
		t.Errorf("same key, other drink: got %v, want ErrKeyReused", err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if servers, err := s.Servers(t.Context()); err != nil || servers.Write != placed.Server {
		t.Errorf("servers: got %+v, %v", servers, err)
	}
	auditReal(t, s)
}

// Many customers, one of whom sends everything twice, while connections are killed under them.
func TestMySQLKilledConnections(t *testing.T) {
	s := openReal(t)
	admin, err := sql.Open("mysql", os.Getenv("FOOBAR_TEST_MYSQL"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	admin.SetMaxOpenConns(1) // or the killer kills itself
	ctx, stop := context.WithCancel(t.Context())
	var killer, customers sync.WaitGroup
	killed := 0
	killer.Go(func() {
		for ctx.Err() == nil {
			killed += killOne(ctx, admin)
			wait(ctx, 20*time.Millisecond)
		}
	})
	const orders, senders = 60, 8
	stamp := time.Now().UnixNano()
	var mu sync.Mutex
	numbers := map[int]map[int64]bool{}
	for sender := range senders {
		customers.Go(func() {
			for i := range orders {
				which := i*senders + sender/2*2 // two senders share their keys
				order, _, err := s.Place(t.Context(), bar.Request{Key: fmt.Sprintf("k%d-%08d", stamp, which), Item: 8, Quantity: 1})
				if err != nil {
					t.Errorf("order %d: %v", which, err)
					continue
				}
				mu.Lock()
				if numbers[which] == nil {
					numbers[which] = map[int64]bool{}
				}
				numbers[which][order.ID] = true
				mu.Unlock()
			}
		})
	}
	customers.Wait()
	stop()
	killer.Wait()
	if killed == 0 {
		t.Error("no connection was killed: the test proves nothing")
	}
	if len(numbers) != orders*senders/2 {
		t.Errorf("got %d keys, want %d", len(numbers), orders*senders/2)
	}
	for which, ids := range numbers {
		if len(ids) != 1 {
			t.Errorf("order %d was placed %d times", which, len(ids))
		}
	}
	auditReal(t, s)
	t.Logf("%d connections killed under %d orders", killed, orders*senders)
}

// killOne kills one of the other connections to this database, and returns how many that were.
func killOne(ctx context.Context, admin *sql.DB) int {
	var id int64
	err := admin.QueryRowContext(ctx, `SELECT id FROM performance_schema.processlist
		WHERE id <> CONNECTION_ID() AND db = DATABASE() ORDER BY RAND() LIMIT 1`).Scan(&id)
	if err != nil {
		return 0
	}
	if _, err := admin.ExecContext(ctx, fmt.Sprintf("KILL %d", id)); err != nil {
		return 0
	}
	return 1
}
