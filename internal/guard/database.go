package guard

import "context"

// Database is the local mysqld, as far as the guard touches it. Each method is
// one step that the loop performs; none decides anything.
type Database interface {
	// Probe reads the state. An error means that MySQL did not answer in time or
	// refused; it is reported, never fatal.
	Probe(ctx context.Context) (MySQL, error)
	// Start joins the group, or forms it when bootstrap is set. It returns when
	// the member has entered the group, which may still be catching up.
	Start(ctx context.Context, bootstrap bool) error
	// Stop leaves the group. It is not an error when there is nothing to leave.
	Stop(ctx context.Context) error
	// EndBootstrap switches group_replication_bootstrap_group off. MySQL refuses
	// while a START is under way.
	EndBootstrap(ctx context.Context) error
	// Fence makes a mysqld outside the group refuse writes.
	Fence(ctx context.Context) error
	// Clone replaces all data by the donor's. mysqld restarts at its end, so a lost
	// connection is its ordinary ending.
	Clone(ctx context.Context, donor string) error
	// ApplyBacklog applies transactions that the group's channel has received,
	// outside the group. It returns ErrBacklogRefused when MySQL will not.
	ApplyBacklog(ctx context.Context, received string) error
	// SetPrimary hands the primary over to the member with this server_uuid.
	SetPrimary(ctx context.Context, uuid string) error
	Close() error
}
