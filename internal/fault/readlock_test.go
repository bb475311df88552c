package fault

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
)

// fakeMySQL knows sessions with their attributes, and the statements of a ReadLock.
type fakeMySQL struct {
	mu       sync.Mutex
	next     uint64
	sessions map[uint64]string // attributes by connection number
	said     []string
	refuse   string // a statement that fails
}

func newFakeMySQL() *fakeMySQL { return &fakeMySQL{sessions: map[uint64]string{}} }

func (m *fakeMySQL) connect(_, attributes string) (driver.Connector, error) {
	return fakeConnector{m, attributes}, nil
}

type fakeConnector struct {
	mysql      *fakeMySQL
	attributes string
}

func (c fakeConnector) Driver() driver.Driver { return nil }

func (c fakeConnector) Connect(context.Context) (driver.Conn, error) {
	c.mysql.mu.Lock()
	defer c.mysql.mu.Unlock()
	c.mysql.next++
	c.mysql.sessions[c.mysql.next] = c.attributes
	return &fakeSession{mysql: c.mysql, id: c.mysql.next}, nil
}

type fakeSession struct {
	mysql *fakeMySQL
	id    uint64
}

func (*fakeSession) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not prepared") }
func (*fakeSession) Begin() (driver.Tx, error)           { return nil, errors.New("no transactions") }

func (s *fakeSession) Close() error {
	s.mysql.mu.Lock()
	defer s.mysql.mu.Unlock()
	delete(s.mysql.sessions, s.id)
	return nil
}

func (s *fakeSession) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	s.mysql.mu.Lock()
	defer s.mysql.mu.Unlock()
	if s.mysql.refuse != "" && strings.Contains(query, s.mysql.refuse) {
		return nil, &mysql.MySQLError{Number: 1205, Message: "Lock wait timeout exceeded"}
	}
	var id uint64
	if _, err := fmt.Sscanf(query, "KILL %d", &id); err == nil {
		if _, there := s.mysql.sessions[id]; !there {
			return nil, &mysql.MySQLError{Number: noSuchThread, Message: "Unknown thread id"}
		}
		delete(s.mysql.sessions, id)
		return driver.ResultNoRows, nil
	}
	s.mysql.said = append(s.mysql.said, query)
	return driver.ResultNoRows, nil
}

func (s *fakeSession) QueryContext(_ context.Context, _ string, args []driver.NamedValue) (driver.Rows, error) {
	s.mysql.mu.Lock()
	defer s.mysql.mu.Unlock()
	rows := &fakeRows{}
	for id, attributes := range s.mysql.sessions {
		if attributes == fmt.Sprintf("%s:%s", args[0].Value, args[1].Value) {
			rows.ids = append(rows.ids, id)
		}
	}
	slices.Sort(rows.ids)
	return rows, nil
}

type fakeRows struct{ ids []uint64 }

func (*fakeRows) Columns() []string { return []string{"processlist_id"} }
func (*fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(into []driver.Value) error {
	if len(r.ids) == 0 {
		return io.EOF
	}
	into[0], r.ids = int64(r.ids[0]), r.ids[1:]
	return nil
}

func TestReadLockIsHeldBySomebodyElse(t *testing.T) {
	m := newFakeMySQL()
	s := newServer(t, t.TempDir())
	at := s.place("one")
	holder := &ReadLock{Socket: "/run/mysqld/mysqld.sock", connect: m.connect}
	other := &ReadLock{Socket: "/run/mysqld/mysqld.sock", connect: m.connect}
	must(t, holder.Inject(t.Context(), at))
	want := []string{"SET SESSION lock_wait_timeout = 10", "SET SESSION wait_timeout = 150", "FLUSH TABLES WITH READ LOCK"}
	if diff := cmp.Diff(want, m.said); diff != "" {
		t.Errorf("statements (-want +got):\n%s", diff)
	}
	expect(t, "bites", true, other.Bites, at)
	expect(t, "another fault bites", false, other.Bites, s.place("two"))
	must(t, other.Heal(t.Context(), at))
	expect(t, "healed", true, other.Healed, at)
	if len(m.sessions) > 0 {
		t.Errorf("sessions are left: %v", m.sessions)
	}
}

func TestReadLockThatIsNotGranted(t *testing.T) {
	m := newFakeMySQL()
	m.refuse = "FLUSH"
	at := newServer(t, t.TempDir()).place("one")
	f := &ReadLock{Socket: "/run/mysqld/mysqld.sock", connect: m.connect}
	if err := f.Inject(t.Context(), at); err == nil {
		t.Fatal("want an error")
	}
	if len(m.sessions) > 0 {
		t.Errorf("sessions are left: %v", m.sessions)
	}
	expect(t, "bites", false, f.Bites, at)
}

// A MySQL that does not run holds no lock, and healing must not fail for it.
func TestReadLockWithoutMySQL(t *testing.T) {
	at := newServer(t, t.TempDir()).place("one")
	f := &ReadLock{Socket: "/run/mysqld/mysqld.sock"}
	if err := f.Inject(t.Context(), at); err == nil {
		t.Error("inject: want an error")
	}
	must(t, f.Heal(t.Context(), at))
	if _, _, err := f.Healed(t.Context(), at); err == nil {
		t.Error("healed: nobody could be asked, want an error")
	}
}
