package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"scaleup/internal/resource"
)

var peers = []netip.Addr{netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("192.0.2.12")}

// examples is one fault of every kind.
func examples() []Fault {
	return []Fault{
		&Kill{Unit: "web.service"}, &HoldDown{Unit: "app@a.service"}, &Stop{Unit: "web.service"}, &CPU{Unit: "web.service", Percent: 5},
		&Cut{Peers: peers, Direction: In, SSH: 22}, &Blackhole{Addresses: peers, For: 3 * time.Second, SSH: 22}, &Loss{Percent: 20, SSH: 22},
		&Thin{KBit: 1000, Interface: peers[0]}, &BadConfig{Path: "/etc/web.conf", Unit: "web.service"},
		&DiskFull{Path: "/data"}, &DiskStall{Path: "/data"}, &ReadLock{Socket: "/run/mysqld/mysqld.sock"},
	}
}

func TestEveryKindTravels(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range examples() {
		o := order(VerbStart, "one", f)
		encoded, err := o.encode()
		must(t, err)
		got, err := decodeOrder(encoded)
		must(t, err)
		if diff := cmp.Diff(o, got, cmpopts.IgnoreUnexported(ReadLock{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s (-sent +got):\n%s", f, diff)
		}
		w, err := marshalFault(f)
		must(t, err)
		seen[w.Kind] = true
	}
	if len(seen) != len(kinds()) {
		t.Errorf("%d kinds travel, there are %d", len(seen), len(kinds()))
	}
}

func TestUnknownKindsAreRefused(t *testing.T) {
	var o Order
	if err := json.Unmarshal([]byte(`{"verb":"start","fault":{"kind":"meteor","spec":{}}}`), &o); err == nil {
		t.Error("an unknown kind was read")
	}
	type stranger struct{ Kill }
	if _, err := json.Marshal(Order{Fault: &stranger{}}); err == nil {
		t.Error("a kind that is not of the set was written")
	}
}

// modelled are the kinds that the model of a server can have. The disks are tested
// on real ones.
func modelled() []Fault {
	return []Fault{
		&Kill{Unit: "web.service"}, &HoldDown{Unit: "web.service"}, &Stop{Unit: "web.service"}, &CPU{Unit: "web.service", Percent: 5},
		&Cut{Peers: peers, Direction: Both, SSH: 22}, &Blackhole{Addresses: peers, For: 3 * time.Second, SSH: 22}, &Loss{Percent: 20, SSH: 22},
		&Thin{KBit: 1000, Interface: peers[0]}, &BadConfig{Path: "/etc/web.conf", Unit: "web.service"},
		&ReadLock{Socket: "/run/mysqld/mysqld.sock", connect: newFakeMySQL().connect},
	}
}

// Whatever has been done, in whatever order and cut off wherever: after a last
// healing, the server is as it was.
func TestHealingIsSafe(t *testing.T) {
	// State is written through to the disk, which takes its time where there is one.
	memory := "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		memory = ""
	}
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp(memory, "fault")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(root)
		s := newServer(t, root)
		faults := modelled()
		f := faults[rapid.IntRange(0, len(faults)-1).Draw(t, "fault")]
		at := s.place("one")
		config := s.read("/etc/web.conf")
		for _, step := range rapid.SliceOfN(rapid.SampledFrom([]string{"inject", "heal", "cut off"}), 0, 6).Draw(t, "steps") {
			switch step {
			case "inject":
				// It may be refused, for instance while the service is down.
				_ = f.Inject(t.Context(), at)
			case "heal":
				if err := f.Heal(t.Context(), at); err != nil {
					t.Fatalf("heal: %v", err)
				}
			case "cut off":
				s.cutOff(t, f, at, rapid.IntRange(0, 3).Draw(t, "commands"))
			}
		}
		if err := f.Heal(t.Context(), at); err != nil {
			t.Fatalf("heal at last: %v", err)
		}
		text, ok, err := f.Healed(t.Context(), at)
		if err != nil || !ok {
			t.Fatalf("%s: healed: %v, %s, %v", f, ok, text, err)
		}
		if bites, _, err := s.bites(t, f, at); err != nil || bites {
			t.Fatalf("%s: it still bites: %v", f, err)
		}
		if got := s.read("/etc/web.conf"); got != config || s.units["web.service"].active != "active" || s.table != "" {
			t.Fatalf("the server is not as it was: configuration %q, service %s, table %q", got, s.units["web.service"].active, s.table)
		}
	})
}

// cutOff injects in a process that dies after a number of commands.
func (s *fakeServer) cutOff(t *rapid.T, f Fault, at Place, commands int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := at.System.Run
	at.System.Run = func(ctx context.Context, c resource.Command) ([]byte, error) {
		if commands--; commands < 0 {
			cancel()
		}
		return run(ctx, c)
	}
	_ = f.Inject(ctx, at) // it may come to its end before
}

// bites is false for a kill that has been healed, whose proof stays: the process
// from before is gone for good.
func (s *fakeServer) bites(t *rapid.T, f Fault, at Place) (bool, string, error) {
	if _, instant := f.(*Kill); instant {
		return false, "", nil
	}
	text, ok, err := f.Bites(t.Context(), at)
	return ok, text, err
}

func TestEveryKindBitesAndHeals(t *testing.T) {
	for _, f := range modelled() {
		t.Run(fmt.Sprintf("%T", f), func(t *testing.T) {
			s := newServer(t, t.TempDir())
			at := s.place("one")
			expect(t, "bites before", false, f.Bites, at)
			must(t, f.Inject(t.Context(), at))
			expect(t, "bites", true, f.Bites, at)
			if _, instant := f.(*Kill); !instant {
				expect(t, "healed before", false, f.Healed, at)
			}
			must(t, f.Heal(t.Context(), at))
			expect(t, "healed", true, f.Healed, at)
		})
	}
}
