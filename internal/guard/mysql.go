package guard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// ErrBacklogRefused says that this MySQL does not start the group's applier
// channel outside the group.
var ErrBacklogRefused = errors.New("MySQL does not apply the group's backlog outside the group")

// Bounds of what is asked of MySQL.
const (
	startTimeout   = 90 * time.Second       // Group Replication itself gives up a join after about a minute
	stopTimeout    = 60 * time.Second       // beyond group_replication_components_stop_timeout
	settingTimeout = 2 * time.Second        // one SET GLOBAL
	cleanupTimeout = 300 * time.Millisecond // what a stopping guard still tidies up
	backlogWait    = 10 * time.Second       // one go at the backlog; repeated while it shrinks
	switchGrace    = 5 * time.Second        // until uncommitted transactions are cut off at a switch
	switchTimeout  = 30 * time.Second
	cloneTimeout   = 12 * time.Hour
)

// MySQL's error numbers that mean something here.
const (
	errNoSuchTable   = 1146
	errStarting      = 3663 // START or STOP GROUP_REPLICATION is under way in another session
	errNotSupervised = 3707 // RESTART: mysqld has no supervisor; after a clone it has shut down instead
)

// applierThread is the thread that applies what the group's channel received.
const applierThread = " REPLICA SQL_THREAD FOR CHANNEL 'group_replication_applier'"

// localMySQL talks to mysqld over its unix socket, as the account that auth_socket
// lets in. Probes have a connection of their own, so that a statement that hangs
// never delays them.
type localMySQL struct {
	cfg      Config
	password string // of the replication account
	probes   *sql.DB
	work     *sql.DB
	pulse    *sql.DB
	looks    *sql.DB       // at what a beat waits for
	beatID   atomic.Uint64 // of the connection of the beat under way
}

func openMySQL(cfg Config, password string) (*localMySQL, error) {
	my := mysql.NewConfig()
	my.Net, my.Addr, my.User = "unix", cfg.Socket, cfg.MySQLUser
	// Group Replication's statements cannot be prepared; the driver quotes the
	// arguments. The account has no password, so nothing secret is in the DSN.
	my.InterpolateParams = true
	my.Logger = &mysql.NopLogger{}
	my.Timeout = time.Second
	connector, err := mysql.NewConnector(my)
	if err != nil {
		return nil, fmt.Errorf("configure MySQL connection: %w", err)
	}
	d := &localMySQL{cfg: cfg, password: password, probes: sql.OpenDB(connector), work: sql.OpenDB(connector)}
	d.probes.SetMaxOpenConns(1)
	d.work.SetMaxOpenConns(2) // one working, one to tidy up after it
	d.work.SetMaxIdleConns(1)
	if d.pulse, d.looks, err = openPulse(my); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *localMySQL) Close() error {
	return errors.Join(d.probes.Close(), d.work.Close(), d.pulse.Close(), d.looks.Close())
}

func (d *localMySQL) Start(ctx context.Context) error { return d.start(ctx, nil) }

func (d *localMySQL) Form(ctx context.Context, still func(ctx context.Context) error) error {
	return d.start(ctx, still)
}

// start joins the group where still is nil.
func (d *localMySQL) start(ctx context.Context, still func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	// An earlier exit may have left it on; the member would be ONLINE and turn
	// everybody away.
	if _, err := d.work.ExecContext(ctx, "SET GLOBAL offline_mode = OFF"); err != nil {
		return fmt.Errorf("end offline mode: %w", err)
	}
	// A guard that was killed while it applied a backlog left the thread running,
	// and START would refuse. A channel that does not exist yet is no obstacle.
	if _, err := d.work.ExecContext(ctx, "STOP"+applierThread); err != nil {
		slog.Debug("applier thread not stopped", "error", err)
	}
	if still != nil {
		if _, err := d.work.ExecContext(ctx, "SET GLOBAL group_replication_bootstrap_group = ON"); err != nil {
			return fmt.Errorf("prepare forming the group: %w", err)
		}
		defer d.endBootstrapAnyway(ctx)
		// The variable does not outlive the mysqld that was looked at.
		if err := still(ctx); err != nil {
			return err
		}
	}
	if own, err := netip.ParseAddr(d.cfg.addressOf(d.cfg.Server)); err != nil {
		return fmt.Errorf("address of this server: %w", err)
	} else if spelling := incarnation(own, d.cfg.MySQLPort, time.Now()); spelling != "" {
		if _, err := d.work.ExecContext(ctx, "SET GLOBAL group_replication_local_address = ?", spelling); err != nil {
			return fmt.Errorf("set the address for the group: %w", err)
		}
	}
	// The credentials go with the statement and stay in memory: nothing secret is
	// stored in the server's tables.
	_, err := d.work.ExecContext(ctx, "START GROUP_REPLICATION USER = ?, PASSWORD = ?", d.cfg.ReplicationUser, d.password)
	if number, ok := errors.AsType[*mysql.MySQLError](err); ok && number.Number == errStarting {
		return nil // the guard before this one has asked for it: it is under way
	}
	if err != nil {
		return fmt.Errorf("start Group Replication: %w", d.redacted(err))
	}
	return nil
}

// endBootstrapAnyway runs also when ctx has ended. Where it fails, the variable
// is seen by the next probe and Decide asks for EndBootstrap.
func (d *localMySQL) endBootstrapAnyway(ctx context.Context) {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if err := d.EndBootstrap(ctx); err != nil {
		slog.Debug("bootstrap variable stays on for now", "error", err)
	}
}

// afterwards is the time for tidying up after a statement, also when it was cut
// off; a guard that is stopping gets little of it.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := settingTimeout
	if ctx.Err() != nil {
		timeout = cleanupTimeout
	}
	return context.WithTimeout(context.WithoutCancel(ctx), timeout)
}

func (d *localMySQL) EndBootstrap(ctx context.Context) error {
	return d.set(ctx, "SET GLOBAL group_replication_bootstrap_group = OFF")
}

func (d *localMySQL) Fence(ctx context.Context) error {
	return d.set(ctx, "SET GLOBAL super_read_only = ON")
}

func (d *localMySQL) set(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, settingTimeout)
	defer cancel()
	if _, err := d.work.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

func (d *localMySQL) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if _, err := d.work.ExecContext(ctx, "STOP GROUP_REPLICATION"); err != nil {
		return fmt.Errorf("stop Group Replication: %w", err)
	}
	return nil
}

func (d *localMySQL) Clone(ctx context.Context, donor string) error {
	ctx, cancel := context.WithTimeout(ctx, cloneTimeout)
	defer cancel()
	address := d.cfg.addressOf(donor)
	if _, err := d.work.ExecContext(ctx, "SET GLOBAL clone_valid_donor_list = ?", fmt.Sprintf("%s:%d", address, d.cfg.MySQLPort)); err != nil {
		return fmt.Errorf("name the donor: %w", err)
	}
	// Clone does not work in read-only mode (Group Replication's own clone lifts it,
	// too). No client is sent here: the role checks answer 503.
	if _, err := d.work.ExecContext(ctx, "SET GLOBAL read_only = OFF"); err != nil {
		return fmt.Errorf("lift read-only mode for the clone: %w", err)
	}
	_, err := d.work.ExecContext(ctx, "CLONE INSTANCE FROM ?@?:? IDENTIFIED BY ? REQUIRE SSL", d.cfg.ReplicationUser, address, d.cfg.MySQLPort, d.password)
	if restarting(err) {
		return nil
	}
	fenceCtx, cancelFence := afterwards(ctx)
	defer cancelFence()
	return errors.Join(fmt.Errorf("clone %s: %w", donor, d.redacted(err)), d.Fence(fenceCtx))
}

// restarting reports whether a clone's end looks like the restart it ends with.
func restarting(err error) bool {
	if number, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return number.Number == errNotSupervised
	}
	return err == nil || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF)
}

func (d *localMySQL) ApplyBacklog(ctx context.Context, received string) error {
	ctx, cancel := context.WithTimeout(ctx, backlogWait+2*settingTimeout)
	defer cancel()
	if _, err := d.work.ExecContext(ctx, "START"+applierThread); err != nil {
		return fmt.Errorf("%w: %w", ErrBacklogRefused, err)
	}
	var timedOut int
	err := d.work.QueryRowContext(ctx, "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", received, int(backlogWait.Seconds())).Scan(&timedOut)
	// Group Replication refuses to start while the channel runs.
	stopCtx, cancelStop := afterwards(ctx)
	defer cancelStop()
	_, stopErr := d.work.ExecContext(stopCtx, "STOP"+applierThread)
	if err = errors.Join(err, stopErr); err != nil {
		return fmt.Errorf("apply the backlog: %w", err)
	}
	if timedOut != 0 {
		return fmt.Errorf("apply the backlog: not done after %s; goes on", backlogWait)
	}
	return nil
}

func (d *localMySQL) SetPrimary(ctx context.Context, uuid string, grace time.Duration) error {
	if !uuidPattern.MatchString(uuid) {
		return fmt.Errorf("switch the primary: %q is not a server UUID", uuid)
	}
	ctx, cancel := context.WithTimeout(ctx, switchTimeout)
	defer cancel()
	statement, arguments := "SELECT group_replication_set_as_primary(?, ?)", []any{uuid, int(grace.Seconds())}
	if none, err := d.noLongTransaction(ctx); err != nil {
		return fmt.Errorf("switch the primary: %w", err)
	} else if none {
		// With a time limit MySQL turns every new transaction away (error 4094) until the
		// open ones have ended; without one it lets them in until the role moves.
		statement, arguments = "SELECT group_replication_set_as_primary(?)", arguments[:1]
	}
	var said sql.NullString
	if err := d.work.QueryRowContext(ctx, statement, arguments...).Scan(&said); err != nil {
		return fmt.Errorf("switch the primary: %w", err)
	}
	return nil
}

// longTransaction is the age from which an open transaction may hold a switch up: one
// of the site's own lasts milliseconds.
const longTransaction = 100 * time.Millisecond

// noLongTransaction reports whether all transactions of clients that are open are
// young. TIMER_WAIT of an open one is its age in picoseconds.
func (d *localMySQL) noLongTransaction(ctx context.Context) (bool, error) {
	var old int
	err := d.work.QueryRowContext(ctx, `SELECT COUNT(*) FROM performance_schema.events_transactions_current e
		JOIN performance_schema.threads t USING (THREAD_ID)
		WHERE e.STATE = 'ACTIVE' AND t.TYPE = 'FOREGROUND' AND e.TIMER_WAIT > ?`, longTransaction.Nanoseconds()*1000).Scan(&old)
	if err != nil {
		return false, fmt.Errorf("look for long transactions: %w", err)
	}
	return old == 0, nil
}

// redacted keeps the password out of an error that quotes the statement.
func (d *localMySQL) redacted(err error) error {
	if err == nil || !strings.Contains(err.Error(), d.password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), d.password, "…"))
}
