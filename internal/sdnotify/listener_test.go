package sdnotify

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// manager is a service manager that keeps files.
type manager struct{ *net.UnixConn }

func newManager(t *testing.T) manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify.sock")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return manager{conn}
}

// told is the next state, and the file that came with it; nil for none.
func (m manager) told(t *testing.T) (state string, file *os.File) {
	t.Helper()
	text, rights := make([]byte, 256), make([]byte, syscall.CmsgSpace(4))
	if err := m.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, nr, _, _, err := m.ReadMsgUnix(text, rights)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:nr])
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range messages {
		fds, err := syscall.ParseUnixRights(&message)
		if err != nil || len(fds) != 1 {
			t.Fatalf("%d files (%v), want one", len(fds), err)
		}
		file = os.NewFile(uintptr(fds[0]), "kept")
		t.Cleanup(func() { file.Close() })
	}
	return string(text[:n]), file
}

// TestNextProcess is not a test: it is the service that is started again. It says where
// it listens to whoever connects.
func TestNextProcess(t *testing.T) {
	address := os.Getenv("TEST_LISTEN")
	if address == "" {
		t.Skip("it is started by TestSocketOutlivesTheProcess")
	}
	l, err := Listen("checks", address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("listens at", l.Addr())
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(conn, "I am the next one")
	conn.Close()
}

// next starts the service again, as a service manager does that has kept a file.
func next(t *testing.T, kept *os.File, address string) (at string) {
	t.Helper()
	// sh knows the number that the process will have.
	c := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" -test.run '^TestNextProcess$'`, os.Args[0])
	c.Env = append(os.Environ(), "TEST_LISTEN="+address, "LISTEN_FDS=2", "LISTEN_FDNAMES=another:checks")
	c.ExtraFiles = []*os.File{os.Stdin, kept}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // unless it has ended
		_ = c.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, serr := fmt.Sscanf(line, "listens at %s", &at); serr != nil {
		t.Fatalf("the next process says %q (%v)", line, err)
	}
	return at
}

// says is what is answered on a connection.
func says(t *testing.T, conn net.Conn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestSocketOutlivesTheProcess(t *testing.T) {
	m := newManager(t)
	first, err := Listen("checks", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := first.Addr().String()
	state, kept := m.told(t)
	if state != "FDSTORE=1\nFDNAME=checks" || kept == nil {
		t.Fatalf("the manager was told %q with the file %v", state, kept)
	}
	if err := first.Close(); err != nil { // as if the process had ended
		t.Fatal(err)
	}
	early := dial(t, address) // nobody is there, and it is not refused
	if at := next(t, kept, address); at != address {
		t.Errorf("the next process listens at %s, want %s", at, address)
	}
	if got := says(t, early); got != "I am the next one\n" {
		t.Errorf("who came early hears %q", got)
	}
}

func TestSocketOfAnotherAddressIsGivenUp(t *testing.T) {
	m := newManager(t)
	first, err := Listen("checks", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, kept := m.told(t)
	at := next(t, kept, "127.0.0.2:0")
	if got := says(t, dial(t, at)); got != "I am the next one\n" {
		t.Errorf("at the other address one hears %q", got)
	}
	for _, want := range []string{"FDSTOREREMOVE=1\nFDNAME=checks", "FDSTORE=1\nFDNAME=checks"} {
		if state, file := m.told(t); state != want || (file != nil) != (want[:8] == "FDSTORE=") {
			t.Errorf("the manager was told %q with the file %v, want %q", state, file, want)
		}
	}
	// The socket is free although there are copies of it.
	again, err := net.Listen("tcp", first.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestListenWithoutAManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	l, err := Listen("checks", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}
