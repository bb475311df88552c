package check

import "testing"

func TestDurability(t *testing.T) {
	set := func(server, name, value string) func(world) {
		return func(w world) { w.shown(server).MySQL[name] = value }
	}
	provoke(t, example(t, "ha.yaml"), []kind{durability}, []provoked{
		{"binlog", set("db2", "sync_binlog", "0"), []string{"warning db2: sync_binlog is 0: a power cut takes the newest writes from the log that members are filled from"}},
		{"binlog, sometimes", set("db2", "sync_binlog", "1000"), []string{"warning db2: sync_binlog is 1000: a power cut takes the newest writes from the log that members are filled from"}},
		{"redo log", set("db1", "innodb_flush_log_at_trx_commit", "2"), []string{"warning db1: innodb_flush_log_at_trx_commit is 2: a power cut takes up to a second of writes"}},
		{"doublewrite", set("db1", "innodb_doublewrite", "off"), []string{"warning db1: innodb_doublewrite is OFF: a power cut can leave half-written pages"}},
		{"several primaries", set("db3", "group_replication_single_primary_mode", "0"),
			[]string{"warning db3: group_replication_single_primary_mode is 0: locks do not reach other members, and conflicting writes are rolled back"}},
		{"consistency", set("db3", "group_replication_consistency", "EVENTUAL"),
			[]string{"warning db3: group_replication_consistency is EVENTUAL: a new primary shows and changes old rows until it has caught up"}},
		{"as strict as can be", set("db3", "group_replication_consistency", "BEFORE_AND_AFTER"), nil},
		{"not read", func(w world) { w.shown("db1").MySQL = nil }, nil},
	})
}
