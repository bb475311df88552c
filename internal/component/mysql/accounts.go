package mysql

import (
	"strings"

	"scaleup/internal/component"
	"scaleup/internal/resource"
)

// The accounts of MySQL. The names of the guard's account and of its operating
// system user are one: it signs in by the socket.
const (
	appAccount         = "app"
	replicationAccount = "replication"
	guardUser          = "guard"
	drillAccount       = "drill"
	readerAccount      = "reader"
	writerAccount      = "writer"
)

// shellUser is the operating system's user who may be the reader and the writer. It
// has no password to lose, and could sign in as MySQL's root just as well: these
// accounts keep an operator's hands off, not an intruder's.
const shellUser = "root"

// drillSchema holds the tables of the drills; spec refuses it as the site's own.
// The drills make and drop it, so a site that is not drilled has none.
const drillSchema = "scaleup_drill"

// What the accounts may do. The guard's and the replication account's rights are
// those package guard asks for; a test compares them.
const (
	replicationGrants = "REPLICATION SLAVE, BACKUP_ADMIN, CONNECTION_ADMIN, GROUP_REPLICATION_STREAM ON *.*"
	guardGrants       = "GROUP_REPLICATION_ADMIN, SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN, REPLICATION_SLAVE_ADMIN, CLONE_ADMIN, BACKUP_ADMIN ON *.*"
	guardReads        = "SELECT ON performance_schema.*"
	guardWrites       = "CREATE, INSERT, UPDATE ON `scaleup\\_guard`.*"
)

// appRights are for the application and its migrations, on its own schema only:
// nothing it holds can stop a member or change a group.
const appRights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, " +
	"CREATE VIEW, SHOW VIEW, CREATE TEMPORARY TABLES, LOCK TABLES"

// drillRights are for the drills, on their own schema only: to make it, write to it
// under load, and remove it.
const drillRights = "CREATE, DROP, ALTER, INDEX, SELECT, INSERT, UPDATE, DELETE"

// readerRights are for the operator's shell, on the site's schema only.
const readerRights = "SELECT, SHOW VIEW"

func accounts(in component.Input) *resource.MySQLAccounts {
	schema := in.Topology.Site.Database.Name
	now, former := passwords(in.Secrets)
	onSchema := " ON " + schemaPattern(schema) + ".*"
	return &resource.MySQLAccounts{
		Socket: socket, Schema: schema,
		Accounts: []resource.Account{
			{User: appAccount, Host: "%", Password: now.App, Former: former.App, TLS: true, Grants: []string{appRights + onSchema}},
			{User: replicationAccount, Host: "%", Password: now.Replication, Former: former.Replication, TLS: true, Grants: []string{replicationGrants}},
			{User: drillAccount, Host: "%", Password: now.Drill, Former: former.Drill, TLS: true, Grants: []string{drillRights + " ON " + schemaPattern(drillSchema) + ".*"}},
			guardAccount(),
			{User: readerAccount, Host: "localhost", As: shellUser, Grants: []string{readerRights + onSchema}},
			{User: writerAccount, Host: "localhost", As: shellUser, Grants: []string{appRights + onSchema}},
		},
	}
}

func guardAccount() resource.Account {
	return resource.Account{User: guardUser, Host: "localhost", Grants: []string{guardGrants, guardReads, guardWrites}}
}

// passwords are those the accounts take. While they are replaced the accounts do
// not say which of the two a program uses: that changes without a change of them.
func passwords(s component.Secrets) (now, former component.Passwords) {
	if s.Rotating != nil {
		return s.Rotating.New, s.Rotating.Old
	}
	return component.Passwords{App: s.MySQLApp, Replication: s.MySQLReplication, Drill: s.MySQLDrill}, component.Passwords{}
}

// schemaPattern names a schema in a grant, where _ and % stand for any character
// otherwise: rights on foo_bar would be rights on fooXbar, too.
func schemaPattern(schema string) string {
	return "`" + strings.NewReplacer("`", "``", "_", `\_`, "%", `\%`).Replace(schema) + "`"
}
