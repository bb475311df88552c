package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/go-sql-driver/mysql"
)

// phase is how far a transaction had come when an error met it.
type phase int

const (
	beforeCommit phase = iota // connecting, or any statement but COMMIT: without COMMIT nothing is kept
	atCommit                  // COMMIT was sent, or may have been
)

// outcome is what an error says about the work that met it.
type outcome int

const (
	settled outcome = iota // there is an answer, good or bad, and asking again would not change it
	again                  // nothing was written: connect anew and run the whole transaction again
	unknown                // it may have been written: look the key up before anything else
	broken                 // nothing was written, and trying again will not help
)

func (o outcome) String() string { return [...]string{"settled", "again", "unknown", "broken"}[o] }

// MySQL's error numbers, by their names in its message reference.
const (
	errConCount              = 1040
	errDBAccessDenied        = 1044
	errAccessDenied          = 1045
	errBadDB                 = 1049
	errServerShutdown        = 1053
	errDupEntry              = 1062
	errDuringCommit          = 1180
	errTooManyUserConns      = 1203
	errLockWaitTimeout       = 1205
	errLockDeadlock          = 1213
	errOptionPreventsWrite   = 1290 // --read-only, --super-read-only
	errQueryInterrupted      = 1317
	errReadOnlyTransaction   = 1792
	errReadOnlyMode          = 1836
	errServerGoneAway        = 2006
	errServerLost            = 2013
	errServerOfflineMode     = 3032
	errObserverHook          = 3100 // a plugin refused at COMMIT
	errRollbackDuringCommit  = 3101 // a plugin rolled back at COMMIT; without a majority, others may still commit it
	errPrimaryFailoverFirst  = 3781 // held back until a new primary has applied its backlog …
	errPrimaryFailoverLast   = 3783
	errConsistencyFirst      = 3796 // … or until a consistency level is reached
	errConsistencyLast       = 3799
	errPrimaryChangeUnderway = 4094
)

// classify decides what an error means for the transaction that met it. Errors of the connection are safe to repeat before
// COMMIT and say nothing at COMMIT; of the server's answers, only those that promise a rollback are safe there.
func classify(err error, at phase) outcome {
	var answer *mysql.MySQLError
	switch {
	case err == nil:
		return settled
	case errors.As(err, &answer) && at == atCommit:
		return classifyAtCommit(answer.Number)
	case errors.As(err, &answer):
		return classifyBeforeCommit(answer.Number)
	case at == atCommit:
		return unknown
	case isConnectionError(err):
		return again
	}
	return broken
}

func classifyAtCommit(number uint16) outcome {
	switch number {
	case errOptionPreventsWrite, errReadOnlyTransaction, errReadOnlyMode, errLockWaitTimeout, errLockDeadlock, errDuringCommit:
		return again
	}
	return unknown
}

func classifyBeforeCommit(number uint16) outcome {
	switch number {
	case errOptionPreventsWrite, errReadOnlyTransaction, errReadOnlyMode, errServerOfflineMode, errPrimaryChangeUnderway,
		errLockWaitTimeout, errLockDeadlock, errDuringCommit,
		errConCount, errTooManyUserConns, errServerShutdown, errQueryInterrupted, errServerGoneAway, errServerLost:
		return again
	case errObserverHook, errRollbackDuringCommit: // from a statement that commits by itself
		return unknown
	}
	if number >= errPrimaryFailoverFirst && number <= errPrimaryFailoverLast ||
		number >= errConsistencyFirst && number <= errConsistencyLast {
		return again
	}
	return broken
}

// isConnectionError reports whether the connection failed, rather than what was asked over it.
func isConnectionError(err error) bool {
	var network net.Error
	for _, lost := range []error{
		driver.ErrBadConn, mysql.ErrInvalidConn, mysql.ErrMalformPkt, mysql.ErrPktSync, mysql.ErrBusyBuffer,
		io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return errors.As(err, &network) || isUnsent(err)
}

// isUnsent recognises the driver's word for a connection that broke before anything was sent over it. While a connection is
// being opened, that comes through as it is, and has no exported name (seen when the primary was handed over).
func isUnsent(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err.Error() == "bad connection" {
			return true
		}
	}
	return false
}

// isNumber reports whether err is MySQL's answer with this number.
func isNumber(err error, number uint16) bool {
	var answer *mysql.MySQLError
	return errors.As(err, &answer) && answer.Number == number
}
