package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"

	"scaleup/internal/host"
	"scaleup/internal/secrets"
	"scaleup/internal/topology"
)

func execCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "exec SERVER -- ARGV…", Short: "Run a program on a server and exit with its code",
		Long:              "exec passes ARGV unchanged, without a shell, with standard input, output and error.",
		Args:              atLeastOne("a server and a command"),
		ValidArgsFunction: completeServers(o),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage{"exec wants a command after the server", "scaleup exec web1 -- nginx -T"}
			}
			op, s, err := o.server(args[0])
			if err != nil {
				return err
			}
			return op.exec(cmd.Context(), s, args[1:])
		},
	}
}

// server loads the site and finds a server in it.
func (o *options) server(name string) (*operation, topology.Server, error) {
	op, err := o.loadToLook()
	if err != nil {
		return nil, topology.Server{}, err
	}
	s, err := op.topology.Server(name)
	if err != nil {
		return nil, s, usage{err.Error(), "name one of them"}
	}
	return op, s, nil
}

func (op *operation) exec(ctx context.Context, s topology.Server, argv []string) error {
	if err := op.running(ctx, s); err != nil {
		return err
	}
	d, err := op.dialer()
	if err != nil {
		return err
	}
	h, err := d.dial(ctx, s)
	if err != nil {
		return hinted{err, unreachableHint(op.topology.InLab())}
	}
	defer h.Close()
	stdio := host.Stdio{Out: op.out, Err: op.err}
	if !isTerminal(op.in) {
		stdio.In = op.in
	}
	code, err := h.Exec(ctx, argv, stdio)
	if err != nil {
		return err
	}
	if code != 0 {
		return silent(code)
	}
	return nil
}

// running refuses a lab machine that is off before anything is sent to an
// address that may be somebody else's while the lab is down.
func (op *operation) running(ctx context.Context, s topology.Server) error {
	off, err := op.labOff(ctx)
	if err != nil {
		return err
	}
	for _, name := range off {
		if name == s.Name {
			return hinted{fmt.Errorf("%s is off", name), "scaleup up starts the lab, scaleup lab on " + name + " this machine"}
		}
	}
	return nil
}

func sshCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ssh SERVER", Short: "Open a shell on a server", Args: exactly(1, "a server"),
		ValidArgsFunction: completeServers(o),
		RunE: func(cmd *cobra.Command, args []string) error {
			op, s, err := o.server(args[0])
			if err != nil {
				return err
			}
			return op.ssh(cmd.Context(), s, nil)
		},
	}
}

// ssh hands over to OpenSSH's client, which knows terminals better than anybody: for a
// login shell, or for one program with a terminal.
func (op *operation) ssh(ctx context.Context, s topology.Server, program []string) error {
	if err := op.running(ctx, s); err != nil {
		return err
	}
	d, err := op.dialer()
	if err != nil {
		return err
	}
	t, err := d.target(s)
	if err != nil {
		return err
	}
	argv := []string{"-p", strconv.Itoa(t.Port), "-o", "StrictHostKeyChecking=yes"}
	if s.Remote {
		argv = append(argv, "-i", op.topology.Site.SSH.Key, "-o", "UserKnownHostsFile="+op.topology.Site.SSH.KnownHosts)
	} else {
		known, key, err := op.labKeys(d, s)
		if err != nil {
			return err
		}
		argv = append(argv, "-i", key, "-o", "UserKnownHostsFile="+known)
	}
	if argv = append(argv, t.User+"@"+t.Address); program != nil {
		command, err := t.Become(program)
		if err != nil {
			return err
		}
		argv = append([]string{"-t", "-q"}, append(argv, command)...)
	}
	cmd := exec.CommandContext(ctx, "ssh", argv...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = op.in, op.out, op.err
	err = cmd.Run()
	if exit, ok := err.(*exec.ExitError); ok {
		return silent(exit.ExitCode())
	}
	if err != nil {
		return hinted{fmt.Errorf("start ssh: %w", err), "install the package openssh-client"}
	}
	return nil
}

// labKeys writes the machine's host key where OpenSSH looks for it.
func (op *operation) labKeys(d *dialer, s topology.Server) (known, key string, err error) {
	store, err := secrets.Open(op.stateDir)
	if err != nil {
		return "", "", err
	}
	line, err := d.lab.HostKey(s.Name)
	if err != nil {
		return "", "", err
	}
	known = store.Path("known_hosts." + s.Name)
	if err := os.WriteFile(known, []byte(s.Address.String()+" "+line+"\n"), 0o600); err != nil {
		return "", "", fmt.Errorf("write the machine's host key: %w", err)
	}
	key, _, err = store.SSHKey()
	return known, key, err
}

func versionCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			v := version()
			if o.json {
				return writeJSON(o.out, map[string]any{"schema": 1, "version": v, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			fmt.Fprintf(o.out, "scaleup %s (%s, %s/%s)\n", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// version is the module's version or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}
