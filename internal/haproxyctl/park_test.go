package haproxyctl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestServerLimit(t *testing.T) {
	const config = "global\n    maxconn 9000\nbackend web from http\n    default-server check maxconn 1000 tcp-ut 3s\n    server web1 10.0.0.3:80\n" +
		"# backend mysql_primary\nbackend mysql_primary from mysql\n    option httpchk\n    # default-server maxconn 7\n    default-server check inter 250ms maxconn 400 on-marked-down shutdown-sessions\n" +
		"backend bare\n    default-server check\nbackend odd\n    default-server maxconn none\n"
	for backend, want := range map[string]int{"mysql_primary": 400, "web": 1000, "bare": 0, "odd": 0, "nobody": 0} {
		got, err := serverLimit(config, backend)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%s: %d, %v, want %d", backend, got, err, want)
		}
	}
}

// greeter is a server that says its name to everybody who connects, as MySQL does.
func greeter(t *testing.T, name string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := io.WriteString(conn, name+"\n"); err == nil {
					io.Copy(io.Discard, conn)
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// The program itself: a new connection waits while there is one, and goes to the next
// server as soon as that is said to be healthy; the old one ends when the former
// server is said not to be.
func TestPark(t *testing.T) {
	front := filepath.Join(t.TempDir(), "front.sock")
	r := startHAProxy(t, fmt.Sprintf(`frontend mysql
    mode tcp
    bind %s
    default_backend databases
backend databases
    mode tcp
    timeout queue 5s
    option redispatch 1
    default-server check inter 100ms rise 100 fall 100 maxconn 10 on-marked-down shutdown-sessions
    server former %s
    server next %s
`, front, greeter(t, "former"), greeter(t, "next")))
	const others = "web1=up web2=down app1-a=up app1-b=maint web1-once=up db1=up db2=down "
	r.await(t, others+"former=up next=up")
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("unix", front)
		must(err)
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	hears := func(conn net.Conn, want string, within time.Duration) bool {
		conn.SetDeadline(time.Now().Add(within))
		got, err := bufio.NewReader(conn).ReadString('\n')
		return err == nil && got == want+"\n"
	}
	must(r.client.SetHealth(ctx, "databases", "next", false))
	r.await(t, others+"former=up next=down")
	before := dial()
	if !hears(before, "former", 5*time.Second) {
		t.Fatal("no connection to the only server")
	}
	must(r.client.Park(ctx, "databases", "former"))
	parked := dial()
	if hears(parked, "former", 200*time.Millisecond) {
		t.Error("a new connection was let through")
	}
	must(r.client.SetHealth(ctx, "databases", "next", true))
	if !hears(parked, "next", 5*time.Second) {
		t.Error("the parked connection did not go to the next server")
	}
	must(r.client.SetHealth(ctx, "databases", "former", false))
	before.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := before.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection with the former server: %v, want its end", err)
	}
	must(Open(ctx, r.paths, "databases"))
	must(r.client.SetHealth(ctx, "databases", "former", true))
	must(r.client.SetHealth(ctx, "databases", "next", false))
	for range 3 {
		if !hears(dial(), "former", 5*time.Second) {
			t.Error("a server that was parked is still limited")
		}
	}
	if err := r.client.Park(ctx, "databases", "nobody"); err == nil {
		t.Error("a server that does not exist was parked")
	}
}

// The program itself: health that is said counts at once, long before its checks say
// the same.
func TestSetHealth(t *testing.T) {
	r := startHAProxy(t, fmt.Sprintf("backend rare\n    mode tcp\n    server one %s check inter 100ms rise 100 fall 1\n", greeter(t, "one")))
	r.await(t, "web1=up web2=down app1-a=up app1-b=maint web1-once=up db1=up db2=down one=up")
	for _, healthy := range []bool{false, true} {
		if err := r.client.SetHealth(t.Context(), "rare", "one", healthy); err != nil {
			t.Fatal(err)
		}
		word := map[bool]string{true: "up", false: "down"}[healthy]
		r.await(t, "web1=up web2=down app1-a=up app1-b=maint web1-once=up db1=up db2=down one="+word)
	}
	if err := r.client.SetHealth(t.Context(), "rare", "nobody", true); err == nil {
		t.Error("the health of a server that does not exist was set")
	}
}
