package ledger

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill/record"
)

func open(t *testing.T, dial func(context.Context) (net.Conn, error)) *SQL {
	t.Helper()
	s, err := Open(Access{Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Each operation is one statement over one connection, sent once whatever happens.
func TestInsertRow(t *testing.T) {
	f := newFakeMySQL(t, nil)
	s := open(t, f.dial)
	const connectionsStay = 0
	seq := 0
	for _, c := range []struct {
		name  string
		fresh bool
		reply reply
		dials int // connections it makes
		want  record.Op
	}{
		{"first", false, reply{}, 1, record.Op{}},
		{"kept", false, reply{}, connectionsStay, record.Op{}},
		{"fresh", true, reply{}, 1, record.Op{Fresh: true}},
		{"kept beside a fresh one", false, reply{}, connectionsStay, record.Op{}},
		{"refused", false, reply{number: 1290}, connectionsStay, record.Op{Outcome: record.Failed, Status: 1290, Error: "read-only"}},
		{"after an error", false, reply{}, 1, record.Op{}},
		{"stopped at commit", false, reply{number: 3101}, connectionsStay, record.Op{Outcome: record.Indeterminate, Status: 3101, Error: "stopped at commit"}},
		{"lost without an answer", true, reply{hangUp: true}, 1, record.Op{Fresh: true, Outcome: record.Indeterminate, Error: "lost"}},
		{"no answer in time", false, reply{silent: true}, 1, record.Op{Outcome: record.Indeterminate, Error: "timeout"}},
		{"afterwards", false, reply{}, 1, record.Op{}},
	} {
		f.will(c.reply)
		seq++
		before, _ := f.seen()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		got := record.Op{Seq: seq}
		s.InsertRow(run, c.fresh)(ctx, &got)
		cancel()
		c.want.Seq = seq
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		after, statements := f.seen()
		if after-before != c.dials {
			t.Errorf("%s: made %d connections, want %d", c.name, after-before, c.dials)
		}
		if want := inserted(record.Key(run, seq), record.Quantity(seq)); len(statements) != seq || statements[seq-1] != want {
			t.Fatalf("%s: statements so far %q, want each once, and %q last", c.name, statements, want)
		}
	}
}

// mute is a connection over which nothing can be sent once it is broken; whoever
// listens does not notice.
type mute struct {
	net.Conn
	broken atomic.Bool
}

func (m *mute) Write(p []byte) (int, error) {
	if m.broken.Load() {
		return 0, syscall.EPIPE
	}
	return m.Conn.Write(p)
}

// A kept connection that turns out to be broken fails the operation that finds out.
// Another client might repeat it; a drill must not.
func TestInsertRowOverABrokenConnection(t *testing.T) {
	f := newFakeMySQL(t, func(string) reply { return reply{} })
	var last *mute
	s := open(t, func(ctx context.Context) (net.Conn, error) {
		conn, err := f.dial(ctx)
		last = &mute{Conn: conn}
		return last, err
	})
	insert := s.InsertRow(run, false)
	var op record.Op
	insert(t.Context(), &op)
	if op.Outcome != record.OK {
		t.Fatalf("got %+v, want ok", op)
	}
	last.broken.Store(true)
	insert(t.Context(), &op)
	if op.Outcome != record.Failed || op.Error != "lost" {
		t.Errorf("got %v, %q, want failed, lost: nothing can have been sent", op.Outcome, op.Error)
	}
	if dials, statements := f.seen(); dials != 1 || len(statements) != 1 {
		t.Errorf("%d connections, statements %q: it was sent again", dials, statements)
	}
	insert(t.Context(), &op)
	if op.Outcome != record.OK {
		t.Errorf("got %+v, want ok over a new connection", op)
	}
}

// A kept connection that the load balancer has closed meanwhile is no longer one.
func TestInsertRowPassesOverAClosedConnection(t *testing.T) {
	f := newFakeMySQL(t, func(string) reply { return reply{} })
	s := open(t, f.dial)
	insert := s.InsertRow(run, false)
	var op record.Op
	insert(t.Context(), &op)
	s.kept[0].line.ended.Store(true) // as line_test.go sees it come about
	insert(t.Context(), &op)
	if dials, statements := f.seen(); op.Outcome != record.OK || dials != 2 || len(statements) != 2 || len(s.kept) != 1 {
		t.Errorf("got %+v over %d connections, %d of them kept, with statements %q", op, dials, len(s.kept), statements)
	}
}

func TestInsertRowWithoutAConnection(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	dialled := false
	for _, c := range []struct {
		name string
		ctx  context.Context
		dial func(context.Context) (net.Conn, error)
		want record.Op
	}{
		{"refused", t.Context(), func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED }, record.Op{Outcome: record.Failed, Error: "refused"}},
		{"any other reason", t.Context(), func(context.Context) (net.Conn, error) { return nil, errors.New("?") }, record.Op{Outcome: record.Failed, Error: "no connection"}},
		{"its time is over", over, func(context.Context) (net.Conn, error) { dialled = true; return nil, errors.New("?") }, record.Op{Outcome: record.Failed, Error: "cancelled"}},
	} {
		var got record.Op
		open(t, c.dial).InsertRow(run, false)(c.ctx, &got)
		if diff := cmp.Diff(c.want, got); diff != "" || dialled {
			t.Errorf("%s: dialled late: %t (-want +got):\n%s", c.name, dialled, diff)
		}
	}
}

// deaf is a tunnel through a server that has lost its power: whatever is done here,
// nothing comes back.
type deaf struct{ net.Conn }

func (deaf) Close() error { return nil }

func TestInsertRowEndsInTimeThroughADeadTunnel(t *testing.T) {
	f := newFakeMySQL(t, func(string) reply { return reply{silent: true} })
	s := open(t, func(ctx context.Context) (net.Conn, error) {
		conn, err := f.dial(ctx)
		if err == nil {
			t.Cleanup(func() { conn.Close() })
		}
		return deaf{conn}, err
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var got record.Op
	s.InsertRow(run, false)(ctx, &got)
	if want := (record.Op{Outcome: record.Indeterminate, Error: "timeout"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// HAProxy closes connections at once while it knows no primary.
func TestInsertRowWithoutAPrimary(t *testing.T) {
	s := open(t, func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		return ours, theirs.Close()
	})
	var got record.Op
	s.InsertRow(run, true)(t.Context(), &got)
	if want := (record.Op{Fresh: true, Outcome: record.Failed, Error: "lost"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSetupAndTeardown(t *testing.T) {
	f := newFakeMySQL(t, func(string) reply { return reply{} })
	s := open(t, f.dial)
	if err := s.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Teardown(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, statements := f.seen()
	begin := []string{"CREATE SCHEMA IF NOT EXISTS scaleup_drill", "CREATE TABLE IF NOT EXISTS scaleup_drill.`rows`", "CREATE TABLE IF NOT EXISTS scaleup_drill.registers", "REPLACE INTO scaleup_drill.registers", "DROP SCHEMA IF EXISTS scaleup_drill"}
	if !slices.EqualFunc(begin, statements, func(want, got string) bool { return strings.HasPrefix(got, want) }) {
		t.Errorf("statements %q", statements)
	}
	if strings.Contains(statements[1], "UNIQUE") {
		t.Error("a unique key would hide what is written twice")
	}
	if n := strings.Count(statements[3], ", 0, 0)"); n != RegisterKeys {
		t.Errorf("%d registers are cleared, want %d", n, RegisterKeys)
	}

	f = newFakeMySQL(t, func(string) reply { return reply{number: 1044} })
	for name, do := range map[string]func(context.Context) error{"set up": open(t, f.dial).Setup, "remove": open(t, f.dial).Teardown} {
		if err := do(t.Context()); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
