package ledger

import "strconv"

// Statement is one question to a member, over the administrative way. Its fields
// are those of remote.Query.
type Statement struct {
	Schema string
	SQL    string
	Args   []string
}

// OrdersOf asks for the orders of a run in foobar's database; ParseRows reads the
// answer.
func OrdersOf(database, run string) Statement {
	return Statement{database, "SELECT idempotency_key, quantity FROM orders WHERE idempotency_key LIKE ?", []string{prefix(run) + "%"}}
}

// RowsOf asks for the drill's own rows of a run; ParseRows reads the answer.
func RowsOf(run string) Statement {
	return Statement{Schema, "SELECT op_key, value FROM `rows` WHERE op_key LIKE ?", []string{prefix(run) + "%"}}
}

// DrinksOf asks for what Invariants is about, as it is at one moment; ParseDrinks
// reads the answer. It reads each table once, whatever is on the menu.
func DrinksOf(database string) Statement {
	return Statement{Schema: database, SQL: "SELECT d.slug, d.initial_stock, d.stock, COALESCE(o.glasses, 0), COALESCE(l.glasses, 0) FROM drinks d " +
		"LEFT JOIN (SELECT drink_id, SUM(quantity) AS glasses FROM orders GROUP BY drink_id) o ON o.drink_id = d.id " +
		"LEFT JOIN (SELECT drink_id, SUM(glasses) AS glasses FROM stock_ledger GROUP BY drink_id) l ON l.drink_id = d.id " +
		"ORDER BY d.id"}
}

// Executed asks for the transactions that a member has executed; ParseExecuted
// reads the answer.
func Executed() Statement { return Statement{SQL: "SELECT @@GLOBAL.gtid_executed"} }

// WaitFor waits on a member, at most so many seconds, until it has executed a set
// of transactions; ParseWaited reads the answer. What is asked after that sees them.
func WaitFor(executed string, seconds int) Statement {
	return Statement{SQL: "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?)", Args: []string{executed, strconv.Itoa(seconds)}}
}

// Settings asks for what the durability of a write rests on; ParseDurability reads
// the answer.
func Settings() Statement {
	return Statement{SQL: "SELECT @@GLOBAL.sync_binlog, @@GLOBAL.innodb_flush_log_at_trx_commit, " +
		"@@GLOBAL.group_replication_consistency, @@GLOBAL.group_replication_member_expel_timeout, " +
		"@@GLOBAL.group_replication_unreachable_majority_timeout, @@GLOBAL.group_replication_exit_state_action, " +
		"@@GLOBAL.group_replication_single_primary_mode"}
}
