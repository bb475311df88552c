package remote

import (
	"context"
	"fmt"

	"scaleup/internal/resource"
)

// reboot restarts the server. systemd does so a moment later, for the answer has to
// get out first.
func (s *Server) reboot(ctx context.Context, q Request, _ *Response) error {
	if !q.Reboot {
		return nil
	}
	_, err := s.System.Run(ctx, resource.Command{Argv: []string{
		"systemd-run", "--quiet", "--collect", "--on-active=200ms", "--timer-property=AccuracySec=10ms", "systemctl", "reboot",
	}})
	if err != nil {
		return fmt.Errorf("order the reboot: %w", err)
	}
	return nil
}
