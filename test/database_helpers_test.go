//go:build lab && full

package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// try runs a verb on the site and returns what it prints. Unlike scaleup it may be
// called from any goroutine and any number of them.
func (s site) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bin/scaleup", append([]string{args[0], "-f", s.file}, args[1:]...)...)
	cmd.Dir = ".."
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("scaleup %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// on runs a program on a server.
func (s site) on(t *testing.T, server string, argv ...string) string {
	t.Helper()
	return s.must(t, 0, append([]string{"exec", server, "--"}, argv...)...).stdout
}

// sqlArgv is MySQL's client as root by the socket; rows come as plain lines.
func sqlArgv(statements string) []string {
	return []string{"mysql", "--no-defaults", "--user=root", "--socket=/run/mysqld/mysqld.sock", "--batch", "--skip-column-names", "--execute=" + statements}
}

func (s site) trySQL(server, statements string) (string, error) {
	out, err := s.try(append([]string{"exec", server, "--"}, sqlArgv(statements)...)...)
	return strings.TrimSpace(out), err
}

func (s site) sql(t *testing.T, server, statements string) string {
	t.Helper()
	out, err := s.trySQL(server, statements)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// atOnce does something on several servers side by side.
func atOnce(servers []string, do func(server string) error) error {
	failures := make([]error, len(servers))
	var wait sync.WaitGroup
	for i, server := range servers {
		wait.Go(func() { failures[i] = do(server) })
	}
	wait.Wait()
	return errors.Join(failures...)
}

// members are the database servers: the primary, and the others by name.
func (s site) members(t *testing.T) (primary string, others []string) {
	t.Helper()
	r := s.status(t)
	primary = r.Database.Primary
	for _, server := range r.Servers {
		if server.Role == "database" && server.Name != primary {
			others = append(others, server.Name)
		}
	}
	if primary == "" || len(others) != 2 {
		t.Fatalf("the primary is %q and the other members %v, want one and two", primary, others)
	}
	return primary, others
}

// view is what a member takes for the group: its number and who is primary. Every
// failover, and everybody who leaves or joins, changes it.
func (s site) view(t *testing.T, server string) string {
	t.Helper()
	return s.sql(t, server, "SELECT s.VIEW_ID, m.MEMBER_HOST FROM performance_schema.replication_group_member_stats s "+
		"JOIN performance_schema.replication_group_members m ON m.MEMBER_ROLE = 'PRIMARY' WHERE s.MEMBER_ID = @@server_uuid")
}

// settled ends a test's story: the site heals under the stream, which then ends; the
// members become equal, each has every acknowledged order, and nothing differs from
// the site's file.
func (s site) settled(t *testing.T, w *stream, within time.Duration) {
	t.Helper()
	s.awaitHealthy(t, within)
	w.more(t, 1, 30*time.Second)
	w.end()
	primary, others := s.members(t)
	all := append([]string{primary}, others...)
	s.becomeEqual(t, all)
	for _, server := range all {
		if err := s.keeps(server, w); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d orders acknowledged, %d not", len(w.acknowledged()), len(w.failed()))
	s.must(t, 0, "plan")
}

// becomeEqual waits until all members have executed the same transactions, and their
// tables of the application have the same content. The guard of the primary writes a
// row each second: a look at three members may fall between two of them.
func (s site) becomeEqual(t *testing.T, members []string) {
	t.Helper()
	tables := s.sql(t, members[0], "SELECT GROUP_CONCAT('foobar.`', table_name, '`') FROM information_schema.tables WHERE table_schema = 'foobar' AND table_type = 'BASE TABLE'")
	if !strings.Contains(tables, "orders") {
		t.Fatalf("the application's tables are %q", tables)
	}
	eventually(t, 90*time.Second, func() error {
		content := make([]string, len(members))
		err := atOnce(members, func(server string) (err error) {
			at := slices.Index(members, server)
			content[at], err = s.trySQL(server, "SELECT REPLACE(@@GLOBAL.gtid_executed, CHAR(10), ''); CHECKSUM TABLE "+tables)
			return err
		})
		if err != nil {
			return err
		}
		for i, c := range content {
			if strings.Contains(c, "NULL") {
				return fmt.Errorf("%s cannot read a table: %s", members[i], c)
			}
			if c != content[0] {
				return fmt.Errorf("%s and %s differ:\n%s\n%s", members[0], members[i], content[0], c)
			}
		}
		return nil
	})
}

// unit reads a property that systemd has of a unit.
func (s site) unit(t *testing.T, server, unit, property string) string {
	t.Helper()
	return strings.TrimSpace(s.on(t, server, "systemctl", "show", "--property="+property, "--value", unit))
}
