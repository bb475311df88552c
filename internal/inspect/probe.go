package inspect

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// probeTimeout is hundreds of times what a connection takes on one network: who says
// nothing until then is silent.
const probeTimeout = 400 * time.Millisecond

// probe tries all connections side by side. One that opens is closed at once.
func probe(ctx context.Context, probes []Probe) []Outcome {
	outcomes := make([]Outcome, len(probes))
	dialer := net.Dialer{Timeout: probeTimeout}
	var wait sync.WaitGroup
	for i, p := range probes {
		wait.Go(func() {
			conn, err := dialer.DialContext(ctx, "tcp", p.To.String())
			if err == nil {
				conn.Close()
			}
			outcomes[i] = Outcome{To: p.To, What: outcomeOf(err)}
		})
	}
	wait.Wait()
	return outcomes
}

func outcomeOf(err error) string {
	if err == nil {
		return "open"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "refused"
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return "silent"
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number.Error() // "no route to host"
	}
	return err.Error()
}
