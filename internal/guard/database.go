package guard

import (
	"context"
	"time"
)

// Database is the local mysqld, as far as the guard touches it. Each method is
// one step that the loop performs; none decides anything.
type Database interface {
	// Probe reads the state. An error means that MySQL did not answer in time or
	// refused; it is reported, never fatal.
	Probe(ctx context.Context) (MySQL, error)
	// Start joins the group. It returns when the member has entered the group, which may
	// still be catching up.
	Start(ctx context.Context) error
	// Form forms the group, if MySQL is still as it should be once nothing but START is left
	// to do: a mysqld that is started again after that only joins.
	Form(ctx context.Context, still func(ctx context.Context) error) error
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
	// SetPrimary hands the primary over to the member with this server_uuid. After the
	// grace, in whole seconds, transactions that are not committed are cut off.
	SetPrimary(ctx context.Context, uuid string, grace time.Duration) error
	// Beat writes the server's row of the pulse and returns when it is committed in
	// the group. There is one beat at a time.
	Beat(ctx context.Context, server string) error
	// BeatState is what the beat under way waits for, in MySQL's words.
	BeatState(ctx context.Context) (string, error)
	// Kill ends mysqld with SIGKILL. It needs neither MySQL nor a disk.
	Kill() error
	// SetAside copies all data to a new folder, and returns that. It refuses where the
	// copy could take more than half of what is free.
	SetAside(ctx context.Context, name string) (path string, err error)
	Close() error
}
