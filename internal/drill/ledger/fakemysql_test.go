package ledger

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// fakeMySQL speaks enough of MySQL's protocol to let the real driver in and answer
// or break off each statement as a test wants.
type fakeMySQL struct {
	listener net.Listener

	mu          sync.Mutex
	answer      func(sql string) reply
	connections int
	statements  []string // of all connections, in the order they came in
}

// reply is an answer to a statement. The zero value is OK with one changed row.
type reply struct {
	rows   []string // of one column; not nil: a result set
	number uint16   // an error
	none   bool     // OK, and no row was changed
	hangUp bool     // the connection is closed in place of an answer
	silent bool     // there is never an answer
}

func newFakeMySQL(t *testing.T, answer func(sql string) reply) *fakeMySQL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeMySQL{listener: l, answer: answer}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			wait.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		wait.Wait()
	})
	return f
}

func (f *fakeMySQL) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", f.listener.Addr().String())
}

// will makes these the answers to the next statements.
func (f *fakeMySQL) will(replies ...reply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = func(string) reply {
		if len(replies) == 0 {
			return reply{number: 1064}
		}
		next := replies[0]
		replies = replies[1:]
		return next
	}
}

// seen are the connections and statements so far.
func (f *fakeMySQL) seen() (int, []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.connections, f.statements
}

func (f *fakeMySQL) serve(conn net.Conn) {
	defer conn.Close()
	f.mu.Lock()
	f.connections++
	f.mu.Unlock()
	w := wire{bufio.NewReader(conn), conn, 0}
	w.send(greeting())
	if _, err := w.receive(); err != nil {
		return
	}
	w.send(okPacket(0))
	for {
		command, err := w.receive()
		if err != nil || command[0] != 3 { // COM_QUERY; the other one here is COM_QUIT
			return
		}
		switch r := f.take(string(command[1:])); {
		case r.hangUp:
			return
		case r.silent:
			_, _ = w.in.ReadByte() // until the other side gives up
			return
		case r.number != 0:
			w.send(append(binary.LittleEndian.AppendUint16([]byte{0xff}, r.number), "#HY000no"...))
		case r.rows != nil:
			w.sendRows(r.rows)
		case r.none:
			w.send(okPacket(0))
		default:
			w.send(okPacket(1))
		}
	}
}

// take takes a statement down and finds its answer.
func (f *fakeMySQL) take(sql string) reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.statements = append(f.statements, sql)
	return f.answer(sql)
}

// wire is one connection in packets.
type wire struct {
	in  *bufio.Reader
	out io.Writer
	seq byte
}

func (w *wire) receive() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(w.in, head[:]); err != nil {
		return nil, err
	}
	w.seq = head[3] + 1
	body := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err := io.ReadFull(w.in, body)
	return body, err
}

// send ignores errors: the driver has gone, and the next receive ends.
func (w *wire) send(body []byte) {
	_, _ = w.out.Write(append([]byte{byte(len(body)), byte(len(body) >> 8), 0, w.seq}, body...))
	w.seq++
}

func (w *wire) sendRows(rows []string) {
	w.send([]byte{1}) // one column
	column := []byte("\x03def\x00\x00\x00\x01n\x00\x0c\x3f\x00\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00")
	w.send(column) // BIGINT
	end := []byte{0xfe, 0, 0, 2, 0}
	w.send(end)
	for _, r := range rows {
		w.send(append([]byte{byte(len(r))}, r...))
	}
	w.send(end)
}

func okPacket(changed byte) []byte { return []byte{0, changed, 0, 2, 0, 0, 0} }

// greeting offers protocol 4.1 and the plain old way to sign in, without TLS.
func greeting() []byte {
	const capabilities = 0x0200 | 0x8000 | 0x2000 | 0x00080000 | 1 // 4.1, secure connection, transactions, plugin auth, long password
	salt := strings.Repeat("s", 8)
	b := append([]byte{10}, "8.4.0-fake\x00\x01\x00\x00\x00"...)
	b = append(append(b, salt...), 0)
	b = binary.LittleEndian.AppendUint16(b, capabilities&0xffff)
	b = append(b, 45, 2, 0)
	b = binary.LittleEndian.AppendUint16(b, capabilities>>16)
	b = append(append(b, 21), make([]byte, 10)...)
	return append(b, salt+"ssss\x00mysql_native_password\x00"...)
}

// inserted is the statement that writes a row.
func inserted(key string, value int) string {
	return fmt.Sprintf("INSERT INTO scaleup_drill.`rows` (op_key, value, at) VALUES ('%s', %d, UTC_TIMESTAMP(3))", key, value)
}
