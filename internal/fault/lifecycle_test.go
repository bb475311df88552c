package fault

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const farEnd = "/var/lib/scaleup/bin/scaleup-1a2b"

func order(verb Verb, id string, f Fault) Order {
	return Order{Verb: verb, ID: id, Lease: 90 * time.Second, Fault: f}
}

// answer sends an order over the wire, as the far end gets it.
func answer(t *testing.T, s *fakeServer, o Order) (Report, error) {
	t.Helper()
	line, err := json.Marshal(o)
	must(t, err)
	var got Order
	must(t, json.Unmarshal(line, &got))
	return Answer(t.Context(), s.place("").System, farEnd, got)
}

func expectAnswer(t *testing.T, s *fakeServer, o Order, want bool) Report {
	t.Helper()
	r, err := answer(t, s, o)
	must(t, err)
	if r.OK != want {
		t.Fatalf("%s: got %+v, want OK %v", o.Verb, r, want)
	}
	return r
}

func TestLifeOfAFault(t *testing.T) {
	s := newServer(t, t.TempDir())
	holders := withHolders(t, s)
	f := &HoldDown{Unit: "web.service"}
	expectAnswer(t, s, order(VerbHealed, "one", f), true)
	expectAnswer(t, s, order(VerbBites, "one", f), false)
	expectAnswer(t, s, order(VerbStart, "one", f), true)
	want := []string{"--unit=scaleup-fault-one.service", "--service-type=notify", "--property=TimeoutStartSec=30000ms", "--property=RuntimeMaxSec=90000ms"}
	if diff := cmp.Diff(want, holders.argv[3:7]); diff != "" {
		t.Errorf("systemd-run (-want +got):\n%s", diff)
	}
	expectAnswer(t, s, order(VerbBites, "one", f), true)
	expectAnswer(t, s, order(VerbHealed, "one", f), false)
	list := expectAnswer(t, s, Order{Verb: VerbList}, false)
	if diff := cmp.Diff([]string{"scaleup-fault-one.service is running", "kill -9 web.service, held down (one) is not healed"}, list.Found); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for range 2 {
		expectAnswer(t, s, order(VerbStop, "one", f), true)
		expectAnswer(t, s, order(VerbHealed, "one", f), true)
	}
	expectAnswer(t, s, Order{Verb: VerbList}, true)
	expectAnswer(t, s, order(VerbStart, "two", f), true)
	expectAnswer(t, s, order(VerbStop, "two", f), true)
}

func TestOneFaultAtATime(t *testing.T) {
	s := newServer(t, t.TempDir())
	withHolders(t, s)
	expectAnswer(t, s, order(VerbStart, "one", &Loss{Percent: 20, SSH: 22}), true)
	_, err := answer(t, s, order(VerbStart, "two", &Kill{Unit: "web.service"}))
	if err == nil || !strings.Contains(err.Error(), "20 % of packets lost (one) is not healed") {
		t.Errorf("a second fault: got %v", err)
	}
	expectAnswer(t, s, order(VerbStop, "one", &Loss{Percent: 20, SSH: 22}), true)
}

// An order to start may overtake the one to stop when a connection breaks.
func TestAnEndedFaultDoesNotStart(t *testing.T) {
	s := newServer(t, t.TempDir())
	withHolders(t, s)
	f := &Kill{Unit: "web.service"}
	expectAnswer(t, s, order(VerbStop, "one", f), true)
	if _, err := answer(t, s, order(VerbStart, "one", f)); err == nil || !strings.Contains(err.Error(), "ended already") {
		t.Errorf("start after stop: got %v", err)
	}
}

func TestStartSaysWhyInjectingFailed(t *testing.T) {
	s := newServer(t, t.TempDir())
	withHolders(t, s)
	s.units["web.service"].restarts = false
	s.kill("web.service")
	_, err := answer(t, s, order(VerbStart, "one", &Kill{Unit: "web.service"}))
	if err == nil || err.Error() != "inject kill -9 web.service: web.service is inactive, so there is nothing to break" {
		t.Errorf("got %v", err)
	}
	expectAnswer(t, s, Order{Verb: VerbList}, true)
}

func TestTheLeaseHeals(t *testing.T) {
	s := newServer(t, t.TempDir())
	holders := withHolders(t, s)
	o := order(VerbStart, "one", &Stop{Unit: "web.service"})
	o.Lease = time.Second
	expectAnswer(t, s, o, true)
	h := holders.holder("one")
	o.Verb = VerbBites
	expectAnswer(t, s, o, true)
	<-h.done
	o.Verb = VerbHealed
	expectAnswer(t, s, o, true)
}

func TestHealAll(t *testing.T) {
	s := newServer(t, t.TempDir())
	holders := withHolders(t, s)
	holders.lost = true
	before := s.read("/etc/web.conf")
	f := &BadConfig{Path: "/etc/web.conf", Unit: "web.service"}
	expectAnswer(t, s, order(VerbStart, "one", f), true)
	h := holders.holder("one")
	h.end()
	<-h.done
	must(t, os.RemoveAll(s.path(stateDir))) // and the server was switched off and on
	s.table = "left by a fault of long ago"

	r := expectAnswer(t, s, Order{Verb: VerbHealAll}, true)
	want := []string{
		"a bad line in /etc/web.conf and a reload of web.service (one) is not healed",
		"the table inet scaleup_drill of nftables is there",
	}
	if diff := cmp.Diff(want, r.Found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if got := s.read("/etc/web.conf"); got != before {
		t.Errorf("the configuration is %q", got)
	}
	if r := expectAnswer(t, s, Order{Verb: VerbHealAll}, true); len(r.Found) > 0 {
		t.Errorf("the second time it found %q", r.Found)
	}
}

func TestHealAllStopsWhatIsHeld(t *testing.T) {
	s := newServer(t, t.TempDir())
	withHolders(t, s)
	f := &CPU{Unit: "web.service", Percent: 5}
	expectAnswer(t, s, order(VerbStart, "one", f), true)
	r := expectAnswer(t, s, Order{Verb: VerbHealAll}, true)
	if diff := cmp.Diff([]string{"scaleup-fault-one.service is running", "5 % CPU for web.service (one) is not healed"}, r.Found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	expectAnswer(t, s, order(VerbHealed, "one", f), true)
}

// What cannot be read must neither be passed over nor keep the rest from healing.
func TestHealAllGoesOn(t *testing.T) {
	s := newServer(t, t.TempDir())
	withHolders(t, s)
	s.write(journalDir+"/future.json", `{"order":{"verb":"start","id":"future","lease_ns":1000000000,"fault":{"kind":"meteor","spec":{}}}}`)
	s.write(stateDir+"/one/fault.json", `{"verb":"start","id":"one","lease_ns":9000000000,"fault":{"kind":"cut","spec":{}}}`)
	s.table = "loaded"
	_, err := answer(t, s, Order{Verb: VerbHealAll})
	if err == nil || !strings.Contains(err.Error(), `unknown kind "meteor"`) {
		t.Errorf("got %v", err)
	}
	if s.table != "" || s.exists(stateDir+"/one/fault.json") {
		t.Error("the fault that can be read was not healed")
	}
}

func TestRefusedOrders(t *testing.T) {
	s := newServer(t, t.TempDir())
	withHolders(t, s)
	kill := &Kill{Unit: "web.service"}
	for name, o := range map[string]Order{
		"no fault":       {Verb: VerbStart, ID: "one", Lease: time.Minute},
		"no ID":          {Verb: VerbStart, Lease: time.Minute, Fault: kill},
		"a path as ID":   {Verb: VerbStart, ID: "../x", Lease: time.Minute, Fault: kill},
		"no lease":       {Verb: VerbStart, ID: "one", Fault: kill},
		"endless lease":  {Verb: VerbStart, ID: "one", Lease: 2 * time.Hour, Fault: kill},
		"unknown verb":   {Verb: "explode", ID: "one", Lease: time.Minute, Fault: kill},
		"unit option":    {Verb: VerbStart, ID: "one", Lease: time.Minute, Fault: &Kill{Unit: "--all"}},
		"unit of a type": {Verb: VerbBites, ID: "one", Lease: time.Minute, Fault: &Stop{Unit: "web.socket"}},
	} {
		if r, err := answer(t, s, o); err == nil {
			t.Errorf("%s: answered %+v, want an error", name, r)
		}
	}
	if _, err := Answer(t.Context(), s.place("").System, "/opt/my tools/scaleup", order(VerbStart, "two", kill)); err == nil {
		t.Error("a path with a blank would be read by systemd as two words")
	}
}
