package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/remote"
)

// server tells a log in tests: each connection is a function that writes lines.
type server struct {
	t           *testing.T
	name        string
	connections []func(s *connection)
	asks        []remote.LogAsk
	opened      []time.Duration // after the test began
	began       time.Time
}

// connection is one connection of a server.
type connection struct {
	ctx context.Context
	enc *json.Encoder
}

func (c *connection) entry(ms int, message string) {
	c.enc.Encode(remote.LogLife{Entry: &remote.LogEntry{Time: at("", ms).Time, Message: message}})
}

func (c *connection) life(ms int, told bool) {
	c.enc.Encode(remote.LogLife{Now: at("", ms).Time, Told: told})
}

// wait lets time pass with signs of life.
func (c *connection) wait(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && c.ctx.Err() == nil; {
		select {
		case <-c.ctx.Done():
		case <-time.After(min(remote.WatchLife, time.Until(end))):
			c.life(0, false)
		}
	}
}

func newServer(t *testing.T, name string, connections ...func(*connection)) *server {
	return &server{t: t, name: name, connections: connections, began: time.Now()}
}

var errOff = errors.New("it is powered off")

// refused is a connection that does not come about.
var refused func(*connection)

func (s *server) source() Source {
	return Source{Server: s.name, Open: func(ctx context.Context, ask remote.LogAsk) (io.ReadCloser, error) {
		s.asks, s.opened = append(s.asks, ask), append(s.opened, time.Since(s.began))
		if len(s.asks) > len(s.connections) {
			return nil, errOff
		}
		tell := s.connections[len(s.asks)-1]
		if tell == nil {
			return nil, errOff
		}
		reader, writer := io.Pipe()
		stop := context.AfterFunc(ctx, func() { writer.CloseWithError(ctx.Err()) })
		go func() {
			defer stop()
			tell(&connection{ctx, json.NewEncoder(writer)})
			writer.Close()
		}()
		return reader, nil
	}}
}

// read runs a reading for some time and returns what it showed, with the time of this
// computer since it began.
func read(t *testing.T, r Reading, during time.Duration, servers ...*server) (shown []string, cut bool, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	began := time.Now()
	for _, s := range servers {
		r.Sources = append(r.Sources, s.source())
	}
	r.Show = func(e Entry) error {
		line := e.Server + " " + e.Message
		if r.Follow {
			line = fmt.Sprintf("%v %s", time.Since(began), line)
		}
		shown = append(shown, line)
		return nil
	}
	r.Warn = func(server, message string) {
		shown = append(shown, fmt.Sprintf("%v %s: %s", time.Since(began), server, message))
	}
	cut, err = r.Run(ctx)
	return shown, cut, err
}

func TestStored(t *testing.T) {
	a := func(c *connection) { c.entry(1, "one"); c.entry(4, "four"); c.life(0, true) }
	slow := func(c *connection) { c.wait(9 * time.Second); c.entry(2, "two"); c.entry(3, "three"); c.life(0, true) }
	broken := func(c *connection) { c.entry(2, "half") }
	for _, test := range []struct {
		name  string
		lines int
		b     func(*connection)
		want  []string
		cut   bool
	}{
		{"all", 9, slow, []string{"a one", "b two", "b three", "a four"}, false},
		{"exactly all", 4, slow, []string{"a one", "b two", "b three", "a four"}, false},
		{"the newest", 3, slow, []string{"b two", "b three", "a four"}, true},
		{"one is off", 9, refused, []string{"0s b: it is powered off", "a one", "a four"}, false},
		{"one breaks off", 9, broken, []string{"0s b: its connection has ended", "a one", "b half", "a four"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newServer(t, "b", test.b)
				shown, cut, err := read(t, Reading{Lines: test.lines}, time.Minute, newServer(t, "a", a), b)
				if err != nil || cut != test.cut {
					t.Errorf("error %v, cut %v", err, cut)
				}
				if diff := cmp.Diff(test.want, shown); diff != "" {
					t.Error(diff)
				}
				if len(b.asks) != 1 || b.asks[0].Lines != test.lines+1 || b.asks[0].Follow {
					t.Errorf("asked for %+v", b.asks)
				}
			})
		})
	}
}

func TestNobodyTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(c *connection) { <-c.ctx.Done() }
		shown, _, err := read(t, Reading{Lines: 1}, time.Minute, newServer(t, "a", refused), newServer(t, "b", hangs))
		if !errors.Is(err, ErrNobody) {
			t.Errorf("error %v", err)
		}
		if diff := cmp.Diff([]string{"0s a: it is powered off", "20s b: it tells nothing any more"}, shown); diff != "" {
			t.Error(diff)
		}
	})
}

func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(c *connection) { <-c.ctx.Done() }
		for _, follow := range []bool{false, true} {
			if _, _, err := read(t, Reading{Lines: 1, Follow: follow}, time.Second, newServer(t, "a", hangs)); (err == nil) != follow {
				t.Errorf("follow %v: error %v", follow, err)
			}
		}
	})
}

// New entries are put into order, and wait for a silent server for holdFor at most.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := func(c *connection) {
			c.entry(1, "stored")
			c.life(10, true)
			time.Sleep(time.Second)
			c.entry(1200, "second") // b has not spoken of a later time
			<-c.ctx.Done()
		}
		b := func(c *connection) {
			c.life(10, true)
			time.Sleep(1100 * time.Millisecond)
			c.entry(1100, "first")
			time.Sleep(100 * time.Millisecond)
			c.entry(1300, "third")
			time.Sleep(time.Second)
			c.entry(5, "late")
			<-c.ctx.Done()
		}
		shown, _, err := read(t, Reading{Lines: 9, Follow: true}, 3*time.Second, newServer(t, "a", a), newServer(t, "b", b))
		if err != nil {
			t.Error(err)
		}
		// The second waits for b, and the third in vain for a.
		want := []string{"0s a stored", "1.1s b first", "1.2s a second", "1.5s b third", "2.2s b late"}
		if diff := cmp.Diff(want, shown); diff != "" {
			t.Error(diff)
		}
	})
}

// A server that is lost is named once, tried again ever more rarely, and asked for what
// was missed; what it told already is not shown twice.
func TestLostAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := func(c *connection) {
			c.life(0, true)
			c.entry(60_000, "one")
			c.wait(2 * time.Second)
		}
		second := func(c *connection) {
			c.entry(60_000, "one")
			c.entry(60_000, "two")
			c.entry(61_000, "three")
			c.life(62_000, true)
			<-c.ctx.Done() // and silent from then on
		}
		a := newServer(t, "a", first, refused, refused, second, refused)
		shown, _, err := read(t, Reading{Lines: 9, Follow: true}, 16*time.Second, a)
		if err != nil {
			t.Error(err)
		}
		want := []string{
			"0s a one", "2s a: its connection has ended; it is tried again",
			"9s a: it answers again", "9s a two", "9s a three",
			"14s a: it tells nothing any more; it is tried again",
		}
		if diff := cmp.Diff(want, shown); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]time.Duration{0, 3 * time.Second, 5 * time.Second, 9 * time.Second, 15 * time.Second}, a.opened); diff != "" {
			t.Error(diff)
		}
		if got := a.asks[3]; !got.Since.Equal(base.Add(55*time.Second)) || got.Lines != missedLines || !got.Follow {
			t.Errorf("what was missed is asked for with %+v", got)
		}
	})
}

// Whoever does not read is not told that servers are silent.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newServer(t, "a", func(c *connection) { c.life(0, true); c.entry(1, "x"); c.wait(time.Hour) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := Reading{
			Sources: []Source{a.source()}, Lines: 1, Follow: true,
			Show: func(Entry) error { time.Sleep(30 * time.Second); return nil },
			Warn: func(_, message string) { t.Errorf("warned: %s", message) },
		}
		if _, err := r.Run(ctx); err != nil || len(a.asks) != 1 {
			t.Errorf("error %v, %d connections", err, len(a.asks))
		}
	})
}
