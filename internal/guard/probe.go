package guard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
)

// The statements of a probe. They read memory only: none waits for a lock that
// user transactions hold.
const (
	serverQuery = `SELECT @@global.server_uuid, @@global.version, @@global.super_read_only, @@global.offline_mode,
	@@global.gtid_executed, @@global.gtid_purged, @@global.group_replication_group_name, @@global.group_replication_bootstrap_group,
	(SELECT CAST(VARIABLE_VALUE AS UNSIGNED) FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime'),
	(SELECT CAST(VARIABLE_VALUE AS UNSIGNED) FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Innodb_data_written'),
	(SELECT MEMBER_STATE FROM performance_schema.replication_group_members
		WHERE CHANNEL_NAME = 'group_replication_applier' AND MEMBER_ID = @@global.server_uuid)`

	// Rows of the group as this member sees it.
	membersQuery = `SELECT m.MEMBER_ID, m.MEMBER_HOST, m.MEMBER_STATE, m.MEMBER_ROLE, COALESCE(s.VIEW_ID, ''),
	COALESCE(s.COUNT_TRANSACTIONS_IN_QUEUE, 0) + COALESCE(s.COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE, 0)
	FROM performance_schema.replication_group_members m
	LEFT JOIN performance_schema.replication_group_member_stats s ON s.MEMBER_ID = m.MEMBER_ID AND s.CHANNEL_NAME = m.CHANNEL_NAME
	WHERE m.CHANNEL_NAME = 'group_replication_applier'`

	// The same of a member that takes no part in a group, which has no view and no queue. Its
	// statistics cannot be read while STOP GROUP_REPLICATION is under way, and without a
	// majority that takes 30 s. Before the first START even its identifier is empty.
	outsideQuery = `SELECT MEMBER_ID, MEMBER_HOST, MEMBER_STATE, MEMBER_ROLE, '', 0
	FROM performance_schema.replication_group_members WHERE CHANNEL_NAME = 'group_replication_applier'`

	receivedQuery = `SELECT COALESCE(RECEIVED_TRANSACTION_SET, '') FROM performance_schema.replication_connection_status
	WHERE CHANNEL_NAME = 'group_replication_applier'`

	// Age of the oldest transaction under application. An idle worker has no
	// APPLYING_TRANSACTION; a zero timestamp means that the origin did not tell.
	applyingQuery = `SELECT COALESCE(GREATEST(TIMESTAMPDIFF(MICROSECOND, MIN(APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP), NOW(6)), 0), 0) / 1000000
	FROM performance_schema.replication_applier_status_by_worker
	WHERE CHANNEL_NAME = 'group_replication_applier' AND APPLYING_TRANSACTION <> ''
	AND APPLYING_TRANSACTION_ORIGINAL_COMMIT_TIMESTAMP > '2000-01-01'`

	// A copy that was set aside is no clone of a donor.
	cloneQuery = `SELECT STATE FROM performance_schema.clone_status WHERE SOURCE <> 'LOCAL INSTANCE'`

	// The threads table shows the applier's workers without the right to see what
	// everybody's statements are, which the process list needs.
	applierWaitsQuery = `SELECT t.PROCESSLIST_STATE FROM performance_schema.replication_applier_status_by_worker w
	JOIN performance_schema.threads t ON t.THREAD_ID = w.THREAD_ID
	WHERE w.CHANNEL_NAME = 'group_replication_applier' AND t.PROCESSLIST_STATE LIKE 'Waiting for % lock' LIMIT 1`
)

func (d *localMySQL) Probe(ctx context.Context) (MySQL, error) {
	my := MySQL{Reachable: true, State: Offline}
	var group, state sql.NullString
	err := d.probes.QueryRowContext(ctx, serverQuery).Scan(&my.UUID, &my.Version, &my.SuperReadOnly, &my.OfflineMode,
		&my.Executed, &my.Purged, &group, &my.Bootstrapping, &my.Uptime, &my.Written, &state)
	if err != nil {
		return MySQL{}, fmt.Errorf("read MySQL's variables: %w", err)
	}
	my.Group = group.String
	if state.Valid {
		my.State = state.String
	}
	if err := d.readMembers(ctx, &my); err != nil {
		return MySQL{}, fmt.Errorf("read the members of the group: %w", err)
	}
	if err := d.readText(ctx, receivedQuery, &my.Received); err != nil {
		return MySQL{}, fmt.Errorf("read the received transactions: %w", err)
	}
	if err := d.probes.QueryRowContext(ctx, applyingQuery).Scan(&my.Applying); err != nil {
		return MySQL{}, fmt.Errorf("read the applier's workers: %w", err)
	}
	if my.Role == Secondary && my.Queue > 0 {
		// Not knowing it must not hide all the rest.
		if err := d.readText(ctx, applierWaitsQuery, &my.ApplierWaits); err != nil {
			my.ApplierWaits = "what the applier waits for cannot be read: " + err.Error()
		}
	}
	if my.State == Offline {
		err := d.readText(ctx, cloneQuery, &my.CloneState)
		if number, ok := errors.AsType[*mysql.MySQLError](err); err != nil && !(ok && number.Number == errNoSuchTable) {
			return MySQL{}, fmt.Errorf("read the state of the last clone: %w", err)
		}
	}
	return my, nil
}

func (d *localMySQL) readMembers(ctx context.Context, my *MySQL) error {
	query := outsideQuery
	if my.active() {
		query = membersQuery
	}
	rows, err := d.probes.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var m Member
		var host, view string
		if err := rows.Scan(&m.UUID, &host, &m.State, &m.Role, &view, &m.Queue); err != nil {
			return err
		}
		m.Server = d.cfg.nameOf(host)
		if m.UUID == my.UUID {
			m.Server = d.cfg.Server // whatever report_host says: this is me
			my.State, my.Role, my.ViewID, my.Queue = m.State, m.Role, view, m.Queue
		}
		if m.UUID != "" {
			my.Members = append(my.Members, m)
		}
	}
	return rows.Err()
}

// readText reads one text; no row leaves it empty.
func (d *localMySQL) readText(ctx context.Context, query string, into *string) error {
	err := d.probes.QueryRowContext(ctx, query).Scan(into)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
