package logs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"scaleup/internal/remote"
)

// Source is one server's log.
type Source struct {
	Server string
	Ask    remote.LogAsk
	// Open starts telling: the lines of remote.Logs. Closing the reader, or the end of
	// ctx, ends it on the server, too.
	Open func(ctx context.Context, ask remote.LogAsk) (io.ReadCloser, error)
}

const (
	// firstWord is how long a server may take for its first line: it may have to be
	// given the program first, and nine sign-ins at once take a slow computer seconds.
	firstWord = 20 * time.Second
	// silence is how long a server may tell nothing after that. A busy one is late with
	// its signs of life; one without power never says that it is gone.
	silence = 10 * remote.WatchLife
	// The pauses before a lost server is tried again: each is twice the one before.
	firstPause, longestPause = time.Second, 30 * time.Second
	// overlap is how far before its latest entry a stream that was lost is taken up
	// again: lines of Nginx's log have whole seconds and come up to two late.
	overlap = 5 * time.Second
	// missedLines is how many lines a server tells at most of the time it was lost.
	missedLines = 1000
)

var errSilent = errors.New("it tells nothing any more")

// event is what a stream tells: one of these.
type event struct {
	server string
	entry  *Entry
	spoke  time.Time // all until then has been told
	told   bool      // all that was stored has been told
	lost   error     // why the server tells nothing now
}

// stream follows one source.
type stream struct {
	Source
	events chan<- event
	began  time.Time
	latest time.Time                // of all entries
	recent map[remote.LogEntry]bool // entries of the last seconds before latest, told already
	pruned time.Time                // latest when recent was last rid of older ones
	heard  bool                     // the present connection has told something
	told   bool                     // and all that was stored
}

// run reads the source to its end; one that is followed is taken up again for ever.
func (s *stream) run(ctx context.Context) {
	pause := firstPause
	for {
		err := s.once(ctx)
		if ctx.Err() != nil || err == nil {
			return
		}
		s.send(ctx, event{server: s.Server, lost: err})
		if !s.Ask.Follow {
			return
		}
		if s.heard {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
		s.again()
	}
}

// again asks for what was missed, and no more.
func (s *stream) again() {
	s.Ask.Since, s.Ask.Lines = s.began, missedLines
	if !s.latest.IsZero() {
		s.Ask.Since = s.latest.Add(-overlap)
	}
}

// once reads until the connection ends. It returns nil when all has been told.
func (s *stream) once(ctx context.Context) error {
	s.heard, s.told = false, false
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, err := s.Open(ctx, s.Ask)
	if err != nil {
		return err
	}
	defer reader.Close()
	over := make(chan struct{})
	timer := time.AfterFunc(firstWord, func() {
		close(over)
		reader.Close()
	})
	defer timer.Stop()
	for lines := bufio.NewReader(reader); ; {
		line, err := lines.ReadBytes('\n')
		if err == nil && timer.Stop() {
			err = s.line(ctx, line)
			// While nobody reads on this side, the server's silence is not its own.
			timer.Reset(silence)
		}
		switch {
		case err == nil:
		case ended(over):
			return errSilent
		case errors.Is(err, io.EOF) && s.told && !s.Ask.Follow:
			return nil
		case errors.Is(err, io.EOF):
			return errors.New("its connection has ended")
		default:
			return err
		}
	}
}

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// line passes on what a server tells.
func (s *stream) line(ctx context.Context, line []byte) error {
	var l remote.LogLife
	if err := json.Unmarshal(line, &l); err != nil {
		return fmt.Errorf("read what it tells: %w", err)
	}
	s.heard, s.told = true, s.told || l.Told
	if e := l.Entry; e != nil && s.news(*e) {
		s.send(ctx, event{server: s.Server, entry: &Entry{
			Time: e.Time, Server: s.Server, Component: ComponentOf(*e), Priority: e.Priority, Message: e.Message,
		}})
	}
	if l.Entry == nil {
		s.send(ctx, event{server: s.Server, spoke: l.Now, told: l.Told})
	}
	return nil
}

// news reports whether an entry has not been told before, on an earlier connection.
func (s *stream) news(e remote.LogEntry) bool {
	if s.recent[e] {
		return false
	}
	if e.Time.After(s.latest) {
		s.latest = e.Time
	}
	if !s.Ask.Follow {
		return true
	}
	s.recent[e] = true
	if s.latest.Sub(s.pruned) > overlap {
		s.pruned = s.latest
		maps.DeleteFunc(s.recent, func(e remote.LogEntry, _ bool) bool { return e.Time.Before(s.latest.Add(-overlap)) })
	}
	return true
}

func (s *stream) send(ctx context.Context, e event) {
	select {
	case s.events <- e:
	case <-ctx.Done():
	}
}
