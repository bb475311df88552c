package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"scaleup/internal/dbstatus"
	"scaleup/internal/remote"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

const dbShellLong = `shell opens MySQL's client on a database server, in the site's schema. It reads only:
its account may SELECT and nothing else, and its transactions are read-only. The
server is SERVER, or the secondary that is least behind (the primary, if there is no
other member). What was written a moment ago may not be there yet.

With --write it is on the primary, with the rights of the application.

Both accounts sign in by the server's socket, as root there: no password is on the
way. ARGS go to the client after scaleup's own. Statements may come by standard input:

  echo 'SELECT COUNT(*) FROM orders' | scaleup db shell`

// shellOrder is how db shell was called.
type shellOrder struct {
	server string // "" to choose
	write  bool
	args   []string
}

func dbShellCommand(o *options) *cobra.Command {
	var order shellOrder
	cmd := &cobra.Command{
		Use: "shell [SERVER] [-- ARGS…]", Short: "Open MySQL's client, for reading unless --write is given", Long: dbShellLong,
		ValidArgsFunction: completeServers(o),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if order.server, order.args, err = shellArgs(args, cmd.ArgsLenAtDash()); err != nil {
				return err
			}
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			return op.shell(cmd.Context(), order)
		},
	}
	cmd.Flags().BoolVar(&order.write, "write", false, "sign in with the application's rights, on the primary")
	return cmd
}

// shellArgs tells the server from the client's arguments; dash is how many stand
// before "--", -1 without one.
func shellArgs(args []string, dash int) (server string, rest []string, err error) {
	if dash < 0 {
		dash = len(args)
	}
	switch {
	case dash > 1:
		return "", nil, usage{fmt.Sprintf("db shell wants one server at most, not %d", dash), "arguments of the client come after --: scaleup db shell -- -e 'SELECT 1'"}
	case dash == 1:
		server = args[0]
	}
	return server, args[dash:], nil
}

func (op *operation) shell(ctx context.Context, order shellOrder) error {
	if order.server != "" {
		if err := op.isDatabase(order.server); err != nil {
			return err
		}
	}
	if err := op.databaseRuns(ctx); err != nil {
		return err
	}
	r, err := op.databaseStatus(ctx, 0)
	if err != nil {
		return err
	}
	name, err := shellServer(r, order.server, order.write)
	if err != nil {
		return err
	}
	s, err := op.topology.Server(name)
	if err != nil {
		return err
	}
	argv := shellArgv(name, op.topology.Site.Database.Name, order)
	if !isTerminal(op.in) || !isTerminal(op.out) {
		return op.exec(ctx, s, argv)
	}
	if err := op.bringBinary(ctx, s); err != nil {
		return err
	}
	return op.ssh(ctx, s, argv)
}

// bringBinary sees to it that the server has this scaleup.
func (op *operation) bringBinary(ctx context.Context, s topology.Server) error {
	d, err := op.dialer()
	if err != nil {
		return err
	}
	h, err := d.dial(ctx, s)
	if err != nil {
		return hinted{err, unreachableHint(op.topology.InLab())}
	}
	defer h.Close()
	_, err = h.Call(ctx, remote.Request{})
	return err
}

// isDatabase refuses what is no database server of the site.
func (op *operation) isDatabase(name string) error {
	names := op.topology.Names(spec.Database)
	if slices.Contains(names, name) {
		return nil
	}
	return usage{fmt.Sprintf("%q is not a database server of the site", name), "there are: " + listed(names)}
}

// databaseRuns refuses a lab whose database servers are all off.
func (op *operation) databaseRuns(ctx context.Context) error {
	off, err := op.labOff(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(op.topology.Names(spec.Database), func(name string) bool { return !slices.Contains(off, name) }) {
		return nil
	}
	return hinted{errors.New("every database server is off"), "scaleup up starts the site"}
}

// shellServer is where the shell opens: the server asked for, or one that has what is
// wanted and disturbs least.
func shellServer(r dbstatus.Report, asked string, write bool) (string, error) {
	if write {
		switch {
		case r.Primary == "":
			return "", hinted{errors.New("there is no primary to write to: " + r.Verdict), "see scaleup db status"}
		case asked != "" && asked != r.Primary:
			return "", usage{fmt.Sprintf("%s is not the primary, and only that takes writes", asked), "leave the server out, or name " + r.Primary}
		}
		return r.Primary, nil
	}
	if asked != "" {
		return asked, nil
	}
	best := -1
	for i, s := range r.Servers {
		if s.State == "ONLINE" && s.Role == "SECONDARY" && (best < 0 || s.LagTransactions < r.Servers[best].LagTransactions) {
			best = i
		}
	}
	switch {
	case best >= 0:
		return r.Servers[best].Server, nil
	case r.Primary != "":
		return r.Primary, nil
	}
	return "", hinted{errors.New("no member is ONLINE: " + r.Verdict), "name a server to look at it as it is; see scaleup db status"}
}

// Accounts of the shell, which component mysql makes: a test compares them.
const (
	readerAccount = "reader"
	writerAccount = "writer"
)

// shellArgv starts the client. No configuration is read: root's may hold anything.
func shellArgv(server, schema string, order shellOrder) []string {
	argv := []string{"mysql", "--no-defaults", "--socket=" + remote.MySQLSocket, "--database=" + schema}
	if order.write {
		argv = append(argv, "--user="+writerAccount, "--prompt="+server+" (writes)> ")
	} else {
		argv = append(argv, "--user="+readerAccount, "--prompt="+server+"> ", "--init-command=SET SESSION TRANSACTION READ ONLY")
	}
	return append(argv, order.args...)
}
