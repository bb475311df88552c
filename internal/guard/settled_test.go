package guard

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"
)

// TestSettledProbe: what a member shows while it stops is not recorded when the job that
// stopped it ends, also under an identifier that was not recorded yet. A guard that did
// formed a second group alone.
func TestSettledProbe(t *testing.T) {
	recorded := Record{Group: worldGroup, Epoch: 1, ViewID: "3:2", Members: []string{"db1", "db2"}, Role: Primary, Primary: "db1", EverMember: true}
	torn := MySQL{Reachable: true, Group: worldGroup, State: Online, Role: Primary, ViewID: "3:3", SuperReadOnly: true,
		Members: []Member{{Server: "db1", State: Online, Role: Primary}}}
	for _, c := range []struct {
		name   string
		probed time.Duration // after the job's end
		job    string
		want   string // view recorded
	}{
		{"a probe from the middle of the job", -time.Second, "", "3:2"},
		{"a job is under way", time.Second, "leave", "3:2"},
		{"a probe from after the job", time.Second, "", "3:3"},
	} {
		cfg := timedConfig
		cfg.Server = "db1"
		store := &store{dir: t.TempDir(), record: recorded}
		g := newGuard(cfg, store, promise{}, Turn{}, nil, nil, func(string) error { return errors.New("nobody listens") }, slog.New(slog.DiscardHandler))
		g.notBefore = time.Now().Add(-time.Minute)
		g.view.MySQL, g.probedAt, g.job = torn, g.notBefore.Add(c.probed), c.job
		var none sync.WaitGroup
		g.step(context.Background(), &none)
		if got := g.store.record.ViewID; got != c.want {
			t.Errorf("%s: recorded %s, want %s", c.name, got, c.want)
		}
	}
}
