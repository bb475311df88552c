package inject

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/drill/record"
	"scaleup/internal/lab"
)

// fakeLab has machines in some condition.
type fakeLab struct {
	mu       sync.Mutex
	machines map[string]lab.MachineCondition
	did      []string
	failures int // so many changes fail
}

func newLab() *fakeLab {
	on := lab.MachineCondition{Made: true, On: true}
	return &fakeLab{machines: map[string]lab.MachineCondition{"lb1": on, "lb2": on, "db1": on}}
}

func (l *fakeLab) change(what string, servers []string, set func(*lab.MachineCondition)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did = append(l.did, what+" "+strings.Join(servers, ","))
	if l.failures > 0 {
		l.failures--
		return errors.New("the lab is in use")
	}
	for _, s := range servers {
		c := l.machines[s]
		set(&c)
		l.machines[s] = c
	}
	return nil
}

func (l *fakeLab) Off(_ context.Context, servers ...string) error {
	return l.change("off", servers, func(c *lab.MachineCondition) { *c = lab.MachineCondition{Made: true} })
}

func (l *fakeLab) On(_ context.Context, servers ...string) error {
	return l.change("on", servers, func(c *lab.MachineCondition) { c.On = true })
}

func (l *fakeLab) Freeze(_ context.Context, servers ...string) error {
	return l.change("freeze", servers, func(c *lab.MachineCondition) { c.Frozen = true })
}

func (l *fakeLab) Thaw(_ context.Context, servers ...string) error {
	return l.change("thaw", servers, func(c *lab.MachineCondition) { c.Frozen = false })
}

func (l *fakeLab) Cut(_ context.Context, servers ...string) error {
	return l.change("cut", servers, func(c *lab.MachineCondition) { c.Cut = true })
}

func (l *fakeLab) Join(_ context.Context, servers ...string) error {
	return l.change("join", servers, func(c *lab.MachineCondition) { c.Cut = false })
}

func (l *fakeLab) Slow(_ context.Context, percent int, servers ...string) error {
	return l.change(fmt.Sprintf("slow %d", percent), servers, func(c *lab.MachineCondition) {
		c.Slowed = true
		c.Throttled += 3
	})
}

func (l *fakeLab) Unslow(_ context.Context, servers ...string) error {
	return l.change("unslow", servers, func(c *lab.MachineCondition) { c.Slowed = false })
}

func (l *fakeLab) State(server string) (lab.MachineCondition, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.machines[server], nil
}

// whole reports whether every machine is on and nothing is done to it.
func (l *fakeLab) whole() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.machines {
		if c != (lab.MachineCondition{Made: true, On: true}) {
			return false
		}
	}
	return true
}

// testReaper starts nothing, and says when it was asked to.
func testReaper(t *testing.T, started *[]string) Reaper {
	t.Helper()
	return Reaper{
		StateDir: t.TempDir(), Lab: Lab{Dir: "/nowhere", Name: "test", Subnet: netip.MustParsePrefix("192.0.2.0/24")},
		Start: func(file string) error {
			*started = append(*started, filepath.Base(file))
			return take(file)
		},
	}
}

func TestOnLab(t *testing.T) {
	for _, c := range []struct {
		action        Action
		words         string
		bites, healed string
		did           []string
	}{
		{Off, "power off of lb1, lb2", "lb1 is off; lb2 is off", "lb1 is on; lb2 is on", []string{"off lb1,lb2", "on lb1,lb2"}},
		{Freeze, "freeze of lb1, lb2", "lb1 is frozen; lb2 is frozen", "lb1 is not frozen; lb2 is not frozen", []string{"freeze lb1,lb2", "thaw lb1,lb2"}},
		{
			Cut, "network cable of lb1, lb2 cut", "lb1 is without network; lb2 is without network",
			"lb1 is on the network; lb2 is on the network", []string{"cut lb1,lb2", "join lb1,lb2"},
		},
		{
			Slow(5), "5 % of a core for lb1, lb2", "lb1 is slowed down, stood still 3 times for want of a processor; lb2 is slowed down, stood still 3 times for want of a processor",
			"lb1 is not slowed down; lb2 is not slowed down", []string{"slow 5 lb1,lb2", "unslow lb1,lb2"},
		},
	} {
		t.Run(c.words, func(t *testing.T) {
			l := newLab()
			var started []string
			i := OnLab(l, c.action, []string{"lb2", "lb1"}, "a1", time.Minute, testReaper(t, &started))
			if got := i.String(); got != c.words {
				t.Errorf("in words: %q", got)
			}
			look := func(what string, ok bool, text string) {
				t.Helper()
				ask := map[string]func(context.Context) (record.Proof, error){"bites": i.Bites, "healed": i.Healed}[what]
				proof, err := ask(t.Context())
				if err != nil || proof.OK != ok || proof.Text != text {
					t.Errorf("%s: %+v, %v, want %v %q", what, proof, err, ok, text)
				}
			}
			if err := i.Heal(t.Context()); err != nil {
				t.Fatal(err)
			}
			look("bites", false, c.healed)
			if err := i.Inject(t.Context()); err != nil {
				t.Fatal(err)
			}
			look("bites", true, c.bites)
			look("healed", false, strings.ReplaceAll(c.bites, ", stood still 3 times for want of a processor", ""))
			for range 2 {
				if err := i.Heal(t.Context()); err != nil {
					t.Fatal(err)
				}
				look("healed", true, c.healed)
			}
			if diff := cmp.Diff(c.did, l.did); diff != "" {
				t.Errorf("done to the lab (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"a1.json"}, started); diff != "" {
				t.Errorf("reapers (-want +got):\n%s", diff)
			}
		})
	}
}

// Without somebody who mends nothing is broken.
func TestNoReaperNoFault(t *testing.T) {
	l := newLab()
	r := testReaper(t, new([]string))
	r.Start = func(string) error { return errors.New("no more processes") }
	i := OnLab(l, Off, []string{"lb1"}, "a1", time.Minute, r)
	if err := i.Inject(t.Context()); err == nil {
		t.Error("inject: want an error")
	}
	if len(l.did) > 0 {
		t.Errorf("done to the lab: %q", l.did)
	}
	if left, err := Leftovers(r.StateDir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// The file is there before anything is broken.
func TestTheReaperComesFirst(t *testing.T) {
	l := newLab()
	r := testReaper(t, new([]string))
	r.Start = func(file string) error {
		if !l.whole() {
			t.Error("it is broken already")
		}
		if err := take(file); err != nil {
			return err
		}
		o, err := readOrder(file)
		if err != nil {
			return err
		}
		if o.Drill.PID != os.Getpid() || !o.Drill.alive() || !slices.Equal(o.Servers, []string{"lb1"}) || time.Until(o.Deadline) > time.Minute {
			t.Errorf("the reaper is told %+v", o)
		}
		return nil
	}
	if err := OnLab(l, Freeze, []string{"lb1"}, "a1", time.Minute, r).Inject(t.Context()); err != nil {
		t.Error(err)
	}
	if l.whole() {
		t.Error("nothing is broken")
	}
}

func TestWhatIsBrokenAlreadyIsRefused(t *testing.T) {
	for want, set := range map[string]func(*fakeLab) error{
		"lb1 is off already":    func(l *fakeLab) error { return l.Off(t.Context(), "lb1") },
		"lb1 is frozen already": func(l *fakeLab) error { return l.Freeze(t.Context(), "lb1") },
	} {
		l := newLab()
		if err := set(l); err != nil {
			t.Fatal(err)
		}
		i := OnLab(l, Freeze, []string{"lb1", "lb2"}, "a1", time.Minute, testReaper(t, new([]string)))
		if err := i.Inject(t.Context()); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if err := i.Heal(t.Context()); err != nil {
			t.Error(err)
		}
		if l.whole() {
			t.Error("healing has mended what it had not broken")
		}
	}
}

// A machine that was switched off while it was frozen is neither mended nor in need
// of thawing.
func TestOffWhileFrozen(t *testing.T) {
	l := newLab()
	i := OnLab(l, Freeze, []string{"lb1"}, "a1", time.Minute, testReaper(t, new([]string)))
	if err := errors.Join(i.Inject(t.Context()), l.Off(t.Context(), "lb1"), i.Heal(t.Context())); err != nil {
		t.Fatal(err)
	}
	if proof, err := i.Healed(t.Context()); err != nil || proof.OK || proof.Text != "lb1 is off" {
		t.Errorf("healed: %+v, %v", proof, err)
	}
}
