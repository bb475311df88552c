package resource_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"scaleup/internal/resource"
)

func TestMember(t *testing.T) {
	state := "RECOVERING"
	guard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"state": %q, "message": "waits for a donor"}`, state)
	}))
	m := &resource.Member{Server: "db2", Status: guard.URL, Wait: 10}
	h := newHost(t)
	expectState(t, h, m, "RECOVERING")
	if !m.Tolerates("OFFLINE", "RECOVERING") {
		t.Error("a member on its way to ONLINE makes the plan stale")
	}
	state = "ONLINE"
	expectState(t, h, m, "ONLINE")
	guard.Close()
	expectState(t, h, m, "guard is not running")
}
