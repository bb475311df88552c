package topology

import (
	"testing"

	"scaleup/internal/spec"
)

func TestSpare(t *testing.T) {
	for _, c := range []struct {
		role          spec.Role
		working, want int
	}{
		{spec.Web, 0, 0}, {spec.Web, 1, 0}, {spec.App, 2, 1}, {spec.LoadBalancer, 4, 3},
		{spec.Database, 0, 0}, {spec.Database, 1, 0}, {spec.Database, 2, 0}, {spec.Database, 3, 1}, {spec.Database, 4, 1}, {spec.Database, 5, 2},
	} {
		if got := Spare(c.role, c.working); got != c.want {
			t.Errorf("Spare(%s, %d) = %d, want %d", c.role, c.working, got, c.want)
		}
	}
}
