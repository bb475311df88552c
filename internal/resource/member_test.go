package resource_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"scaleup/internal/resource"
)

func TestMember(t *testing.T) {
	var asked atomic.Int32
	online := int32(3)
	guard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		state := "RECOVERING"
		if asked.Add(1) > online {
			state = "ONLINE"
		}
		fmt.Fprintf(w, `{"state": %q, "message": "waits for a donor"}`, state)
	}))
	m := &resource.Member{Server: "db2", Status: guard.URL, Wait: 10}
	h := newHost(t)
	expectState(t, h, m, "RECOVERING")
	apply(t, h, m)

	online = 1 << 30
	m.Wait = 0
	err := m.Apply(t.Context(), h.System())
	if err == nil || !strings.Contains(err.Error(), "waits for a donor") || !strings.Contains(err.Error(), "journalctl") {
		t.Errorf("error %v, want the guard's message and where to look", err)
	}
	guard.Close()
	expectState(t, h, m, "guard is not running")
}
