package fault

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestThin(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	f := &Thin{KBit: 1000, Interface: peers[0]}
	must(t, f.Inject(t.Context(), at))
	must(t, f.Heal(t.Context(), at))
	must(t, f.Heal(t.Context(), at))
	want := []string{
		"tc qdisc replace dev host0 root handle 5ca1: tbf rate 1000kbit burst 32kbit latency 400ms",
		"tc qdisc delete dev host0 root",
	}
	if diff := cmp.Diff(want, s.commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestThinLeavesOthersQueues(t *testing.T) {
	s := newServer(t, t.TempDir())
	s.queue = `[{"kind":"htb","handle":"1:","root":true},{"kind":"fq","handle":"10:","parent":"1:1"}]`
	at := s.place("one")
	f := &Thin{KBit: 1000, Interface: peers[0]}
	if err := f.Inject(t.Context(), at); err == nil || !strings.Contains(err.Error(), "htb 1:") {
		t.Errorf("inject: got %v", err)
	}
	must(t, f.Heal(t.Context(), at))
	if len(s.commands) > 0 {
		t.Errorf("commands: %q", s.commands)
	}
}

func TestThinOnARealInterface(t *testing.T) {
	n := newNetwork(t)
	at := n.place(90 * time.Second)
	f := &Thin{KBit: 64, Interface: netip.MustParseAddr(ownAddress)}
	expect(t, "bites before", false, f.Bites, at)
	must(t, f.Inject(t.Context(), at))
	must(t, f.Inject(t.Context(), at))
	n.answers(200, 100*time.Millisecond)
	if text := expect(t, "bites", true, f.Bites, at); strings.Contains(text, ", 0 of them") {
		t.Errorf("200 packets at 64 kbit/s: %s", text)
	}
	must(t, f.Heal(t.Context(), at))
	expect(t, "healed", true, f.Healed, at)
	if got := n.answers(20, time.Second); got != 20 {
		t.Errorf("%d of 20 answers after healing", got)
	}
	elsewhere := &Thin{KBit: 64, Interface: netip.MustParseAddr("198.51.100.1")}
	if err := elsewhere.Inject(t.Context(), at); err == nil {
		t.Error("an address that nobody holds has an interface")
	}
}
