package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/component"
	"scaleup/internal/host"
	"scaleup/internal/journal"
	"scaleup/internal/rotation"
	"scaleup/internal/secrets"
)

const dbRotateLong = `rotate-passwords replaces the generated passwords of MySQL's accounts (application,
replication, drills) while the site serves:

  1. new passwords are made and kept beside the old ones
  2. every account takes both
  3. applications, guards and scaleup use the new ones: an ordinary apply, slot by
     slot and member by member
  4. members leave and join the group one at a time, the primary last and after it
     was moved, for they keep the password they joined with
  5. every member is asked whether it takes the new passwords
  6. the old ones are discarded, and every member is asked whether it refuses them

It is refused while the site is not healthy or differs from its file. A run that was
cut off goes on when it is run again; until then both passwords are good, and apply
leaves it at that.`

func dbRotateCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "rotate-passwords", Short: "Replace MySQL's passwords without an outage", Long: dbRotateLong, Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.load()
			if err != nil {
				return err
			}
			return op.rotatePasswords(cmd.Context())
		},
	}
}

func (op *operation) rotatePasswords(ctx context.Context) error {
	if err := op.databaseRuns(ctx); err != nil {
		return err
	}
	unlock, err := op.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	store, err := secrets.Open(op.stateDir)
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := op.rotationToDo(ctx, store)
	if err != nil {
		return err
	}
	log, err := op.openJournal("db rotate-passwords")
	if err != nil {
		return err
	}
	defer log.Close()
	if err := op.rotate(ctx, store, *r, log); err != nil {
		if hintOf(err) == "" {
			err = hinted{err, "the old passwords are good until the end; run scaleup db rotate-passwords again, it goes on where it stopped"}
		}
		return err
	}
	took := time.Since(began)
	if op.json {
		return writeJSON(op.out, map[string]any{"schema": 1, "rotated": []string{"app", "replication", "drill"}, "begun": r.Begun, "seconds": took.Seconds()})
	}
	fmt.Fprintf(op.out, "The passwords of app, replication and drill are new, and the old ones are refused (%s).\n", took.Round(100*time.Millisecond))
	return nil
}

// rotationToDo is the rotation that was cut off, or a new one.
func (op *operation) rotationToDo(ctx context.Context, store *secrets.Store) (*secrets.Rotation, error) {
	report, err := op.status(ctx)
	if err != nil {
		return nil, err
	}
	if !report.Healthy {
		return nil, hinted{errors.New("the site is not healthy, and passwords are replaced only while it is: " + report.Verdict), "scaleup status shows it in full; scaleup apply brings it to what its file says"}
	}
	r, err := store.Rotation()
	if err != nil || r != nil {
		return r, err
	}
	s, done, err := op.survey(ctx, nil)
	if err != nil {
		return nil, err
	}
	done()
	if !s.plan.Empty() {
		return nil, hinted{errors.New("the site differs from its file, and that would be changed along with the passwords"), "scaleup plan shows it; scaleup apply does it"}
	}
	if err := store.BeginRotation(time.Now()); err != nil {
		return nil, err
	}
	return store.Rotation()
}

// rotate goes through the steps. Each may be repeated: an interrupted run begins
// again with the first that is not known to be done.
func (op *operation) rotate(ctx context.Context, store *secrets.Store, r secrets.Rotation, log *journal.Log) error {
	note := func(server, message string) {
		log.Add(journal.Event{Event: journal.Note, Server: server, Message: message})
	}
	if !r.Use {
		note("", "every account takes the old and the new passwords")
		if err := op.applyAgain(ctx, log); err != nil {
			return err
		}
		// Before any program is given a password that might be refused.
		if err := op.checkPasswords(ctx, r.New, true); err != nil {
			return err
		}
		if err := store.UseRotated(); err != nil {
			return err
		}
	}
	note("", "programs change over to the new passwords")
	if err := op.applyAgain(ctx, log); err != nil {
		return err
	}
	if err := op.withServers(ctx, func(hosts map[string]host.Host) error { return rotation.Rejoin(ctx, op.topology, hosts, note) }); err != nil {
		return err
	}
	if _, err := op.awaitHealthy(ctx); err != nil {
		return err
	}
	if err := op.checkPasswords(ctx, r.New, true); err != nil {
		return err
	}
	note("", "the old passwords are discarded")
	if err := store.EndRotation(); err != nil {
		return err
	}
	err := op.applyAgain(ctx, log)
	if err == nil {
		err = op.checkPasswords(ctx, r.Old, false)
	}
	if err != nil {
		return hinted{err, "the new passwords are in use; scaleup apply discards the old ones where they are still good"}
	}
	return nil
}

// applyAgain is an ordinary apply with the secrets as they are now.
func (op *operation) applyAgain(ctx context.Context, log *journal.Log) error {
	s, done, err := op.survey(ctx, nil)
	if err != nil {
		return err
	}
	defer done()
	return op.carryOut(ctx, s, log)
}

func (op *operation) checkPasswords(ctx context.Context, p component.Passwords, taken bool) error {
	return op.withServers(ctx, func(hosts map[string]host.Host) error { return rotation.Check(ctx, op.topology, hosts, p, taken) })
}

func (op *operation) withServers(ctx context.Context, do func(map[string]host.Host) error) error {
	hosts, done, err := op.connect(ctx)
	if err != nil {
		return err
	}
	defer done()
	return do(hosts)
}
