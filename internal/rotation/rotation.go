// Package rotation is what a replacement of MySQL's passwords needs besides ordinary
// applies: members that sign in to one another anew, and the proof that MySQL takes
// one password and refuses another. The order of it all is the command's.
package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"scaleup/internal/component"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/switchover"
	"scaleup/internal/topology"
)

// CA is where database servers keep the certificate of the site's authority. A test
// compares it with what is rendered.
const CA = "/etc/mysql/tls/ca.pem"

// Logins are the accounts whose passwords are replaced.
func Logins(p component.Passwords) []remote.Login {
	return []remote.Login{{User: "app", Password: p.App}, {User: "replication", Password: p.Replication}, {User: "drill", Password: p.Drill}}
}

// Check signs in with every password on every member, and fails unless each is taken
// (or each is refused). Errors name accounts, never a password.
func Check(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, p component.Passwords, taken bool) error {
	var wrong []error
	for _, s := range t.With(spec.Database) {
		list := Logins(p)
		answer, err := hosts[s.Name].Call(ctx, remote.Request{SignIn: &remote.SignIn{
			Address: netip.AddrPortFrom(s.Address, topology.PortMySQL).String(), CA: CA, Logins: list,
		}})
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.Name, err))
			continue
		}
		for i, l := range list {
			switch in := i < len(answer.SignedIn) && answer.SignedIn[i]; {
			case taken && !in:
				wrong = append(wrong, fmt.Errorf("%s refuses the new password of %s", s.Name, l.User))
			case !taken && in:
				wrong = append(wrong, fmt.Errorf("%s still takes the former password of %s", s.Name, l.User))
			}
		}
	}
	return errors.Join(wrong...)
}

const (
	// rejoinLimit is how long one member may take until all are ONLINE again: it
	// catches up with seconds of writes.
	rejoinLimit = 2 * time.Minute
	rejoinTick  = 100 * time.Millisecond
)

// Rejoin has the members leave the group and join it again, one at a time, the primary
// last and after it was moved. Members keep the password they joined with in memory,
// and sign in with it whenever a connection between them breaks: until then the former
// password must stay good. A single member signs in to nobody.
func Rejoin(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, note func(server, message string)) error {
	members, err := switchover.Ask(ctx, t, hosts)
	if err != nil {
		return err
	}
	order := Order(t, members)
	if len(order) < 2 {
		return nil
	}
	for _, s := range order {
		if err := moveAway(ctx, t, hosts, s.Name, note); err != nil {
			return err
		}
		note(s.Name, "leaves the group and joins it again with the new password")
		if err := rejoin(ctx, t, hosts, s); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

// Order is that of Rejoin: the primary's server last.
func Order(t *topology.Topology, members switchover.Members) []topology.Server {
	primary := func(s topology.Server) int {
		if members[s.Name].Role == "PRIMARY" {
			return 1
		}
		return 0
	}
	tier := t.With(spec.Database)
	slices.SortStableFunc(tier, func(a, b topology.Server) int { return primary(a) - primary(b) })
	return tier
}

// moveAway hands the primary over if the server has it now.
func moveAway(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, server string, note func(server, message string)) error {
	members, err := switchover.Ask(ctx, t, hosts)
	if err != nil {
		return err
	}
	if members[server].Role != "PRIMARY" {
		return nil
	}
	move, err := switchover.Choose(t.Names(spec.Database), members, "")
	if err != nil {
		return err
	}
	note(server, "hands the primary over to "+move.To)
	return switchover.Run(ctx, t, hosts, *move)
}

func rejoin(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, s topology.Server) error {
	ctx, cancel := context.WithTimeoutCause(ctx, rejoinLimit, fmt.Errorf("not all members are ONLINE %s after it left the group", rejoinLimit))
	defer cancel()
	before, err := ask(ctx, hosts, s)
	if err != nil {
		return err
	}
	if _, err := hosts[s.Name].Call(ctx, remote.Request{Rejoin: true}); err != nil {
		return err
	}
	ticker := time.NewTicker(rejoinTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		back, err := back(ctx, t, hosts, s, before.View)
		if err != nil || back {
			return err
		}
	}
}

// standing is what a guard says of its member.
type standing struct {
	State string `json:"state"`
	View  string `json:"view"`
}

func ask(ctx context.Context, hosts map[string]host.Host, s topology.Server) (standing, error) {
	var now standing
	p, err := hosts[s.Name].Call(ctx, remote.Request{Member: survey.StatusURL(s)})
	if err != nil || len(p.Member) == 0 {
		return now, err
	}
	if err := json.Unmarshal(p.Member, &now); err != nil {
		return now, fmt.Errorf("read the guard's status: %w", err)
	}
	return now, nil
}

// back reports whether the member is in the group again and all others are, too. In
// its former view it is so only in the memory of a guard that has not looked since.
func back(ctx context.Context, t *topology.Topology, hosts map[string]host.Host, rejoined topology.Server, former string) (bool, error) {
	for _, s := range t.With(spec.Database) {
		now, err := ask(ctx, hosts, s)
		if err != nil {
			return false, err
		}
		if now.State != "ONLINE" || s.Name == rejoined.Name && now.View == former {
			return false, nil
		}
	}
	return true, nil
}
