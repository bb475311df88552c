// Package journal records what scaleup did, one JSON document per line, only
// ever appended. The command line's progress, a later console and an audit read
// the same events. It holds no secrets: events carry names, states and errors.
package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Event is one thing that happened.
type Event struct {
	Time     time.Time     `json:"time"`
	Run      string        `json:"run"`   // groups the events of one command
	Event    Kind          `json:"event"` // what happened
	Stage    int           `json:"stage,omitempty"`
	Server   string        `json:"server,omitempty"`
	Resource string        `json:"resource,omitempty"`
	Action   string        `json:"action,omitempty"`
	Message  string        `json:"message,omitempty"` // reason, wait or error
	Elapsed  time.Duration `json:"elapsed_ns,omitempty"`
}

// Kind says what an event tells.
type Kind string

// The kinds of events.
const (
	Began   Kind = "began"   // a command or a step
	Done    Kind = "done"    // a step had its effect
	Skipped Kind = "skipped" // a step was true already
	Failed  Kind = "failed"
	Note    Kind = "note" // progress without a step, such as a lab machine booting
)

// Log takes events. It is safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	file *os.File
	run  string
	show func(Event)
}

// Open appends to a file and hands every event to show as well (nil: to nobody).
func Open(path, command string, show func(Event)) (*Log, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	if show == nil {
		show = func(Event) {}
	}
	run := fmt.Sprintf("%s-%s-%d", command, time.Now().UTC().Format("20060102T150405.000"), os.Getpid())
	return &Log{file: file, run: run, show: show}, nil
}

// Add records an event; its time and run are set here. A full disk must not stop
// a rollout half way, so a failed write is shown instead of returned.
func (l *Log) Add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Time, e.Run = time.Now().UTC(), l.run
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil {
		l.show(Event{Time: e.Time, Event: Note, Message: "the journal could not be written: " + err.Error()})
	}
	l.show(e)
}

// Close ends the journal.
func (l *Log) Close() error { return l.file.Close() }
