package journal

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, path string, show func(Event)) *Log {
	t.Helper()
	l, err := Open(path, "apply", show)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func read(t *testing.T, path string) []Event {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var events []Event
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("line %q: %v", lines.Text(), err)
		}
		events = append(events, e)
	}
	return events
}

func TestLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "journal.ndjson")
	first := open(t, path, nil)
	first.Add(Event{Event: Began, Message: "one\nline"})
	second := open(t, path, nil)
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() { second.Add(Event{Event: Done, Stage: i + 1, Elapsed: time.Second}) })
	}
	wait.Wait()

	events := read(t, path)
	if len(events) != 21 {
		t.Fatalf("%d events, want 21: opening again must not cut the file", len(events))
	}
	stages := map[int]bool{}
	for _, e := range events {
		stages[e.Stage] = true
		if e.Time.IsZero() || !strings.HasPrefix(e.Run, "apply-") {
			t.Errorf("event without time or run: %+v", e)
		}
	}
	if len(stages) != 21 || events[0].Message != "one\nline" {
		t.Errorf("events were mixed up: %d stages, first %+v", len(stages), events[0])
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the journal's mode is %v (%v), want 0600", info.Mode(), err)
	}
}

// A journal that cannot be written is told of and stops nothing.
func TestLogOnAFullDisk(t *testing.T) {
	var shown []string
	l := open(t, filepath.Join(t.TempDir(), "journal.ndjson"), func(e Event) { shown = append(shown, fmt.Sprint(e.Event, " ", e.Message)) })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Add(Event{Event: Done, Message: "step"})
	if len(shown) != 2 || !strings.HasPrefix(shown[0], "note the journal could not be written") || shown[1] != "done step" {
		t.Errorf("shown: %q", shown)
	}
}
