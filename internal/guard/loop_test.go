package guard

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeDB is a Database over the model; statements take about as long as the real
// ones.
type fakeDB struct {
	world *world
	name  string
	calls *callLog
}

type callLog struct {
	mu    sync.Mutex
	lines []string
}

func (c *callLog) add(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
}

func (c *callLog) count(line string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lines {
		if l == line {
			n++
		}
	}
	return n
}

func (d *fakeDB) Probe(context.Context) (MySQL, error) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	my := d.world.mysql(d.name)
	if !my.Reachable {
		return MySQL{}, errors.New(my.Error)
	}
	return my, nil
}

func (d *fakeDB) do(ctx context.Context, call string, takes time.Duration, work func() error) error {
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	if !d.world.nodes[d.name].up {
		return errors.New("connection lost")
	}
	d.calls.add(d.name + " " + call)
	return work()
}

func (d *fakeDB) Form(ctx context.Context, still func(ctx context.Context) error) error {
	if err := still(ctx); err != nil {
		return err
	}
	return d.do(ctx, "form", 1300*time.Millisecond, func() error { return d.world.start(d.name, true) })
}

func (d *fakeDB) Start(ctx context.Context) error {
	return d.do(ctx, "join", 1800*time.Millisecond, func() error { return d.world.start(d.name, false) })
}

func (d *fakeDB) Stop(ctx context.Context) error {
	return d.do(ctx, "stop", 300*time.Millisecond, func() error { d.world.stop(d.name); return nil })
}

func (d *fakeDB) EndBootstrap(ctx context.Context) error {
	return d.do(ctx, "end-bootstrap", 0, func() error { d.world.nodes[d.name].bootstrapping = false; return nil })
}

func (d *fakeDB) Fence(ctx context.Context) error {
	return d.do(ctx, "fence", 0, func() error { d.world.nodes[d.name].readOnly = true; return nil })
}

func (d *fakeDB) Clone(ctx context.Context, donor string) error {
	return d.do(ctx, "clone "+donor, 3*time.Second, func() error {
		n, from := d.world.nodes[d.name], d.world.nodes[donor]
		n.executed, n.received, n.purged, n.uptime, n.cloned = from.executed.Union(from.received), GTIDSet{}, from.purged, 0, "Completed"
		return nil
	})
}

func (d *fakeDB) ApplyBacklog(ctx context.Context, _ string) error {
	return d.do(ctx, "backlog", 100*time.Millisecond, func() error { return ErrBacklogRefused })
}

func (d *fakeDB) SetPrimary(ctx context.Context, uuid string, _ time.Duration) error {
	err := d.do(ctx, "switch "+uuid, 10*time.Millisecond, func() error { return d.world.handOver(d.name, uuid) })
	time.Sleep(500 * time.Millisecond) // it is done by now, and says so later (measured)
	return err
}

func (d *fakeDB) Beat(ctx context.Context, _ string) error {
	return d.world.beat(ctx, d.name)
}

func (d *fakeDB) BeatState(context.Context) (string, error) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	return d.world.nodes[d.name].beatState, nil
}

func (d *fakeDB) Kill() error {
	time.Sleep(time.Millisecond) // nothing takes no time
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	d.calls.add(d.name + " kill")
	d.world.crash(d.name)
	return nil
}

func (d *fakeDB) SetAside(ctx context.Context, name string) (string, error) {
	path := AsideDir + "/" + name
	return path, d.do(ctx, "set aside", time.Second, func() error { return nil })
}

func (d *fakeDB) Close() error { return nil }

// cluster is three guards over one model, talking to one another directly.
type cluster struct {
	t      *testing.T
	world  *world
	guards map[string]*guard
	calls  *callLog
	cancel map[string]context.CancelFunc
	done   map[string]chan struct{}
	told   *callLog
	dirs   string
	deaf   string // whose guard notes nothing
}

func (c *cluster) isDeaf(name string) bool {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return c.deaf == name
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, world: newWorld(), guards: map[string]*guard{}, calls: &callLog{}, told: &callLog{},
		cancel: map[string]context.CancelFunc{}, done: map[string]chan struct{}{}, dirs: t.TempDir()}
	for _, name := range worldNames {
		c.startGuard(name)
	}
	return c
}

// wholeCluster is one in which all have been members for a second.
func wholeCluster(t *testing.T) *cluster {
	c := newCluster(t)
	c.with(bootAll)
	c.online(3, 20*time.Second)
	time.Sleep(time.Second)
	return c
}

func testConfig(name string) Config {
	return Config{Server: name, GroupName: worldGroup, Initial: "db1", MySQLPort: 3306,
		Voters: []Voter{{"db1", "10.0.0.1"}, {"db2", "10.0.0.2"}, {"db3", "10.0.0.3"}}}
}

func (c *cluster) startGuard(name string) {
	store, err := openStore(filepath.Join(c.dirs, name), worldGroup)
	if err != nil {
		c.t.Fatal(err)
	}
	promised, err := store.recallPromise(time.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	turn, err := store.recallTurn()
	if err != nil {
		c.t.Fatal(err)
	}
	notify := func(state string) error { c.told.add(name + " " + state); return nil }
	g := newGuard(testConfig(name), store, promised, turn, &fakeDB{world: c.world, name: name, calls: c.calls}, network{c, name}, notify, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(c.t.Context())
	c.world.mu.Lock()
	c.guards[name], c.cancel[name], c.done[name] = g, cancel, make(chan struct{})
	c.world.mu.Unlock()
	done := c.done[name]
	go func() { g.run(ctx); close(done) }()
}

func (c *cluster) stopGuard(name string) {
	c.cancel[name]()
	<-c.done[name]
}

func (c *cluster) stopAll() {
	for _, name := range worldNames {
		c.stopGuard(name)
	}
}

func (c *cluster) guard(name string) *guard {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	return c.guards[name]
}

// network is the cluster as one of its guards reaches the others.
type network struct {
	*cluster
	from string
}

func (n network) Ask(ctx context.Context, name string, claims bool) (Answer, error) {
	g := n.guard(name)
	if g == nil {
		return Answer{}, errors.New("not started yet")
	}
	promised := claims && g.confirm(ctx, n.from)
	a := g.snapshot.Load().answer(time.Now())
	a.Promised = promised
	return a, nil
}

func (n network) Announce(ctx context.Context, name string) error {
	if n.isDeaf(name) {
		return errors.New("does not answer")
	}
	return n.guard(name).ask(ctx, request{kind: wantNoted, to: n.from})
}

func (n network) TakeTurn(ctx context.Context, name, id string) error {
	if n.isDeaf(name) {
		return errors.New("does not answer")
	}
	return n.guard(name).ask(ctx, request{kind: wantTurn, to: n.from, turn: id})
}

func (n network) Grant(ctx context.Context, name string, q GrantRequest) error {
	return n.guard(name).ask(ctx, request{kind: wantGrant, grant: q})
}

func (c *cluster) with(change func(w *world)) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	change(c.world)
}

// online waits until so many members are ONLINE and returns how long that took.
func (c *cluster) online(want int, limit time.Duration) time.Duration {
	c.t.Helper()
	begun := time.Now()
	for {
		n := 0
		for _, name := range worldNames {
			if c.guard(name).snapshot.Load().status(time.Now()).State == Online {
				n++
			}
		}
		if n == want {
			return time.Since(begun)
		}
		if time.Since(begun) > limit {
			for _, name := range worldNames {
				c.t.Logf("%+v", c.guard(name).snapshot.Load().status(time.Now()))
			}
			c.t.Fatalf("%d members ONLINE after %s, want %d; calls %v", n, limit, want, c.calls.lines)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (c *cluster) code(name, path string) int {
	w := httptest.NewRecorder()
	c.guard(name).checks().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code
}

func bootAll(w *world) {
	for _, name := range worldNames {
		w.boot(name)
	}
}

func TestGuardsFormTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		defer c.stopAll()
		time.Sleep(time.Second)
		if got := c.code("db1", "/primary"); got != http.StatusServiceUnavailable {
			t.Errorf("/primary without MySQL: %d, want 503", got)
		}
		c.with(bootAll)
		if took := c.online(1, 5*time.Second); took > 2*time.Second {
			t.Errorf("formed in %s, want at most 2 s", took)
		}
		// One after the other: see joinsFirst.
		if took := c.online(3, 10*time.Second); took > 5*time.Second {
			t.Errorf("two joins took %s, want at most 5 s", took)
		}
		time.Sleep(time.Second)
		for path, want := range map[string][3]int{"/primary": {200, 503, 503}, "/replica": {503, 200, 200}, "/readable": {200, 200, 200}, "/health": {200, 200, 200}} {
			if got := [3]int{c.code("db1", path), c.code("db2", path), c.code("db3", path)}; got != want {
				t.Errorf("%s: %v, want %v", path, got, want)
			}
		}
		if c.told.count("db2 READY=1") != 1 || c.told.count("db2 WATCHDOG=1") < 5 {
			t.Errorf("systemd was told %v", c.told.lines)
		}
		if len(c.world.breaches) > 0 {
			t.Error(c.world.breaches)
		}
	})
}

func TestGuardsFormTheGroupAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		c.with(func(w *world) { w.write(); w.crash("db1"); w.crash("db2"); w.crash("db3") })
		for _, name := range worldNames { // guards lose their power, too
			c.stopGuard(name)
			c.startGuard(name)
		}
		c.with(func(w *world) { w.boot("db2"); w.boot("db3") })
		time.Sleep(10 * time.Second)
		if c.calls.count("db2 form")+c.calls.count("db3 form") > 0 {
			t.Fatalf("formed without db1: %v", c.calls.lines)
		}
		message := c.guard("db2").snapshot.Load().status(time.Now()).Message
		if !strings.Contains(message, "misses db1") {
			t.Errorf("db2 says %q, want it to name db1", message)
		}
		c.with(func(w *world) { w.boot("db1") })
		c.online(3, 6*time.Second)
		if len(c.world.breaches) > 0 || c.calls.count("db1 form") != 2 {
			t.Errorf("calls %v, breaches %v", c.calls.lines, c.world.breaches)
		}
	})
}

// TestGuardKnowsBeforeItAnswers: the first thing that a load balancer hears from a guard
// that was started again must not be that it knows nothing yet.
func TestGuardKnowsBeforeItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		for server, path := range map[string]string{"db1": "/primary", "db2": "/replica"} {
			c.stopGuard(server)
			c.startGuard(server)
			if got := c.code(server, path); got != http.StatusOK {
				t.Errorf("the first answer to %s: %d, want 200", path, got)
			}
		}
		// Without the others there is no lease to wait for.
		c.stopAll()
		c.with(func(*world) { delete(c.guards, "db2"); delete(c.guards, "db3") })
		c.startGuard("db1")
		begun := time.Now()
		if got, took := c.code("db1", "/primary"), time.Since(begun); got != http.StatusServiceUnavailable || took != introduction {
			t.Errorf("alone: %d after %s, want 503 after %s", got, took, introduction)
		}
		c.startGuard("db2")
		c.startGuard("db3")
	})
}

func TestGuardRejoinsAfterTheFormerLifeIsExpelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		c.with(func(w *world) { w.crash("db2"); w.boot("db2") })
		time.Sleep(5 * time.Second)
		if n := c.calls.count("db2 join"); n != 1 {
			t.Fatalf("db2 joined %d times while the group still lists it", n)
		}
		c.with((*world).detect)
		c.online(3, 6*time.Second)
	})
}

func TestGuardStaysOutWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		c.with(func(w *world) { w.nodes["db3"].uptime = 60 })
		time.Sleep(time.Second)
		if err := c.guard("db3").ask(t.Context(), request{kind: wantLeave}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		c.online(2, 0)
		c.with(func(w *world) { w.crash("db3") })
		time.Sleep(2 * time.Second)
		c.with(func(w *world) { w.boot("db3") })
		c.online(3, 4*time.Second)
		if err := c.guard("db3").ask(t.Context(), request{kind: wantLeave}); err != nil {
			t.Fatal(err)
		}
		if err := c.guard("db3").ask(t.Context(), request{kind: wantJoin}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		c.online(3, 5*time.Second)
		if n := c.calls.count("db3 join"); n != 3 {
			t.Errorf("db3 joined %d times, want 3: at first, after the restart, when told", n)
		}
	})
}

func TestGuardClonesWhatIsPurged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		c.with(func(w *world) {
			w.write()
			for _, name := range []string{"db1", "db2"} {
				n := w.nodes[name]
				n.executed = n.executed.Union(n.received)
				n.purged = n.executed.String()
			}
			w.crash("db3")
			w.detect()
			w.nodes["db3"].executed, w.nodes["db3"].received = GTIDSet{}, GTIDSet{} // its disk was lost
		})
		time.Sleep(3 * time.Second)
		c.with(func(w *world) { w.boot("db3") })
		time.Sleep(time.Second)
		c.online(3, 12*time.Second)
		if c.calls.count("db3 clone db2") != 1 {
			t.Errorf("calls %v, want one clone of db3 from the secondary db2", c.calls.lines)
		}
	})
}

func TestSwitchGoesToTheMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		if err := c.guard("db1").ask(t.Context(), request{kind: wantSwitch, to: "db2"}); err != nil {
			t.Fatal(err)
		}
		if c.calls.count("db1 switch "+uuidOf("db2")) != 1 {
			t.Errorf("calls %v", c.calls.lines)
		}
		if err := c.guard("db1").ask(t.Context(), request{kind: wantSwitch, to: "db9"}); err == nil {
			t.Error("switch to a stranger succeeded")
		}
	})
}

func TestGuardStopsAtOnceAndLeavesTheGroupAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.with(bootAll)
		c.online(3, 10*time.Second)
		begun := time.Now()
		c.stopAll()
		if took := time.Since(begun); took > 500*time.Millisecond {
			t.Errorf("stopping took %s", took)
		}
		for _, name := range worldNames {
			if !c.world.inGroup(name) {
				t.Errorf("%s has left the group with its guard", name)
			}
		}
	})
}

// Whoever waits for a switch is not told of it by the next probe of a calm time.
func TestAskedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		time.Sleep(time.Minute + 10*time.Millisecond) // calm, and just after a probe
		c.with(func(w *world) {
			if err := w.handOver("db1", uuidOf("db2")); err != nil {
				t.Error(err)
			}
		})
		begun := time.Now()
		for c.code("db2", "/primary?soon") != http.StatusOK && time.Since(begun) < time.Second {
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(begun); took > 5*time.Millisecond {
			t.Errorf("the next primary says so after %s, want it at once", took)
		}
	})
}

// A primary that hands over does not go on saying that it is the primary until
// Group Replication's statement returns.
func TestFormerPrimarySaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wholeCluster(t)
		defer c.stopAll()
		time.Sleep(time.Minute)
		done := make(chan error, 1)
		go func() { done <- c.guard("db1").ask(t.Context(), request{kind: wantSwitch, to: "db2"}) }()
		begun := time.Now()
		for c.code("db1", "/primary") == http.StatusOK && time.Since(begun) < time.Second {
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(begun); took > 20*time.Millisecond {
			t.Errorf("the former primary says so after %s, want it soon after the switch, which takes 10 ms", took)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
