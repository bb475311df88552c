package ledger

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
)

func TestLineKnowsWhatHappensWhileItIsIdle(t *testing.T) {
	for _, c := range []struct {
		name  string
		peer  func(net.Conn) error
		quiet bool
	}{
		{"nothing", func(net.Conn) error { return nil }, true},
		{"closed", net.Conn.Close, false},
		{"said something", func(c net.Conn) error { _, err := c.Write([]byte("bye")); return err }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				l := newLine(ours)
				defer l.Close()
				go func() { _, _ = theirs.Write([]byte("answer")) }()
				answer := make([]byte, 6)
				if _, err := io.ReadFull(l, answer); err != nil || string(answer) != "answer" {
					t.Fatalf("read %q, %v", answer, err)
				}
				if err := c.peer(theirs); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if l.quiet() != c.quiet {
					t.Errorf("quiet is %t, want %t", l.quiet(), c.quiet)
				}
			})
		})
	}
}

// Read ends with Close, though the connection below does not.
func TestLineIsClosedByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		l := newLine(deaf{ours})
		ended := make(chan error, 1)
		go func() {
			_, err := l.Read(make([]byte, 1))
			ended <- err
		}()
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("read ended with %v, want %v", err, io.ErrClosedPipe)
		}
		theirs.Close() // in the end the tunnel goes, too
	})
}

// What was said before the end is read first, and the end is the other side's own.
func TestLineReadsToTheEnd(t *testing.T) {
	ours, theirs := net.Pipe()
	l := newLine(ours)
	defer l.Close()
	go func() {
		_, _ = theirs.Write([]byte("last words"))
		theirs.Close()
	}()
	if got, err := io.ReadAll(l); string(got) != "last words" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}
