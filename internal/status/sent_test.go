package status

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/topology"
)

// behind is a server that scaleup has to be sent to: so often its first call has no
// time left for an answer.
type behind struct {
	host.Host
	calls *atomic.Int32
	sends int32
}

func (b behind) Call(ctx context.Context, _ remote.Request) (remote.Response, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return remote.Response{}, fmt.Errorf("asked without a deadline")
	}
	if b.calls.Add(1) <= b.sends {
		return remote.Response{}, fmt.Errorf("web1: %w", host.ErrSent)
	}
	return remote.Response{}, nil
}

func (b behind) Close() error { return nil }

func TestAskedAgainAfterSending(t *testing.T) {
	site, err := topology.Build(componenttest.Site(1, 1, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	for sends, answered := range map[int32]bool{0: true, 1: true, 2: false} {
		calls := map[string]*atomic.Int32{}
		for _, s := range site.Servers {
			calls[s.Name] = &atomic.Int32{}
		}
		connect := func(_ context.Context, s topology.Server) (host.Host, bool, error) {
			return behind{calls: calls[s.Name], sends: sends}, false, nil
		}
		for name, a := range Ask(t.Context(), site, connect, nil) {
			if (a.Err == nil) != answered {
				t.Errorf("%s, sent %d times: %v", name, sends, a.Err)
			}
			if got, most := calls[name].Load(), min(sends+1, 2); got != most {
				t.Errorf("%s, sent %d times: asked %d times, want %d", name, sends, got, most)
			}
		}
	}
}
