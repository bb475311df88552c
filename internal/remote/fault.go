package remote

import (
	"context"
	"fmt"
	"os"

	"scaleup/internal/fault"
)

// fault breaks or mends something here, for a drill. The unit that holds a fault
// runs this same program.
func (s *Server) fault(ctx context.Context, q Request, p *Response) error {
	if q.Fault == nil {
		return nil
	}
	binary, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find scaleup on this server: %w", err)
	}
	report, err := fault.Answer(ctx, s.System, binary, *q.Fault)
	p.Fault = &report
	return err
}
