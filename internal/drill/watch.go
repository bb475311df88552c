package drill

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"
	"time"

	"scaleup/internal/drill/record"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

// watcher collects what the servers tell of themselves during a trial: who holds
// the virtual addresses, what HAProxy thinks of its servers, what the database
// members are. Events carry the time at which they arrived here, by this computer's
// clock, so that the servers' clocks do not matter; on the way they lose about a
// round trip, and up to 50 ms before the server looks.
type watcher struct {
	since   time.Time // the load's beginning, see begin
	dial    func(context.Context, topology.Server) (host.Host, error)
	binary  string // path of scaleup on the servers
	site    *topology.Topology
	wait    sync.WaitGroup
	cancel  context.CancelFunc
	mu      sync.Mutex
	events  []record.Event
	pending int           // servers that have not told anything yet
	ready   chan struct{} // closed when all have
}

// silence is how long a server may tell nothing before that is an event.
const silence = 3 * remote.WatchLife

// startWatcher watches load balancers and database servers until stop.
func startWatcher(ctx context.Context, site *topology.Topology, binary string, dial func(context.Context, topology.Server) (host.Host, error)) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{since: time.Now(), dial: dial, binary: binary, site: site, cancel: cancel, ready: make(chan struct{})}
	var subjects []*subject
	for _, server := range site.Servers {
		if what, ok := watched(site, server); ok {
			subjects = append(subjects, &subject{Server: server, what: what, known: map[string]string{}, first: sync.OnceFunc(w.one)})
		}
	}
	w.pending = len(subjects)
	for _, s := range subjects {
		w.wait.Go(func() { w.server(ctx, s) })
	}
	return w
}

// knowsAll reports whether every server has told its state.
func (w *watcher) knowsAll() bool {
	select {
	case <-w.ready:
		return true
	default:
		return false
	}
}

// await waits until every server has told its state, within a limit.
func (w *watcher) await(ctx context.Context, within time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case <-w.ready:
	case <-ctx.Done():
	}
}

// begin counts time from the load's beginning. What the servers have told before is
// how the site is then.
func (w *watcher) begin(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = at
	for i := range w.events {
		w.events[i].At = 0
	}
}

// one counts a server that has told its first state.
func (w *watcher) one() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending--; w.pending == 0 {
		close(w.ready)
	}
}

func watched(site *topology.Topology, s topology.Server) (remote.Watching, bool) {
	switch s.Role {
	case spec.LoadBalancer:
		return remote.Watching{Addresses: []netip.Addr{site.Public, site.Internal}, Balancer: true}, true
	case spec.Database:
		return remote.Watching{Member: survey.StatusURL(s)}, true
	default:
		return remote.Watching{}, false
	}
}

// stop ends watching and returns the events in the order they came.
func (w *watcher) stop() []record.Event {
	w.cancel()
	w.wait.Wait()
	return w.events
}

// seen returns the events so far.
func (w *watcher) seen() []record.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events[:len(w.events):len(w.events)]
}

func (w *watcher) add(e record.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.At = time.Since(w.since)
	w.events = append(w.events, e)
}

// subject is one server as the watcher knows it.
type subject struct {
	topology.Server
	what  remote.Watching
	known map[string]string // states by kind and name: a new connection tells them all again
	quiet bool
	first func() // called when it has told something
}

// server follows one server, over a connection of its own, and connects again
// whenever that ends.
func (w *watcher) server(ctx context.Context, s *subject) {
	for ctx.Err() == nil {
		// Why it ended is told by the silence; a drill breaks servers on purpose.
		_ = w.follow(ctx, s)
		select {
		case <-ctx.Done():
		case <-time.After(remote.WatchLife): // the pace of trying again
		}
	}
}

func (w *watcher) follow(ctx context.Context, s *subject) error {
	encoded, err := remote.EncodeWatching(s.what)
	if err != nil {
		return err
	}
	h, err := w.dial(ctx, s.Server)
	if err != nil {
		return w.silent(s, err)
	}
	defer h.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, writer := io.Pipe()
	go func() {
		_, err := h.Exec(ctx, []string{w.binary, "remote", "--watch", encoded}, host.Stdio{Out: writer, Err: io.Discard})
		writer.CloseWithError(err)
	}()
	defer reader.Close()
	// A server without power never says that its connection has ended.
	timer := time.AfterFunc(silence, func() { reader.CloseWithError(os.ErrDeadlineExceeded) })
	defer timer.Stop()
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		timer.Reset(silence)
		if err := w.line(s, lines.Bytes()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return w.silent(s, lines.Err())
}

// silent records that a server tells nothing any more.
func (w *watcher) silent(s *subject, cause error) error {
	if !s.quiet {
		s.quiet = true
		w.add(record.Event{Server: s.Name, Kind: record.EventWatch, Name: s.Name, State: "silent"})
	}
	return cause
}

// line turns what a server tells into an event, if it is news.
func (w *watcher) line(s *subject, line []byte) error {
	var c remote.Change
	if err := json.Unmarshal(line, &c); err != nil {
		return fmt.Errorf("read what %s tells: %w", s.Name, err)
	}
	if s.quiet {
		s.quiet = false
		w.add(record.Event{Server: s.Name, Kind: record.EventWatch, Name: s.Name, State: "answers"})
	}
	if key := c.Kind + " " + c.Name; c.Kind != "" && s.known[key] != c.State {
		s.known[key] = c.State
		w.add(eventOf(w.site, s.Server, c))
	}
	s.first()
	return nil
}

func eventOf(site *topology.Topology, s topology.Server, c remote.Change) record.Event {
	e := record.Event{Server: s.Name, Kind: record.EventKind(c.Kind), Name: c.Name, State: c.State}
	switch e.Kind {
	case record.EventVIP:
		e.Name = "public"
		if c.Name == site.Internal.String() {
			e.Name = "internal"
		}
	case record.EventMember:
		e.Name = s.Name
	}
	return e
}
