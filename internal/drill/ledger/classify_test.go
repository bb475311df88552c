package ledger

import (
	"context"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"

	"scaleup/internal/drill/record"
)

func TestClassify(t *testing.T) {
	answer := func(number uint16) error {
		return fmt.Errorf("do: %w", &mysql.MySQLError{Number: number, Message: "m"})
	}
	const failed, unknown = record.Failed, record.Indeterminate
	for _, c := range []struct {
		name    string
		err     error
		writing record.Outcome // connecting and reading, it is Failed
		status  int
		words   string
	}{
		{"read-only option", answer(1290), failed, 1290, "read-only"},
		{"read-only transaction", answer(1792), failed, 1792, "read-only"},
		{"read-only mode", answer(1836), failed, 1836, "read-only"},
		{"lock wait timeout", answer(1205), failed, 1205, "lock wait"},
		{"deadlock", answer(1213), failed, 1213, "deadlock"},
		{"no such database", answer(1049), failed, 1049, "refused by MySQL"},
		{"syntax", answer(1064), failed, 1064, "refused by MySQL"},
		{"table access denied", answer(1142), failed, 1142, "refused by MySQL"},
		{"no such table", answer(1146), failed, 1146, "refused by MySQL"},

		{"just below the held statements", answer(3780), unknown, 3780, "refused by MySQL"},
		{"held for a new primary", answer(3781), failed, 3781, "refused by MySQL"},
		{"held on a member in error", answer(3783), failed, 3783, "refused by MySQL"},
		{"just above", answer(3784), unknown, 3784, "refused by MySQL"},
		{"consistency not allowed", answer(3796), failed, 3796, "refused by MySQL"},
		{"group is stopping", answer(3799), failed, 3799, "refused by MySQL"},

		{"hook refused", answer(3100), unknown, 3100, "stopped at commit"},
		{"rolled back by plugin", answer(3101), unknown, 3101, "stopped at commit"},
		{"error during commit", answer(1180), unknown, 1180, "refused by MySQL"},
		{"shutdown", answer(1053), unknown, 1053, "refused by MySQL"},
		{"interrupted", answer(1317), unknown, 1317, "refused by MySQL"},
		{"gone away", answer(2006), unknown, 2006, "refused by MySQL"},
		{"lost", answer(2013), unknown, 2013, "refused by MySQL"},
		{"offline mode", answer(3032), unknown, 3032, "refused by MySQL"},
		{"primary change", answer(4094), unknown, 4094, "refused by MySQL"},

		{"nothing was sent", driver.ErrBadConn, failed, 0, "lost"},
		{"no row", sql.ErrNoRows, failed, 0, "row missing"},

		{"invalid connection", mysql.ErrInvalidConn, unknown, 0, "lost"},
		{"deadline", context.DeadlineExceeded, unknown, 0, "timeout"},
		{"deadline of the connection", &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, unknown, 0, "timeout"},
		{"silent peer", &net.OpError{Op: "read", Err: syscall.ETIMEDOUT}, unknown, 0, "timeout"},
		{"cancelled", context.Canceled, unknown, 0, "cancelled"},
		{"refused", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, unknown, 0, "refused"},
		{"reset", fmt.Errorf("query: %w", &net.OpError{Op: "read", Err: syscall.ECONNRESET}), unknown, 0, "reset"},
		{"broken pipe", syscall.EPIPE, unknown, 0, "reset"},
		{"end of file", io.EOF, unknown, 0, "closed"},
		{"unexpected end of file", fmt.Errorf("read: %w", io.ErrUnexpectedEOF), unknown, 0, "closed"},
		{"certificate of a stranger", x509.UnknownAuthorityError{}, unknown, 0, "no connection"},
		{"anything else", errors.New("?"), unknown, 0, "no connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for at, want := range map[phase]record.Outcome{connecting: failed, reading: failed, writing: c.writing} {
				outcome, status, words := classify(c.err, at)
				if outcome != want || status != c.status || words != c.words {
					t.Errorf("phase %d: got %v, %d, %q, want %v, %d, %q", at, outcome, status, words, want, c.status, c.words)
				}
			}
		})
	}
	for _, at := range []phase{connecting, reading, writing} {
		if outcome, status, words := classify(nil, at); outcome != record.OK || status != 0 || words != "" {
			t.Errorf("no error in phase %d: got %v, %d, %q", at, outcome, status, words)
		}
	}
}
