package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"scaleup/internal/drill"
	"scaleup/internal/drill/load"
	"scaleup/internal/drill/record"
)

// drillProgress shows a drill as it goes: a line for each phase, and on a terminal
// one that is rewritten with rate, errors and what is left of the phase.
type drillProgress struct {
	out   io.Writer
	live  bool
	began time.Time

	mu    sync.Mutex
	shown bool // a line that will be rewritten stands there
}

func newDrillProgress(out io.Writer) *drillProgress {
	return &drillProgress{out: out, live: isTerminal(out), began: time.Now()}
}

func (p *drillProgress) show(e drill.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e.Note != "":
		p.line("  %s", oneLine(e.Note))
	case e.Result != nil:
		p.line("%-26s trial %d  %s", e.Drill, e.Trial, e.Result.Verdict)
	case e.Began:
		p.line("%-26s trial %d  %-8s %s", e.Drill, e.Trial, e.Phase, counted(e.Live))
	case p.live:
		p.shown = true
		fmt.Fprintf(p.out, "\r\x1b[K%6.1f s  %s, %s left  %s", time.Since(p.began).Seconds(), e.Phase, e.Left.Round(time.Second), counted(e.Live))
	}
}

func (p *drillProgress) line(format string, args ...any) {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
	fmt.Fprintf(p.out, "%6.1f s  %s\n", time.Since(p.began).Seconds(), strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

// counted says what the load has met so far.
func counted(l load.Live) string {
	if l.Total.Sum() == 0 {
		return ""
	}
	words := []string{fmt.Sprintf("%d/s", l.LastSecond.Sum()), fmt.Sprintf("%d ok", l.Total[record.OK])}
	for _, o := range []record.Outcome{record.Slow, record.Stale, record.Failed, record.Indeterminate} {
		if l.Total[o] > 0 {
			words = append(words, fmt.Sprintf("%d %s", l.Total[o], o))
		}
	}
	return strings.Join(words, ", ")
}
