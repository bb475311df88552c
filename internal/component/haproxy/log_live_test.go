package haproxy

import (
	"strings"
	"testing"
	"time"

	"scaleup/internal/haproxyctl"
)

// The journal holds what HAProxy says on its standard error and what it logs. A change
// of a server's state is there once, and so is a request that failed.
func TestEachEventIsToldOnce(t *testing.T) {
	l := startLive(t)
	l.await(t, map[string]haproxyctl.State{"web/web1": "up", "web/web2": "up", "app/app2-b": "down", "mysql_primary/db1": "up"})
	for _, server := range []string{"web1", "web2"} {
		if err := l.client.SetState(t.Context(), haproxyctl.BackendWeb, server, haproxyctl.OrderMaint); err != nil {
			t.Fatal(err)
		}
	}
	response, _ := do(t, l.https(l.at(10, 443)), "GET", "https://www.foobar.com/", nil)
	if response.StatusCode != 503 {
		t.Fatalf("status %d without a web server, want 503", response.StatusCode)
	}
	told := func() string { return l.stderr.String() + l.syslog.String() }
	for _, event := range []string{
		"Server web/web1 is going DOWN for maintenance",
		"Server web_once/web2 is going DOWN for maintenance",
		"Server app/app2-b is DOWN",
		"Server mysql_primary/db1 is UP",
		"backend 'web' has no server available",
		response.Header.Get("X-Request-ID"),
	} {
		for deadline := time.Now().Add(5 * time.Second); !strings.Contains(told(), event) && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond) // another process writes it
		}
		if n := strings.Count(told(), event); n != 1 {
			t.Errorf("%q is told %d times, want once", event, n)
		}
	}
}
