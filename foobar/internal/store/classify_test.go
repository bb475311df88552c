package store

import (
	"context"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func TestClassify(t *testing.T) {
	answer := func(number uint16) error {
		return fmt.Errorf("do: %w", &mysql.MySQLError{Number: number, Message: "m"})
	}
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	tests := []struct {
		name             string
		err              error
		before, atCommit outcome
	}{
		{"no error", nil, settled, settled},

		{"1290 read-only option", answer(1290), again, again},
		{"1792 read-only transaction", answer(1792), again, again},
		{"1836 read-only mode", answer(1836), again, again},
		{"1205 lock wait timeout", answer(1205), again, again},
		{"1213 deadlock", answer(1213), again, again},
		{"1180 error during commit", answer(1180), again, again},

		{"3032 offline mode", answer(3032), again, unknown},
		{"1040 too many connections", answer(1040), again, unknown},
		{"1203 too many connections of a user", answer(1203), again, unknown},
		{"1053 shutdown", answer(1053), again, unknown},
		{"1317 interrupted", answer(1317), again, unknown},
		{"2006 gone away", answer(2006), again, unknown},
		{"2013 lost", answer(2013), again, unknown},
		{"3780 just below the held statements", answer(3780), broken, unknown},
		{"3781 held for a new primary", answer(3781), again, unknown},
		{"3783 held for a new primary", answer(3783), again, unknown},
		{"3784 just above", answer(3784), broken, unknown},
		{"3796 consistency wait", answer(3796), again, unknown},
		{"3799 consistency wait", answer(3799), again, unknown},
		{"4094 primary change", answer(4094), again, unknown},

		{"3100 hook refused", answer(3100), unknown, unknown},
		{"3101 rolled back by plugin", answer(3101), unknown, unknown},

		{"1045 access denied", answer(1045), broken, unknown},
		{"1049 no such database", answer(1049), broken, unknown},
		{"1064 syntax", answer(1064), broken, unknown},
		{"1146 no such table", answer(1146), broken, unknown},

		{"refused", refused, again, unknown},
		{"reset", fmt.Errorf("query: %w", reset), again, unknown},
		{"bad connection", driver.ErrBadConn, again, unknown},
		{"bad connection while it is opened", fmt.Errorf("connect: %w", errors.New("bad connection")), again, unknown},
		{"invalid connection", mysql.ErrInvalidConn, again, unknown},
		{"end of file", io.EOF, again, unknown},
		{"unexpected end of file", fmt.Errorf("read: %w", io.ErrUnexpectedEOF), again, unknown},
		{"deadline", context.DeadlineExceeded, again, unknown},

		{"closed pool", sql.ErrConnDone, broken, unknown},
		{"certificate of a stranger", x509.UnknownAuthorityError{}, broken, unknown},
		{"anything else", errors.New("?"), broken, unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := classify(tt.err, beforeCommit); got != tt.before {
				t.Errorf("before COMMIT: got %v, want %v", got, tt.before)
			}
			if got := classify(tt.err, atCommit); got != tt.atCommit {
				t.Errorf("at COMMIT: got %v, want %v", got, tt.atCommit)
			}
		})
	}
}
