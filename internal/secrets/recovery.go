package secrets

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"scaleup/internal/component"
)

// Recovery is how the site's database group came to replace one that was given up.
// It is kept for good: servers that were lost then may come back years later.
type Recovery struct {
	Recovered component.Recovered `json:"recovered"`
	Begun     time.Time           `json:"begun"`
	Done      bool                `json:"done"` // the group that replaces the lost one was formed
}

// Recovery returns the last recovery, nil when there was none.
func (s *Store) Recovery() (*Recovery, error) {
	p, err := s.passwords()
	return p.Recovery, err
}

// BeginRecovery gives the database group a new name in place of the one it has,
// which must be the last that r replaces. Name and recovery are on disk together
// when it returns: a run that dies after it goes on under the same name.
func (s *Store) BeginRecovery(r component.Recovered, now time.Time) error {
	p, err := s.passwords()
	if err != nil {
		return err
	}
	if len(r.Replaces) == 0 || r.Replaces[len(r.Replaces)-1] != p.GroupName {
		return fmt.Errorf("begin a recovery: the group is %s now, which is not what was to be replaced: %v", p.GroupName, r.Replaces)
	}
	p.GroupName = uuid()
	p.Recovery = &Recovery{Recovered: r, Begun: now.UTC().Truncate(time.Second)}
	if err := s.writePasswords(p); err != nil {
		return err
	}
	// The name must not go back after a power cut, when servers have it already.
	return s.sync()
}

// FinishRecovery notes that the group was formed.
func (s *Store) FinishRecovery() error {
	p, err := s.passwords()
	if err != nil || p.Recovery == nil || p.Recovery.Done {
		return err
	}
	done := *p.Recovery
	done.Done = true
	p.Recovery = &done
	return s.writePasswords(p)
}

// sync makes the names of the store's files durable.
func (s *Store) sync() error {
	d, err := os.Open(s.dir)
	if err != nil {
		return fmt.Errorf("sync the state folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync the state folder: %w", err)
	}
	return nil
}

// Unfinished reports whether a recovery was begun with these servers' word and the
// group was not seen formed.
func (r *Recovery) Unfinished() bool { return r != nil && !r.Done }

// Needs lists those of the servers whose word the first forming needs that are not
// among the given ones.
func (r *Recovery) Needs(servers []string) (missing []string) {
	for _, name := range r.Recovered.Voters {
		if !slices.Contains(servers, name) {
			missing = append(missing, name)
		}
	}
	return missing
}
