package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"scaleup/internal/lab"
	"scaleup/internal/secrets"
)

func labCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "lab", Short: "Play the bad day with the lab's machines",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage{fmt.Sprintf("unknown lab verb %q", args[0]), "scaleup lab --help lists them"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	verbs := []struct {
		name, short string
		do          func(*lab.Lab, context.Context, ...string) error
	}{
		{"off", "Cut the power of machines, at once", (*lab.Lab).Off},
		{"on", "Switch machines on again", (*lab.Lab).On},
		{"freeze", "Stop every process of machines, as a hung host would", (*lab.Lab).Freeze},
		{"thaw", "Let frozen machines go on", (*lab.Lab).Thaw},
		{"cut", "Unplug the network cable of machines", (*lab.Lab).Cut},
		{"join", "Plug it in again", (*lab.Lab).Join},
	}
	for _, v := range verbs {
		cmd.AddCommand(&cobra.Command{
			Use: v.name + " SERVER…", Short: v.short, Args: atLeastOne("a server"),
			ValidArgsFunction: completeServers(o),
			RunE: func(cmd *cobra.Command, args []string) error {
				return o.labVerb(cmd.Context(), v.do, args)
			},
		})
	}
	cmd.AddCommand(bareCommand(o))
	return cmd
}

func (o *options) labVerb(ctx context.Context, do func(*lab.Lab, context.Context, ...string) error, names []string) error {
	op, err := o.loadToLook()
	if err != nil {
		return err
	}
	if !op.topology.InLab() && !op.bareLab() {
		return usage{"lab is for lab machines, and the servers of " + op.topology.Site.File + " are not the lab's", "use a site file whose servers have no address"}
	}
	for _, name := range names {
		if _, err := op.topology.Server(name); err != nil {
			return usage{err.Error(), "name one of them"}
		}
	}
	l, err := op.openLab(nil, nil)
	if err != nil {
		return err
	}
	return do(l, ctx, names...)
}

// bareLab reports whether the file's addresses are those of a lab of bare
// machines: the SSH path, tried on one computer.
func (op *operation) bareLab() bool {
	site := op.topology.Site
	if !site.Lab.Subnet.IsValid() {
		return false
	}
	for _, s := range op.topology.Servers {
		if !site.Lab.Subnet.Contains(s.Address) {
			return false
		}
	}
	return true
}

func bareCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "bare", Short: "Boot plain Debian machines at the addresses of a file, to try the SSH path",
		Long: `bare boots one plain Debian machine for every address of the site file: a system
with an SSH server and the user ssh.user, and nothing of scaleup. It writes the
key and the known_hosts file beside the site file, in .scaleup/<lab name>. After
it, "scaleup apply" works on them as on any real servers.`,
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			return op.bare(cmd.Context())
		},
	}
}

func (op *operation) bare(ctx context.Context) error {
	if op.topology.InLab() || !op.bareLab() {
		return usage{"lab bare wants a file whose servers have addresses inside lab.subnet", "see examples/servers.yaml"}
	}
	site := op.topology.Site
	store, err := secrets.Open(op.bareDir())
	if err != nil {
		return err
	}
	_, authorized, err := store.SSHKey()
	if err != nil {
		return err
	}
	progress := newProgress(op.err)
	l, err := op.openLab(func(server, message string) { progress.line(server, message, 0) }, authorized)
	if err != nil {
		return err
	}
	var machines []lab.Machine
	for _, s := range op.topology.Servers {
		m := lab.Machine{Name: s.Name, Role: lab.Bare, Address: s.Address}
		if site.SSH.User != "root" {
			m.Sudoer = site.SSH.User
		}
		machines = append(machines, m)
	}
	if err := l.EnsureHostPackages(ctx); err != nil {
		return err
	}
	if _, err := l.Ensure(ctx, machines, nil); err != nil {
		return err
	}
	var known strings.Builder
	for _, m := range machines {
		line, err := l.HostKey(m.Name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&known, "%s %s\n", knownName(m.Address, site.SSH.Port), strings.TrimSpace(line))
	}
	if err := store.WriteKnownHosts([]byte(known.String())); err != nil {
		return err
	}
	fmt.Fprintf(op.out, "%d plain machines answer SSH as %s. Next: scaleup up -f %s\n", len(machines), site.SSH.User, site.File)
	return nil
}

// bareDir is where the key and known hosts of bare machines lie: a site of real
// servers keeps its secrets under the site's name, not the lab's.
func (op *operation) bareDir() string {
	return op.topology.Site.Dir + "/.scaleup/" + op.topology.Site.Lab.Name
}

// knownName is an address as known_hosts writes it.
func knownName(a netip.Addr, port uint16) string {
	if port == 0 || port == 22 {
		return a.String()
	}
	return fmt.Sprintf("[%s]:%d", a, port)
}

// completeServers offers the servers of the site file.
func completeServers(o *options) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		op, err := o.loadToLook()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return op.names(), cobra.ShellCompDirectiveNoFileComp
	}
}
