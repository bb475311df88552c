package remote

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"scaleup/internal/resource"
)

// holdRules drop every SYN to the addresses of a set, unanswered, and no other
// packet. Each address leaves the set by itself. The chain stands before the site's
// own rules, whose table stays as it is.
const holdRules = `table inet scaleup_handover
delete table inet scaleup_handover
table inet scaleup_handover {
	set held {
		type ipv4_addr
		flags timeout
		elements = { %s }
	}
	chain input {
		type filter hook input priority filter - 10; policy accept;
		ip daddr @held tcp flags & (syn | ack) == syn drop
	}
}
`

// holdOff holds new connections to these addresses off, and to no others, in one
// transaction.
func (h handover) holdOff(ctx context.Context, addresses ...netip.Addr) error {
	elements := make([]string, len(addresses))
	for i, a := range addresses {
		elements[i] = fmt.Sprintf("%s timeout %ds", a, int(holdTime.Seconds()))
	}
	if err := h.nft(ctx, fmt.Sprintf(holdRules, strings.Join(elements, ", "))); err != nil {
		return fmt.Errorf("hold new connections off: %w", err)
	}
	return nil
}

func (h handover) letIn(ctx context.Context) error {
	if err := h.nft(ctx, "table inet scaleup_handover\ndelete table inet scaleup_handover\n"); err != nil {
		return fmt.Errorf("let new connections in again: %w", err)
	}
	return nil
}

func (h handover) nft(ctx context.Context, rules string) error {
	_, err := h.sys.Run(ctx, resource.Command{Argv: []string{"nft", "-f", "-"}, Stdin: strings.NewReader(rules)})
	return err
}
