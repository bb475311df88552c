package main

import (
	"fmt"
	"io"
	"time"

	"scaleup/internal/journal"
)

// progress prints the journal's events as one line per server and step.
type progress struct {
	out   io.Writer
	began time.Time
}

func newProgress(out io.Writer) *progress { return &progress{out: out, began: time.Now()} }

// show prints what is done or failed, and what is begun that may take a while:
// waits, starts and installations. It is called by one goroutine at a time.
func (p *progress) show(e journal.Event) {
	switch e.Event {
	case journal.Note:
		p.line(e.Server, e.Message, 0)
	case journal.Began:
		if e.Resource != "" && slow(e.Action) {
			p.line(e.Server, fmt.Sprintf("%s %s … (%s)", e.Action, e.Resource, oneLine(e.Message)), 0)
		}
	case journal.Done:
		p.line(e.Server, fmt.Sprintf("%s %s", e.Action, e.Resource), e.Elapsed)
	case journal.Failed:
		p.line(e.Server, fmt.Sprintf("%s %s FAILED: %s", e.Action, e.Resource, oneLine(e.Message)), e.Elapsed)
	}
}

func slow(action string) bool {
	switch action {
	case "wait", "install", "migrate", "drain", "move", "reboot":
		return true
	}
	return false
}

func (p *progress) line(server, message string, elapsed time.Duration) {
	took := ""
	if elapsed >= 50*time.Millisecond {
		took = fmt.Sprintf("  (%.1f s)", elapsed.Seconds())
	}
	if server == "" {
		server = "-"
	}
	fmt.Fprintf(p.out, "%6.1f s  %-8s %s%s\n", time.Since(p.began).Seconds(), server, message, took)
}
