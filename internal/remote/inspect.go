package remote

import (
	"context"

	"scaleup/internal/inspect"
)

// inspect answers with what the server shows of itself. What cannot be read is told in
// the answer.
func (s *Server) inspect(ctx context.Context, q Request, p *Response) error {
	if q.Inspect == nil {
		return nil
	}
	r := inspect.Read(ctx, s.System, *q.Inspect)
	p.Inspection = &r
	return nil
}
