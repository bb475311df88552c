package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// leastInterval is the shortest pause between two looks: HAProxy counts requests by
// the second, and every look costs the servers some milliseconds.
const leastInterval = 500 * time.Millisecond

// watchStatus shows the site again and again until ctx ends, which is no error.
func (op *operation) watchStatus(ctx context.Context, interval time.Duration) error {
	k := &keeper{open: map[string]host.Host{}}
	defer k.close()
	connect := func() (connector, error) {
		var err error
		if k.connector == nil {
			k.connector, err = op.impatient()
		}
		return k, err
	}
	w := statusWatch{
		look:     func(ctx context.Context) (status.Report, error) { return op.assess(ctx, connect) },
		interval: interval, journal: filepath.Join(op.stateDir, "journal.ndjson"),
		screen: screen{out: op.out, size: op.canvas()},
	}
	if op.json {
		encoder := json.NewEncoder(op.out)
		w.show = func(r status.Report, _ []event, _ time.Time) error { return encoder.Encode(r) }
	} else {
		w.show = w.paint
	}
	return w.run(ctx)
}

// canvas tells the size of the terminal that may be painted on, in columns and rows; it
// is nil when what is written has to be plain text.
func (o *options) canvas() func() (width, height int, err error) {
	file, ok := o.out.(*os.File)
	if !ok || !o.color(o.out) || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return func() (int, int, error) { return term.GetSize(int(file.Fd())) }
}

// statusWatch looks at a site at an interval.
type statusWatch struct {
	look     func(context.Context) (status.Report, error)
	interval time.Duration
	journal  string // path of the site's journal
	screen   screen
	show     func(status.Report, []event, time.Time) error
}

// How many changes and how many lines of the journal are shown.
const (
	keptChanges = 3
	keptJournal = 2
)

func (w *statusWatch) run(ctx context.Context) error {
	tick := time.NewTicker(w.interval)
	defer tick.Stop()
	var last *status.Report
	var changes []event
	for {
		r, err := w.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		now := time.Now()
		if last != nil {
			for _, text := range differences(*last, r) {
				changes = append(changes, event{now, text})
			}
			changes = changes[max(0, len(changes)-keptChanges):]
		}
		last = &r
		if err := w.show(r, changes, now); err != nil {
			return fmt.Errorf("show the site's status: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// paint shows a report for people.
func (w *statusWatch) paint(r status.Report, changes []event, now time.Time) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "--- %s, every %s ---\n", now.Format(time.DateTime), w.interval)
	printStatus(&text, r)
	fmt.Fprintf(&text, "traffic  %s\n", traffic(r.Tiers))
	for _, e := range changes {
		fmt.Fprintf(&text, "%s %s\n", clock(e.at, now), e.text)
	}
	recorded, err := journalTail(w.journal, keptJournal)
	if err != nil {
		return err
	}
	for _, e := range recorded {
		fmt.Fprintf(&text, "%s %s\n", clock(e.at, now), e.text)
	}
	return w.screen.paint(strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n"))
}

// traffic is what flows to every tier now.
func traffic(tiers []status.Tier) string {
	var parts []string
	for _, t := range tiers {
		rate, sessions := 0, 0
		for _, b := range t.Backends {
			rate, sessions = rate+b.Rate, sessions+b.Sessions
		}
		parts = append(parts, fmt.Sprintf("%s %d/s %d open", t.Name, rate, sessions))
	}
	if len(parts) == 0 {
		return "unknown: no load balancer answers"
	}
	return strings.Join(parts, ", ")
}

// clock is a time of day, or the date of an earlier day.
func clock(at, now time.Time) string {
	at = at.In(now.Location())
	if at.Format(time.DateOnly) != now.Format(time.DateOnly) {
		return at.Format(time.DateOnly)
	}
	return at.Format(time.TimeOnly)
}

// screen is where one text is shown in the place of the one before.
type screen struct {
	out io.Writer
	// size of the terminal; nil: texts are written one below the other
	size func() (width, height int, err error)
}

// paint shows lines. On a terminal each begins at the left and rubs out what stood
// there, and what is left below is rubbed out, too: nothing flickers.
func (s screen) paint(lines []string) error {
	if s.size == nil {
		_, err := io.WriteString(s.out, strings.Join(lines, "\n")+"\n")
		return err
	}
	width, height, err := s.size()
	if err != nil {
		return fmt.Errorf("ask the terminal for its size: %w", err)
	}
	lines = fitRows(lines, width, height-1) // the cursor stands on the last row
	_, err = io.WriteString(s.out, "\x1b[H"+strings.Join(lines, "\x1b[K\n")+"\x1b[K\n\x1b[J")
	return err
}

// fitRows leaves lines away that a terminal of this size has no room for, so that it
// does not scroll: empty ones first, then from the end.
func fitRows(lines []string, width, height int) []string {
	rows := func() (n int) {
		for _, l := range lines {
			n += max(1, (utf8.RuneCountInString(l)+width-1)/max(1, width))
		}
		return n
	}
	if rows() <= height {
		return lines
	}
	var full []string
	for _, l := range lines {
		if l != "" {
			full = append(full, l)
		}
	}
	lines = full
	for len(lines) > 1 && rows() > height {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// keeper keeps connections open from one look to the next: a new one takes a server
// tenths of a second of processor time.
type keeper struct {
	connector // opens new ones; nil until there is somebody to reach

	mu   sync.Mutex
	open map[string]host.Host
}

// dial returns a connection that is there, or opens one.
func (k *keeper) dial(ctx context.Context, s topology.Server) (host.Host, error) {
	k.mu.Lock()
	h := k.open[s.Name]
	k.mu.Unlock()
	if h != nil {
		return lent{h, k, s.Name, 2 * status.Greeting}, nil
	}
	h, err := k.connector.dial(ctx, s)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open[s.Name] = h
	return lent{h, k, s.Name, status.Deadline}, nil
}

func (k *keeper) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, h := range k.open {
		h.Close()
		delete(k.open, name)
	}
}

// lent is a connection that stays open after use, unless it fails: then the next look
// opens a new one, and waits for its server's greeting no longer than status does.
type lent struct {
	host.Host
	keeper *keeper
	name   string
	within time.Duration // an open one answers sooner than one that has yet to be set up
}

// Call implements host.Host.
func (l lent) Call(ctx context.Context, q remote.Request) (remote.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, l.within)
	defer cancel()
	p, err := l.Host.Call(ctx, q)
	if err != nil {
		l.keeper.mu.Lock()
		delete(l.keeper.open, l.name)
		l.keeper.mu.Unlock()
		l.Host.Close()
	}
	return p, err
}

// Close implements host.Host.
func (lent) Close() error { return nil }
