package remote

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// rejoinLimit is how long a member may take to leave its group, beyond the guard's own
// limit: its transactions under way end first.
const rejoinLimit = 90 * time.Second

// rejoin has this server's member leave its group and join it again, whereby it signs
// in to the others anew. It returns when the member has left; the guard brings it back.
func (s *Server) rejoin(ctx context.Context, q Request, _ *Response) error {
	if !q.Rejoin {
		return nil
	}
	tell := func(ctx context.Context, order string) error {
		ctx, cancel := context.WithTimeout(ctx, rejoinLimit)
		defer cancel()
		if err := tellGuard(ctx, s.guardSocket(), order, nil); err != nil {
			return fmt.Errorf("tell the guard to %s the group: %w", order, err)
		}
		return nil
	}
	left := tell(ctx, "leave")
	// In any case: a member that was told to leave stays out until it is told to join.
	return errors.Join(left, tell(context.WithoutCancel(ctx), "join"))
}
