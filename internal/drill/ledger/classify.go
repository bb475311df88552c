package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/go-sql-driver/mysql"

	"scaleup/internal/drill/record"
)

// phase is what an operation was about when an error met it.
type phase int

const (
	connecting phase = iota // no statement was sent
	reading                 // nothing was to be written
	writing                 // a statement that commits by itself was sent, or may have been
)

// MySQL's error numbers that mean something to a write, by their names in its
// message reference.
const (
	errDBAccessDenied      = 1044
	errBadDB               = 1049
	errParse               = 1064
	errTableAccessDenied   = 1142
	errNoSuchTable         = 1146
	errLockWaitTimeout     = 1205
	errLockDeadlock        = 1213
	errOptionPreventsWrite = 1290 // --read-only, --super-read-only
	errReadOnlyTransaction = 1792
	errReadOnlyMode        = 1836
	errObserverHook        = 3100 // a plugin refused at COMMIT
	errRollbackAtCommit    = 3101 // a plugin rolled back at COMMIT
	errHoldWaitTimeout     = 3781 // held back at the beginning until a new primary has applied its backlog …
	errHoldMemberStatus    = 3783
	errConsistencyFirst    = 3796 // … or until a consistency level is reached
	errConsistencyLast     = 3799
)

// classify says what an error means for the operation that met it: the outcome,
// MySQL's number (0: it was not MySQL's answer) and a word or two.
//
// A write failed only where that is certain: nothing was sent, or MySQL answered
// that it refused the statement before it began, or rolled it back. At COMMIT a
// member of a group may be told to roll back (3100, 3101) what the majority keeps,
// and a statement that is interrupted there (1053, 1180, 1317) may be kept, too.
func classify(err error, at phase) (outcome record.Outcome, status int, words string) {
	if err == nil {
		return record.OK, 0, ""
	}
	var answer *mysql.MySQLError
	if errors.As(err, &answer) {
		status, words = int(answer.Number), answerWords(answer.Number)
	} else {
		words = connectionWords(err)
	}
	// The driver's ErrBadConn promises that not a byte of the statement went out.
	if at == writing && !refused(status) && !errors.Is(err, driver.ErrBadConn) && !errors.Is(err, sql.ErrNoRows) {
		return record.Indeterminate, status, words
	}
	return record.Failed, status, words
}

// refused reports whether MySQL's answer to a statement that commits by itself
// promises that nothing of it was kept.
func refused(number int) bool {
	switch number {
	case errOptionPreventsWrite, errReadOnlyTransaction, errReadOnlyMode, errLockWaitTimeout, errLockDeadlock,
		errDBAccessDenied, errBadDB, errParse, errTableAccessDenied, errNoSuchTable:
		return true
	}
	return number >= errHoldWaitTimeout && number <= errHoldMemberStatus ||
		number >= errConsistencyFirst && number <= errConsistencyLast
}

func answerWords(number uint16) string {
	switch number {
	case errOptionPreventsWrite, errReadOnlyTransaction, errReadOnlyMode:
		return "read-only"
	case errLockWaitTimeout:
		return "lock wait"
	case errLockDeadlock:
		return "deadlock"
	case errObserverHook, errRollbackAtCommit:
		return "stopped at commit"
	}
	return "refused by MySQL"
}

func connectionWords(err error) string {
	var network net.Error
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "row missing"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn):
		return "lost" // the driver does not say how
	}
	return "no connection"
}
