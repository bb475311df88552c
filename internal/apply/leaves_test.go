package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/plan"
	"scaleup/internal/remote"
)

// The primary moves away from a server that the site file does not name any more, and
// that is not reached: the member that takes over is told. Done again, nothing happens.
func TestPrimaryLeaves(t *testing.T) {
	w := newWorld(t)
	g := newGroup(w)
	g.primary = "db9"
	for _, lb := range []string{"lb1", "lb2"} {
		w.hosts[lb].Intercept = func(q *remote.Request, _ *remote.Response) error {
			if q.Steer != nil && q.Steer.From != "db9" {
				t.Errorf("%s leads writes away from %s", lb, q.Steer.From)
			}
			q.Park, q.Steer = "", nil
			return nil
		}
	}
	step := plan.Step{Stage: 1, Server: "db2", Resource: plan.Primary, Action: plan.Move, From: "db9", To: plan.NotOn("db9")}
	for range 2 {
		if err := w.apply(step); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"db1 asked for db1"}, g.switched); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
