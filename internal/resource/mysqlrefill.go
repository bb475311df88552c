package resource

import "context"

// RefillPath is where a Refill lies on a database server, as JSON.
const RefillPath = "/etc/scaleup/mysql-refill.json"

// Refill brings a database server back whose data directory has become empty, as after
// its disk was replaced, without a person: an empty database that the guard may sign in
// to, so that it has the data cloned from the group. It is for a server whose guard was
// in the group before; the first initialisation is a plan's.
type Refill struct {
	Data     MySQLData     `json:"data"`
	Accounts MySQLAccounts `json:"accounts"` // the guard's; everything else comes with the clone
}

// refilled says that the data was made anew and lacks its accounts. It lies outside the
// data, whose initialisation empties the directory when it was cut off.
const refilled = "/var/lib/scaleup/mysql-data-is-refilled"

// BeforeStart initialises the data directory if it is empty and its member was in the
// group. It touches no other.
func (r Refill) BeforeStart(ctx context.Context, sys System) (made bool, err error) {
	member, err := there(sys, guardRecord)
	if err != nil || !member {
		return false, err
	}
	state, err := r.Data.Observe(ctx, sys)
	if err != nil || state != Absent && state != halfInitialised {
		return false, err
	}
	for _, s := range []Spec{
		&File{Path: refilled, Mode: 0o600, Content: []byte("MySQL's data was lost and made anew; its guard has the rest cloned.\n")},
		// A new file system belongs to root.
		&Directory{Path: r.Data.Path, Mode: 0o750, Owner: r.Data.User, Group: r.Data.User},
		&r.Data,
	} {
		if err := s.Apply(ctx, sys); err != nil {
			return false, err
		}
	}
	return true, nil
}

// AfterStart writes the guard's account into data that BeforeStart has made.
func (r Refill) AfterStart(ctx context.Context, sys System) error {
	fresh, err := there(sys, refilled)
	if err != nil || !fresh {
		return err
	}
	if err := r.Accounts.Apply(ctx, sys); err != nil {
		return err
	}
	return (&AbsentPath{Path: refilled}).Apply(ctx, sys)
}
