// Package guard is the daemon on each database server that owns the server's
// membership of the site's Group Replication group. It forms the group for the
// first time, joins, clones where transactions were purged, forms the group
// again after all members were stopped, and answers the load balancers' role
// checks from memory.
//
// It initialises no data directory and creates no account; apply has done both
// before the guard starts. It proxies nothing: a guard that is down moves no
// primary. Stopping it leaves Group Replication as it is.
//
// Three parts keep apart: probes fill a View, Decide turns a View into one
// Action (purely), and the loop performs one action at a time. What has to
// survive a crash is the Record, fsynced before anyone relies on it.
//
// # Why forming the group again is safe
//
// Every guard records each view its member is part of. Whoever dropped out of
// the group still lists those who stayed; so if every member of the newest view
// that anyone knows answers, nobody can know a newer one, and every acknowledged
// transaction is among them. The group is formed from the member that has all of
// them, after each of the others has promised (fsynced) to let no one else use
// the epoch. The promise is unanimous, and a member never promises while its own
// MySQL is in a group or on its way into one; so two groups cannot form.
// Who is about to join has told every member's guard before (announce.go), and counts
// there as a voter until a view lists it.
//
// Where a voter is lost for good, only the operator can give its word up (Outage and
// Recovered). The group that is formed then has another name and its guards say which
// one it replaced, so that a lost voter that comes back does not form the old one.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"scaleup/internal/sdnotify"
)

// Run guards the server until ctx ends. It returns an error when it cannot start
// (ports taken, unreadable certificates or record); once it runs, a MySQL that is
// down is a state to report and not an error. It leaves the group as it is when
// it stops.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("guard configuration: %w", err)
	}
	password, err := cfg.replicationPassword()
	if err != nil {
		return err
	}
	store, err := openStore(cfg.StateDir, cfg.GroupName)
	if err != nil {
		return err
	}
	if err := store.adopt(cfg, time.Now()); err != nil {
		return err
	}
	promised, err := store.recallPromise(time.Now())
	if err != nil {
		return fmt.Errorf("read whom the guard has promised to: %w", err)
	}
	turn, err := store.recallTurn()
	if err != nil {
		return fmt.Errorf("read who was taken out of use: %w", err)
	}
	credentials, err := loadCredentials(cfg)
	if err != nil {
		return err
	}
	db, err := openMySQL(cfg, password)
	if err != nil {
		return err
	}
	defer db.Close()

	g := newGuard(cfg, store, promised, turn, db, newPeers(cfg, credentials), sdnotify.Notify, log)
	servers, err := listen(cfg, g, credentials)
	if err != nil {
		return err
	}
	defer servers.close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	servers.serve(func(err error) { cancel(fmt.Errorf("serve: %w", err)) })
	g.run(ctx)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}
