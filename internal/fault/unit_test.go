package fault

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKill(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	f := &Kill{Unit: "web.service"}
	must(t, f.Inject(t.Context(), at))
	if got, want := expect(t, "bites", true, f.Bites, at), "web.service: process 101 is gone"; got != want {
		t.Errorf("proof: %s, want %s", got, want)
	}
	must(t, f.Heal(t.Context(), at))
	if got, want := expect(t, "healed", true, f.Healed, at), "web.service is active with process 104, before it was 101"; got != want {
		t.Errorf("proof: %s, want %s", got, want)
	}
	want := []string{"systemctl kill --kill-whom=all --signal=KILL web.service", "systemctl start --no-block web.service"}
	if diff := cmp.Diff(want, s.commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

// The signal has no effect: nothing bites, and nothing is proven healed.
func TestKillThatDoesNotKill(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	f := &Kill{Unit: "web.service"}
	must(t, at.remember(mainName, killed{Main: process{PID: 101, Began: 1101}, Sent: true}))
	expect(t, "bites", false, f.Bites, at)
	expect(t, "healed", false, f.Healed, at)
}

// systemd has given up: only healing brings the service back.
func TestKillOfAServiceThatStaysDown(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	s.units["web.service"].restarts = false
	f := &Kill{Unit: "web.service"}
	must(t, f.Inject(t.Context(), at))
	expect(t, "bites", true, f.Bites, at)
	expect(t, "healed before", false, f.Healed, at)
	s.units["web.service"].active = "failed"
	must(t, f.Heal(t.Context(), at))
	expect(t, "healed", true, f.Healed, at)
}

func TestHoldDown(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	f := &HoldDown{Unit: "web.service"}
	must(t, f.Inject(t.Context(), at))
	s.start("web.service") // as somebody may try
	expect(t, "bites", true, f.Bites, at)
	const dropIn = "/run/systemd/system/web.service.d/95-scaleup-drill.conf"
	if got, want := s.read(dropIn), "[Unit]\nConditionPathExists=!/run/scaleup-faults/one/down.json\n[Service]\nRestart=no\n"; got != want {
		t.Errorf("drop-in: %q, want %q", got, want)
	}
	must(t, f.Heal(t.Context(), at))
	expect(t, "healed", true, f.Healed, at)
	if s.exists("/run/systemd/system/web.service.d") {
		t.Error("the folder of the drop-in is left")
	}
}

// Whatever else is lost, the service may start once the fault's state is gone.
func TestADropInLeftBehindKeepsNobodyOut(t *testing.T) {
	s := newServer(t, t.TempDir())
	f := &HoldDown{Unit: "web.service"}
	must(t, f.Inject(t.Context(), s.place("one")))
	must(t, os.RemoveAll(s.path(stateDir)))
	s.start("web.service")
	if got := s.units["web.service"].active; got != "active" {
		t.Errorf("the service is %s", got)
	}
}

func TestStop(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	f := &Stop{Unit: "web.service"}
	must(t, f.Inject(t.Context(), at))
	if got, want := expect(t, "bites", true, f.Bites, at), "web.service: 3 of 3 processes are stopped"; got != want {
		t.Errorf("proof: %s, want %s", got, want)
	}
	s.state(s.nextPID, "R")
	expect(t, "bites with one that runs", false, f.Bites, at)
	expect(t, "healed with two that do not", false, f.Healed, at)
	must(t, f.Heal(t.Context(), at))
	expect(t, "healed", true, f.Healed, at)
	want := []string{"systemctl kill --kill-whom=all --signal=STOP web.service", "systemctl kill --kill-whom=all --signal=CONT web.service"}
	if diff := cmp.Diff(want, s.commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

// It died while it was stopped: nobody is left to be woken.
func TestStopOfAServiceThatDied(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	f := &Stop{Unit: "web.service"}
	must(t, f.Inject(t.Context(), at))
	s.units["web.service"].restarts = false
	s.kill("web.service")
	expect(t, "bites", false, f.Bites, at)
	must(t, f.Heal(t.Context(), at))
	expect(t, "healed", true, f.Healed, at)
}

func TestCPU(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	f := &CPU{Unit: "web.service", Percent: 5}
	for range 2 {
		must(t, f.Inject(t.Context(), at))
	}
	if got, want := expect(t, "bites", true, f.Bites, at), `web.service: cpu.max is "5000 100000"`; got != want {
		t.Errorf("proof: %s, want %s", got, want)
	}
	must(t, f.Heal(t.Context(), at))
	expect(t, "healed", true, f.Healed, at)
	if got, want := s.commands[len(s.commands)-1], "systemctl set-property --runtime web.service CPUQuota="; got != want {
		t.Errorf("the last command was %s, want %s", got, want)
	}
}

func TestCPUWithoutTheController(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	f := &CPU{Unit: "web.service", Percent: 5}
	must(t, f.Inject(t.Context(), at))
	must(t, os.Remove(s.path("/sys/fs/cgroup/system.slice/web.service/cpu.max")))
	expect(t, "bites", false, f.Bites, at)
}

func TestCPULeavesALimitOfOthers(t *testing.T) {
	s := newServer(t, t.TempDir())
	at := s.place("one")
	s.units["web.service"].quota = "500ms"
	f := &CPU{Unit: "web.service", Percent: 5}
	if err := f.Inject(t.Context(), at); err == nil {
		t.Error("a limit that could not be put back was replaced")
	}
	must(t, f.Heal(t.Context(), at))
	if len(s.commands) > 0 {
		t.Errorf("commands: %q", s.commands)
	}
}

func TestParseCPUMax(t *testing.T) {
	for line, want := range map[string]float64{"max 100000": 0, "5000 100000": 5, "200000 100000": 200} {
		if got, err := parseCPUMax(line); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", line, got, err, want)
		}
	}
	for _, line := range []string{"", "5000", "a b", "5000 0"} {
		if got, err := parseCPUMax(line); err == nil {
			t.Errorf("%q: got %v, want an error", line, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	const rest = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20\n"
	for stat, want := range map[string]process{
		"412 (nginx) S" + rest:      {PID: 412, Began: 4711, State: 'S'},
		"412 (a) T (b) c) T" + rest: {PID: 412, Began: 4711, State: 'T'},
	} {
		got, ok := parseStat(412, stat)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", stat, ok, diff)
		}
	}
	for _, stat := range []string{"", "412 (nginx) S 1 2", "412"} {
		if _, ok := parseStat(412, stat); ok {
			t.Errorf("%q is a process", stat)
		}
	}
}
