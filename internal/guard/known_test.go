package guard

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// The document of the control socket holds what the guard itself knows, and what it
// heard from others before they fell silent.
func TestKnown(t *testing.T) {
	now := time.Now()
	g := &guard{}
	g.snapshot.Store(&Snapshot{
		Server: "db1", Probed: now, MySQL: MySQL{Reachable: true, State: Offline, Executed: gtids("1-3")}, Record: Record{Group: worldGroup, Epoch: 2},
		Message: "waits", Peers: map[string]Peer{
			"db2": {Asked: now.Add(-time.Minute), Error: "no route", Answer: server{executed: gtids("1-5")}.answer("db2")},
			"db3": {Error: "no route"}, // never answered
		},
	})
	w := httptest.NewRecorder()
	g.control().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/known", nil))
	var k Known
	if err := json.Unmarshal(w.Body.Bytes(), &k); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if k.Answer.Server != "db1" || k.Answer.Record.Epoch != 2 || k.Answer.MySQL.Executed != gtids("1-3") || k.Message != "waits" {
		t.Errorf("it knows of itself: %+v, %q", k.Answer, k.Message)
	}
	h, ok := k.Heard["db2"]
	if !ok || len(k.Heard) != 1 || h.Ago < 60 || h.Ago > 70 || h.Error != "no route" || h.Answer.MySQL.Executed != gtids("1-5") {
		t.Errorf("it has heard: %+v", k.Heard)
	}
}
