package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A server that joins counts as a member before any guard has recorded the view that
// lists it. Who then stops and reaches nobody would know the view before, and might form
// the group with the word of those alone, while those who came in since go on. So a
// server joins only after the guard of every member has written down that it is about to,
// and counts as a voter there until a view lists it.

// announceTimeout bounds an announcement: an fsync on every member.
const announceTimeout = 3 * time.Second

// announce has the guards of all members write down that this server is about to join.
func (g *guard) announce(ctx context.Context, members []string) error {
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	refusals := make(chan error, len(members))
	for _, name := range members {
		go func() {
			err := g.peers.Announce(ctx, name)
			if err != nil {
				err = fmt.Errorf("%s has not written down that %s joins: %w", name, g.policy.Server, err)
			}
			refusals <- err
		}()
	}
	var errs []error
	for range members {
		errs = append(errs, <-refusals)
	}
	return errors.Join(errs...)
}

// note writes down that another server is about to join.
func (g *guard) note(server string) error {
	if !slices.Contains(g.policy.Voters, server) {
		return fmt.Errorf("%q is not a voter of this site", server)
	}
	if next := announced(g.store.record, server); !sameRecord(next, g.store.record) {
		return g.save(next)
	}
	return nil
}

// announced is the record with a server that is about to join.
func announced(r Record, server string) Record {
	if !slices.Contains(r.Joining, server) {
		r.Joining = append(slices.Clone(r.Joining), server)
		slices.Sort(r.Joining)
	}
	return r
}

// arrived is the record without those that a view lists.
func arrived(r Record, my MySQL) Record {
	if slices.ContainsFunc(r.Joining, my.lists) {
		r.Joining = slices.DeleteFunc(slices.Clone(r.Joining), my.lists)
	}
	return r
}
