package inject

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The test binary is its own reaper process: see TestDetached.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "drill-reaper" {
		open := func(Lab) (Machines, error) { return newLab(), nil }
		if err := Reap(context.Background(), os.Args[3], open, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// broken is a lab in which a drill has frozen lb1, and the reaper's file on it.
func broken(t *testing.T, drill process, lease time.Duration) (l *fakeLab, stateDir, file string) {
	t.Helper()
	l, stateDir = newLab(), t.TempDir()
	if err := l.Freeze(t.Context(), "lb1"); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(stateDir, "faults", "a1.json")
	o := reaperOrder{ID: "a1", Lab: Lab{Name: "test"}, Action: Freeze, Servers: []string{"lb1"}, Deadline: time.Now().Add(lease), Drill: drill}
	if err := o.write(file); err != nil {
		t.Fatal(err)
	}
	return l, stateDir, file
}

func opens(l *fakeLab) Opener { return func(Lab) (Machines, error) { return l, nil } }

func TestReaperMendsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, file := broken(t, thisProcess(), time.Minute)
		began := time.Now()
		if err := Reap(t.Context(), file, opens(l), io.Discard); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < time.Minute || took > time.Minute+reapInterval {
			t.Errorf("it mended after %s", took)
		}
		if !l.whole() || !gone(file) {
			t.Errorf("mended: %v, file gone: %v", l.whole(), gone(file))
		}
	})
}

func TestReaperMendsWhenTheDrillDies(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	reused := thisProcess()
	reused.Began-- // another process had this number
	for name, drill := range map[string]process{"dead": {PID: dead.Process.Pid, Began: 1}, "number taken by another": reused} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _, file := broken(t, drill, time.Minute)
				began := time.Now()
				if err := Reap(t.Context(), file, opens(l), io.Discard); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > reapInterval || !l.whole() || !gone(file) {
					t.Errorf("after %s: mended %v, file gone %v", took, l.whole(), gone(file))
				}
			})
		})
	}
}

// The drill has mended: the reaper leaves the lab alone.
func TestReaperEndsWithItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, file := broken(t, thisProcess(), time.Minute)
		done := make(chan error)
		go func() { done <- Reap(t.Context(), file, opens(l), io.Discard) }()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := <-done; err != nil || time.Since(began) > reapInterval {
			t.Errorf("it ended after %s, %v", time.Since(began), err)
		}
		if diff := cmp.Diff([]string{"freeze lb1"}, l.did); diff != "" {
			t.Errorf("done to the lab (-want +got):\n%s", diff)
		}
	})
}

func TestReaperThatIsToldToEndMendsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, file := broken(t, thisProcess(), time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := Reap(ctx, file, opens(l), io.Discard); err != nil || !l.whole() || !gone(file) {
			t.Errorf("mended: %v, file gone: %v, %v", l.whole(), gone(file), err)
		}
	})
}

func TestReaperTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, file := broken(t, thisProcess(), 0)
		l.failures = 3
		if err := Reap(t.Context(), file, opens(l), io.Discard); err != nil || !l.whole() {
			t.Errorf("mended: %v, %v", l.whole(), err)
		}
	})
}

func TestHopelessReaperLeavesItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stateDir, file := broken(t, thisProcess(), 0)
		l.failures = 1000
		if err := Reap(t.Context(), file, opens(l), io.Discard); err == nil {
			t.Error("want an error")
		}
		if left, err := Leftovers(stateDir); err != nil || len(left) != 1 {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}

func TestHealLab(t *testing.T) {
	l, stateDir, file := broken(t, process{PID: 1 << 30}, time.Minute)
	damaged := filepath.Join(stateDir, "faults", "b2.json")
	if err := os.WriteFile(damaged, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	left, err := HealLab(t.Context(), stateDir, opens(l))
	if err == nil || !strings.Contains(err.Error(), damaged) {
		t.Errorf("the damaged file is not told of: %v", err)
	}
	if len(left) != 1 || left[0].File != file || !strings.HasPrefix(left[0].String(), "freeze of lb1, by a drill that is over, until ") {
		t.Errorf("found %v", left)
	}
	if !l.whole() || !gone(file) {
		t.Errorf("mended: %v, file gone: %v", l.whole(), gone(file))
	}
}

// A machine that has been removed since needs no mending, and keeps nobody from
// forgetting it.
func TestHealLabWithoutTheMachine(t *testing.T) {
	l, stateDir, file := broken(t, process{PID: 1 << 30}, time.Minute)
	delete(l.machines, "lb1")
	if _, err := HealLab(t.Context(), stateDir, opens(l)); err != nil || !gone(file) {
		t.Errorf("file gone: %v, %v", gone(file), err)
	}
}

func TestNoLeftovers(t *testing.T) {
	if left, err := Leftovers(t.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A real process watches, and ends when its file is removed.
func TestDetached(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, _, file := broken(t, thisProcess(), time.Minute)
	if err := Detached(own)(file); err != nil {
		t.Fatal(err)
	}
	if gone(file) {
		t.Error("it did not wait")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	err = Detached(own)(filepath.Join(t.TempDir(), "absent.json"))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a reaper that ends at once: %v", err)
	}
	if err := Detached("/absent/scaleup")(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
}

// kill -9 of the drill: another process breaks, dies, and the reaper it started mends.
func TestReaperOutlivesTheDrill(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	drill := exec.Command("cat") // stands for the drill, and waits
	in, err := drill.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := drill.Start(); err != nil {
		t.Fatal(err)
	}
	p, ok := readProcess(drill.Process.Pid)
	if !ok {
		t.Fatal("the drill does not run")
	}
	_, _, file := broken(t, p, time.Minute)
	if err := Detached(own)(file); err != nil {
		t.Fatal(err)
	}
	if err := drill.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = drill.Wait() // it was killed
	for began := time.Now(); !gone(file); {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the reaper did not mend")
		}
		time.Sleep(10 * time.Millisecond) // another process removes the file
	}
}
