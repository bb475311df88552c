package guard

import (
	"context"
	"sync"
)

// takeLeave leaves the group for planned work, and stays out until mysqld restarts or
// somebody asks to join. A primary hands over first: writes pause for hundredths of a
// second, where they would stand still until the group has chosen another.
func (g *guard) takeLeave(ctx context.Context, q request, helpers *sync.WaitGroup) {
	g.view.Held = true
	next := successor(g.view.MySQL, g.policy.Server)
	work := func(ctx context.Context) error {
		if next != "" {
			g.switching.Store(true)
			defer g.switching.Store(false)
			g.wake("")
			// Whatever comes of it, the group chooses another when this one leaves.
			if err := g.db.SetPrimary(ctx, next, switchGrace); err != nil {
				g.log.Warn("leaves as the primary", "error", err)
			}
		}
		return g.db.Stop(ctx)
	}
	g.startJob(ctx, "leave", "", helpers, work, q.answer)
}

// successor is the server_uuid of the member that a primary hands over to when it
// leaves; "" when it is not the primary, or nobody is there.
func successor(my MySQL, server string) string {
	if my.Role != Primary || my.State != Online || !my.majority() {
		return ""
	}
	var others []Member
	for _, m := range my.Members {
		if m.Server != server && m.State == Online && m.Queue <= maxSwitchQueue {
			others = append(others, m)
		}
	}
	if len(others) == 0 {
		return ""
	}
	sortByQueue(others)
	return others[0].UUID
}
