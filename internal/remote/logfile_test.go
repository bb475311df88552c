package remote

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLinesBackwards(t *testing.T) {
	long := strings.Repeat("x", 3*logChunk)
	for name, text := range map[string]string{
		"empty":            "",
		"one":              "a\n",
		"unfinished":       "a\nb",
		"only unfinished":  "a",
		"empty lines":      "\n\na\n\n",
		"long":             "a\n" + long + "\nb\n" + long + "\n",
		"end on the chunk": strings.Repeat("y", logChunk-1) + "\n" + strings.Repeat("z", logChunk-1) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for line := range strings.Lines(text) {
				if whole, ok := strings.CutSuffix(line, "\n"); ok {
					want = append(want, whole)
				}
			}
			slices.Reverse(want)
			var got []string
			for line, err := range linesBackwards(strings.NewReader(text), int64(len(text))) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, string(line))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrorEntry(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 11, 27, 15, 4, second, 0, time.Local).UTC() }
	for line, want := range map[string]LogEntry{
		"2026/11/27 15:04:05 [warn] 31#32: *7 buffered": {Time: at(5), Unit: "nginx.service", Identifier: "nginx", PID: 31, Priority: 4, Message: "31#32: *7 buffered"},
		"2026/11/27 15:04:06 [odd] x":                   {Time: at(6), Unit: "nginx.service", Identifier: "nginx", Priority: 3, Message: "[odd] x"},
	} {
		got, ok := errorEntry([]byte(line))
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%q: %v %s", line, ok, diff)
		}
	}
	for _, line := range []string{"", "short", "something that goes on from the line before"} {
		if _, ok := errorEntry([]byte(line)); ok {
			t.Errorf("%q was taken for an entry", line)
		}
	}
}

// access is a line of the access log, at a second after three o'clock.
func access(second int, id string, status int) string {
	return fmt.Sprintf(`{"time":"2026-11-27T15:00:%02d+00:00","id":"%s","status":%d}`+"\n", second, id, status)
}

func put(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func ids(entries []LogEntry) string {
	var all []string
	for _, e := range entries {
		_, rest, _ := strings.Cut(e.Message, `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		all = append(all, fmt.Sprintf("%s/%d", id, e.Priority))
	}
	return strings.Join(all, " ")
}

func TestStoredLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	put(t, path+".1", access(1, "a", 200)+access(2, "b", 502))
	put(t, path, access(20, "c", 200)+"damaged\n"+access(22, "e", 404)+access(21, "d", 200)+`{"time":"2026-11-27T15`)
	at := func(second int) time.Time { return time.Date(2026, 11, 27, 15, 0, second, 5e8, time.UTC) }
	for _, test := range []struct {
		name string
		ask  LogAsk
		want string
	}{
		{"newest", LogAsk{Lines: 2}, "d/6 e/6"},
		{"of the file before, too", LogAsk{Lines: 4}, "d/6 e/6 c/6 b/4"},
		{"none", LogAsk{}, ""},
		{"since, out of order", LogAsk{Lines: 9, Since: at(22)}, "e/6"},
		{"since a file before", LogAsk{Lines: 9, Since: at(2)}, "d/6 e/6 c/6 b/4"},
		{"until", LogAsk{Lines: 9, Until: at(19)}, "b/4 a/6"},
		{"request", LogAsk{Lines: 9, Request: "b"}, "b/4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &logFile{path: path, parse: accessEntry}
			defer f.close()
			got, err := f.stored(test.ask)
			if err != nil || ids(got) != test.want {
				t.Errorf("%q (error %v), want %q", ids(got), err, test.want)
			}
		})
	}
}

func TestFollowedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	f := &logFile{path: path, parse: accessEntry}
	defer f.close()
	look := func(want string) {
		t.Helper()
		var got []LogEntry
		if err := f.more(func(e LogEntry) error { got = append(got, e); return nil }); err != nil {
			t.Fatal(err)
		}
		if ids(got) != want {
			t.Errorf("%q, want %q", ids(got), want)
		}
	}
	look("") // there is no file yet
	first := access(1, "a", 200)
	put(t, path, first[:20])
	look("")
	put(t, path, first[20:]+access(2, "b", 200))
	look("a/6 b/6")

	// logrotate renames the file; the program writes there until it is told to open a new one.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	put(t, path+".1", access(3, "c", 200))
	look("c/6")
	put(t, path, "")
	put(t, path+".1", access(4, "d", 200))
	look("d/6")
	put(t, path, access(6, "f", 200))
	look("")
	put(t, path+".1", access(5, "e", 200)) // the last of its processes
	look("e/6")
	look("f/6")

	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	look("")
	put(t, path, access(7, "g", 200))
	look("g/6")
}

// What is stored when following begins is not told as new.
func TestFollowAfterStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	put(t, path, access(1, "a", 200))
	f := &logFile{path: path, parse: accessEntry}
	defer f.close()
	if got, err := f.stored(LogAsk{Lines: 5}); err != nil || ids(got) != "a/6" {
		t.Fatalf("%q, %v", ids(got), err)
	}
	put(t, path, access(2, "b", 200))
	var got []LogEntry
	if err := f.more(func(e LogEntry) error { got = append(got, e); return nil }); err != nil || ids(got) != "b/6" {
		t.Errorf("%q, %v", ids(got), err)
	}
}
