package drill

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"scaleup/internal/drill/ledger"
	"scaleup/internal/drill/load"
	"scaleup/internal/drill/record"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// sqlRate is how many rows and how many registers the drill writes per second of
// its own where the users' writes are orders: enough to be witnesses, few enough to
// be no load.
const sqlRate = 10

// setupWithin bounds making the drill's tables.
const setupWithin = 20 * time.Second

// running is the load of one trial.
type running struct {
	*Runner
	generator *load.Generator
	client    *load.Client
	sql       *ledger.SQL
	registers *ledger.Registers
	tunnels   *tunnels
	ops       []record.Op
}

// startLoad makes the drill's tables and begins to send. Application servers that
// the fault is on are the last that the drill's own rows go through.
func (r *Runner) startLoad(ctx context.Context, run string, targets []string) (*running, error) {
	l := &running{Runner: r, client: load.NewClient(r.Target), tunnels: &tunnels{}}
	if err := l.openSQL(ctx, targets); err != nil {
		l.close()
		return nil, err
	}
	site := r.Site.Site.Drill
	reads, writes := r.rates()
	mix := load.Mix{Run: run, Reads: reads, Paths: map[record.Class][]string{
		record.Static: site.Static, record.Page: site.Pages, record.API: site.API,
	}}
	rows := record.Write
	if site.Orders {
		mix.Writes, rows = writes, record.SQL
	}
	streams, err := load.Streams(l.client, mix)
	if err != nil {
		l.close()
		return nil, err
	}
	l.registers = l.sql.Registers(r.rand.Uint64(), time.Now())
	for _, fresh := range []bool{true, false} {
		rate := sqlRate / 2.0
		if rows == record.Write {
			rate = writes / 2
		}
		streams = append(streams,
			load.Stream{Class: rows, Fresh: fresh, Rate: rate, Do: l.sql.InsertRow(run, fresh)},
			load.Stream{Class: record.Register, Fresh: fresh, Rate: sqlRate / 2.0, Do: l.registers.Operation(fresh)})
	}
	// The load goes on when the drill is interrupted: the site is healed under it.
	l.generator = load.Start(context.WithoutCancel(ctx), load.Config{Streams: streams, Seed: r.rand.Uint64()})
	return l, nil
}

func (l *running) openSQL(ctx context.Context, targets []string) error {
	ctx, cancel := context.WithTimeout(ctx, setupWithin)
	defer cancel()
	tier := l.Site.With(spec.App)
	slices.SortStableFunc(tier, func(a, b topology.Server) int {
		return rankOf(slices.Contains(targets, a.Name)) - rankOf(slices.Contains(targets, b.Name))
	})
	for _, s := range tier {
		h, err := l.Dial(ctx, s)
		if err != nil {
			return err
		}
		l.tunnels.open = append(l.tunnels.open, h)
	}
	var err error
	l.sql, err = ledger.Open(ledger.Access{
		Dial:     func(ctx context.Context) (net.Conn, error) { return l.tunnels.dial(ctx, l.SQL.Address) },
		TLS:      l.SQL.TLS(),
		Password: l.SQL.Password,
	})
	if err != nil {
		return err
	}
	if err := l.sql.Setup(ctx); err != nil {
		return fmt.Errorf("%w; see that scaleup apply has nothing to do", err)
	}
	return nil
}

func rankOf(last bool) int {
	if last {
		return 1
	}
	return 0
}

// stop ends the load; nothing is written after it.
func (l *running) stop(ctx context.Context) []record.Op {
	l.ops = l.generator.Stop()
	ctx, cancel := context.WithTimeout(ctx, setupWithin)
	defer cancel()
	// What cannot be read now is missing in the history, which then proves less.
	_ = l.registers.ReadAll(ctx)
	return l.ops
}

// close gives everything back. The drill's tables go with it.
func (l *running) close() {
	if l.sql != nil {
		ctx, cancel := context.WithTimeout(context.Background(), setupWithin)
		defer cancel()
		if err := l.sql.Teardown(ctx); err != nil {
			l.Show(Progress{Note: err.Error()})
		}
		l.sql.Close()
	}
	l.client.Close()
	l.tunnels.close()
}
