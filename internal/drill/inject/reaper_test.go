package inject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The test binary is its own reaper process: see TestDetached.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "drill-reaper" {
		OutliveDrill()
		open := func(Lab) (Machines, error) { return newLab(), nil }
		if err := Reap(context.Background(), os.Args[3], open, os.Stdout, slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// unread is a log that nobody looks at.
var unread = slog.New(slog.DiscardHandler)

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
		if err := Reap(t.Context(), file, opens(l), io.Discard, unread); err != nil {
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
				if err := Reap(t.Context(), file, opens(l), io.Discard, unread); err != nil {
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
// A drill may be killed between the start of its reaper and the word that this watches.
// The word then goes to a pipe that nobody reads, and the reaper mends all the same.
func TestReaperMendsWhenNobodyHearsIt(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	_, _, file := broken(t, process{PID: dead.Process.Pid, Began: 1}, time.Hour)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	said, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	said.Close()
	defer tell.Close()
	var log bytes.Buffer
	reaper := exec.Command(own, "drill-reaper", "--file", file)
	reaper.Stdout, reaper.Stderr = tell, &log
	if err := reaper.Run(); err != nil || !gone(file) {
		t.Errorf("%v; file gone: %v; log:\n%s", err, gone(file), &log)
	}
}

// A drill that dies before its reaper has been started has broken nothing, and leaves
// nothing that looks as if it had.
func TestNothingIsLeftBeforeAReaperWatches(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := Reaper{StateDir: dir, Start: func(string) error { panic("killed") }}
	for id, drill := range map[string]process{"a1": {PID: dead.Process.Pid, Began: 1}, "a2": thisProcess()} {
		func() {
			defer func() { _ = recover() }()
			_ = r.watch(reaperOrder{ID: id, Action: Freeze, Servers: []string{"lb1"}, Deadline: time.Now().Add(time.Hour), Drill: drill})
		}()
	}
	cut := filepath.Join(dir, "faults", "a3.json"+unwatched)
	if err := os.WriteFile(cut, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLab()
	if left, err := HealLab(t.Context(), dir, opens(l)); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "faults", "*"))
	if want := []string{filepath.Join(dir, "faults", "a2.json"+unwatched)}; err != nil || !slices.Equal(files, want) {
		t.Errorf("after heal: %v (%v), want that of the drill which runs: %v", files, err, want)
	}
}

func TestReaperEndsWithItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, file := broken(t, thisProcess(), time.Minute)
		done := make(chan error)
		go func() { done <- Reap(t.Context(), file, opens(l), io.Discard, unread) }()
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
		if err := Reap(ctx, file, opens(l), io.Discard, unread); err != nil || !l.whole() || !gone(file) {
			t.Errorf("mended: %v, file gone: %v, %v", l.whole(), gone(file), err)
		}
	})
}

func TestReaperTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _, file := broken(t, thisProcess(), 0)
		l.failures = 3
		var log bytes.Buffer
		if err := Reap(t.Context(), file, opens(l), io.Discard, slog.New(slog.NewTextHandler(&log, nil))); err != nil || !l.whole() {
			t.Errorf("mended: %v, %v", l.whole(), err)
		}
		want := []string{
			`INFO msg=watches fault=a1 what="freeze of lb1"`,
			`INFO msg=mends fault=a1 why="the lease is over"`,
			`WARN msg="could not mend yet" fault=a1 try=1 error="mend freeze of lb1: `,
			`WARN msg="could not mend yet" fault=a1 try=2 error="mend freeze of lb1: `,
			`WARN msg="could not mend yet" fault=a1 try=3 error="mend freeze of lb1: `,
			`INFO msg=mended fault=a1 tries=4`,
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != len(want) {
			t.Fatalf("the log has %d lines, want %d:\n%s", len(lines), len(want), log.String())
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, "time=2000-01-01T00:00:") || !strings.Contains(line, want[i]) {
				t.Errorf("line %d of the log is\n%s\nwant a time and\n%s", i+1, line, want[i])
			}
		}
	})
}

func TestHopelessReaperLeavesItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stateDir, file := broken(t, thisProcess(), 0)
		l.failures = 1000
		var log bytes.Buffer
		if err := Reap(t.Context(), file, opens(l), io.Discard, slog.New(slog.NewTextHandler(&log, nil))); err == nil {
			t.Error("want an error")
		}
		if tries := strings.Count(log.String(), "could not mend yet"); tries != reapTries-1 || !strings.Contains(log.String(), `level=ERROR msg="gave up; scaleup heal tries again"`) {
			t.Errorf("the log tells of %d tries, and:\n%s", tries, log.String())
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
	holdsNothingOfOurs(t, file)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	log := reaperLogBeside(file)
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) { // another process writes it
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "nothing to do") {
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the log does not say how it ended:\n%s", text)
		}
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the log is %v, %v, want it for its owner only", info.Mode(), err)
	}
	err = Detached(own)(filepath.Join(t.TempDir(), "absent.json"))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a reaper that ends at once: %v", err)
	}
	if err := Detached("/absent/scaleup")(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
}

// holdsNothingOfOurs checks that the reaper of a file has no descriptor of this
// process's terminal or pipes: whoever reads them would wait for it.
func holdsNothingOfOurs(t *testing.T, file string) {
	t.Helper()
	ours := map[string]bool{}
	for _, fd := range []string{"0", "1", "2"} {
		link, err := os.Readlink("/proc/self/fd/" + fd)
		if err != nil {
			t.Fatal(err)
		}
		ours[link] = link != "/dev/null"
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		argv, err := os.ReadFile(filepath.Join(p, "cmdline"))
		if err != nil || !strings.HasSuffix(string(argv), "\x00drill-reaper\x00--file\x00"+file+"\x00") {
			continue // it has ended, or is another one
		}
		open, err := filepath.Glob(filepath.Join(p, "fd", "*"))
		if err != nil || len(open) == 0 {
			t.Fatalf("what the reaper has open: %v, %v", open, err)
		}
		for _, fd := range open {
			if link, err := os.Readlink(fd); err == nil && ours[link] {
				t.Errorf("the reaper holds %s open, which is ours", link)
			}
		}
		return
	}
	t.Error("the reaper does not run")
}

// A log that has grown is continued in a new one, and there are never more than two.
func TestReaperLogIsBounded(t *testing.T) {
	path := ReaperLog(t.TempDir())
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		f, err := openReaperLog(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write("first\n")
	write(strings.Repeat("x", maxReaperLog))
	write("second\n")
	write("third\n")
	now, err := os.ReadFile(path)
	before, berr := os.ReadFile(path + ".1")
	if err := errors.Join(err, berr); err != nil {
		t.Fatal(err)
	}
	if string(now) != "second\nthird\n" || !strings.HasPrefix(string(before), "first\nx") {
		t.Errorf("the log is %.20q, the one before %.20q", now, before)
	}
}

func TestReasonIsBounded(t *testing.T) {
	short := errors.New("short")
	long := fmt.Errorf("%s: the cause", strings.Repeat("x", 2*maxReason))
	if got := reason(short); got != "short" {
		t.Errorf("%q", got)
	}
	if got := reason(long); len(got) > maxReason+30 || !strings.HasSuffix(got, "xx: the cause") {
		t.Errorf("%d bytes, %.30q … %q, want the end of it", len(got), got, got[len(got)-20:])
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
