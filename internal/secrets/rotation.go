package secrets

import (
	"errors"
	"time"

	"scaleup/internal/component"
)

// Rotation is the replacement of MySQL's passwords. While there is one, every
// account takes both passwords; Use says which of them programs sign in with.
type Rotation struct {
	Begun time.Time           `json:"begun"`
	Use   bool                `json:"use"` // programs sign in with New; before that with Old
	Old   component.Passwords `json:"old"`
	New   component.Passwords `json:"new"`
}

// Rotation returns the rotation that was begun and has not ended, nil when there is
// none.
func (s *Store) Rotation() (*Rotation, error) {
	p, err := s.passwords()
	return p.Rotation, err
}

// BeginRotation makes new passwords. They are on disk when it returns, so that a run
// that dies after it goes on with the same ones. Programs keep the old ones for now.
func (s *Store) BeginRotation(now time.Time) error {
	p, err := s.passwords()
	if err != nil {
		return err
	}
	if p.Rotation != nil {
		return errors.New("begin a rotation of passwords: the last one has not ended")
	}
	p.Rotation = &Rotation{
		Begun: now.UTC().Truncate(time.Second),
		Old:   component.Passwords{App: p.MySQLApp, Replication: p.MySQLReplication, Drill: p.MySQLDrill},
		New:   component.Passwords{App: password(), Replication: password(), Drill: password()},
	}
	return s.writeRotation(p)
}

// UseRotated gives programs the new passwords, which every account must take by then.
func (s *Store) UseRotated() error {
	p, err := s.passwords()
	if err != nil {
		return err
	}
	if p.Rotation == nil {
		return errors.New("use new passwords: no rotation was begun")
	}
	used := *p.Rotation
	used.Use = true
	p.Rotation = &used
	p.MySQLApp, p.MySQLReplication, p.MySQLDrill = used.New.App, used.New.Replication, used.New.Drill
	return s.writeRotation(p)
}

// EndRotation forgets the old passwords, which no program may use any more.
func (s *Store) EndRotation() error {
	p, err := s.passwords()
	if err != nil {
		return err
	}
	if p.Rotation == nil || !p.Rotation.Use {
		return errors.New("end a rotation of passwords: the new ones are not in use")
	}
	p.Rotation = nil
	return s.writeRotation(p)
}

// writeRotation makes it last over a power cut: servers act on it at once.
func (s *Store) writeRotation(p passwords) error {
	if err := s.writePasswords(p); err != nil {
		return err
	}
	return s.sync()
}
