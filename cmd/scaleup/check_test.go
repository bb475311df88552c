package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/check"
	"scaleup/internal/drill/record"
	"scaleup/internal/journal"
)

// TestSiteHistory reads what the packages that own the files write.
func TestSiteHistory(t *testing.T) {
	dir := t.TempDir()
	if h, err := siteHistory(dir); err != nil || !h.Since.IsZero() || h.Drills != nil {
		t.Errorf("an empty folder: %+v, %v", h, err)
	}
	before := time.Now()
	path := filepath.Join(dir, "journal.ndjson")
	log, err := journal.Open(path, "up", nil)
	if err != nil {
		t.Fatal(err)
	}
	log.Add(journal.Event{Event: journal.Began, Server: "web1"})
	began := time.Now()
	log.Add(journal.Event{Event: journal.Done, Server: "web1"})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	// A control is missed on purpose, and says nothing about the site.
	for name, verdict := range map[string]string{"web-off": "MET", "control-lost": "MISSED"} {
		run := filepath.Join(dir, "drills", "20260504T120000", name)
		if err := os.MkdirAll(run, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(run, "drill.json"), []byte(`{"verdict":"`+verdict+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h, err := siteHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	if h.Since.Before(before.Add(-time.Millisecond)) || h.Since.After(began) {
		t.Errorf("the site is said to be there since %s, and its first event was between %s and %s", h.Since, before, began)
	}
	want := []check.Drilled{{Name: "web-off", At: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC), Verdict: record.Met}}
	if diff := cmp.Diff(want, h.Drills); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJournalBegan(t *testing.T) {
	for _, c := range []struct {
		name, text string
		fails      bool
	}{
		{"empty", "", false}, {"cut off", `{"time":"2026-`, false}, {"no event", "hello\n", true},
	} {
		path := filepath.Join(t.TempDir(), "journal.ndjson")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if at, err := journalBegan(path); (err != nil) != c.fails || !at.IsZero() {
			t.Errorf("%s: %s, %v", c.name, at, err)
		}
	}
}
