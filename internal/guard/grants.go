package guard

// Grants are the privileges of the guard's MySQL account, which signs in as
// `guard`@`localhost` by auth_socket: global ones without "ON *.* TO …", in
// static SQL order. Each is here for a reason:
//
//   - GROUP_REPLICATION_ADMIN: START and STOP GROUP_REPLICATION, group_replication_set_as_primary.
//   - SYSTEM_VARIABLES_ADMIN: SET GLOBAL group_replication_bootstrap_group and _local_address,
//     super_read_only, offline_mode and clone_valid_donor_list.
//   - CONNECTION_ADMIN: offline_mode needs it beside SYSTEM_VARIABLES_ADMIN; it also lets the
//     guard in when max_connections is used up or offline_mode is on.
//   - REPLICATION_SLAVE_ADMIN: START and STOP REPLICA SQL_THREAD for a received backlog.
//   - CLONE_ADMIN: CLONE INSTANCE on the recipient and the restart that ends it.
//   - BACKUP_ADMIN: CLONE LOCAL, which copies a diverged member's data aside.
//
// Beside them the account needs PerformanceSchemaGrant and PulseGrant.
const Grants = "GROUP_REPLICATION_ADMIN, SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN, REPLICATION_SLAVE_ADMIN, CLONE_ADMIN, BACKUP_ADMIN ON *.*"

// PulseGrant lets the guard write its pulse, and make the schema of that when it is
// missing.
const PulseGrant = "CREATE, INSERT, UPDATE ON `scaleup\\_guard`.*"

// PerformanceSchemaGrant lets the guard read the group's state: members, queues,
// the received set, the applier's workers and the state of a clone.
const PerformanceSchemaGrant = "SELECT ON performance_schema.*"

// ReplicationGrants are the privileges of the account that members use among
// themselves (`replication`@`%`, REQUIRE SSL): streams of distributed recovery,
// clone as the donor, and the MYSQL communication stack, whose connections must
// get in when max_connections is used up.
const ReplicationGrants = "REPLICATION SLAVE, BACKUP_ADMIN, CONNECTION_ADMIN, GROUP_REPLICATION_STREAM ON *.*"
