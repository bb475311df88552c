package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// streams are the program's standard streams: out is data, err is progress.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// options are the flags every verb has.
type options struct {
	streams
	file    string
	labDir  string
	json    bool
	yes     bool
	noInput bool
	timeout time.Duration
}

const rootLong = `scaleup gives a web site a high-availability infrastructure of real parts:
a cluster of HAProxy load balancers with keepalived, Nginx web servers, your
application servers and MySQL Group Replication, from one site file.

Without addresses in the file the servers are machines of a lab on this
computer; with addresses they are your own, reached over SSH.

  scaleup up -f examples/ha.yaml      nine servers, www.foobar.com over HTTPS
  scaleup status -f examples/ha.yaml  how they are
  scaleup down -f examples/ha.yaml    off, the data stays

Exit codes: 0 done; 1 error; 2 plan: there are changes, status: not healthy,
check: findings above info, drill: an objective missed; 3 drill: no verdict;
64 bad usage or bad site file.`

func newRoot(s streams) *cobra.Command {
	o := &options{streams: s}
	root := &cobra.Command{
		Use: "scaleup", Short: "High-availability web infrastructure from one file", Long: rootLong,
		SilenceErrors: true, SilenceUsage: true,
		// An unknown verb is bad usage, not help.
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage{fmt.Sprintf("unknown verb %q", args[0]), "scaleup --help lists the verbs"}
			}
			return cmd.Help()
		},
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			if o.timeout > 0 {
				ctx, cancel := context.WithTimeoutCause(cmd.Context(), o.timeout, fmt.Errorf("--timeout %s is over", o.timeout))
				cobra.OnFinalize(cancel)
				cmd.SetContext(ctx)
			}
		},
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage{err.Error(), cmd.CommandPath() + " --help lists the flags"}
	})
	flags := root.PersistentFlags()
	flags.StringVarP(&o.file, "file", "f", "", "site file (default: site.yaml here)")
	flags.StringVar(&o.labDir, "lab-dir", "", "folder of the lab's machines and layers (default: $SCALEUP_LAB_DIR or /var/lib/scaleup)")
	flags.BoolVar(&o.json, "json", false, "print JSON on standard output")
	flags.BoolVar(&o.yes, "yes", false, "answer every question with yes")
	flags.BoolVar(&o.noInput, "no-input", false, "never ask; fail where a question would be needed")
	flags.DurationVar(&o.timeout, "timeout", 0, "give up after this long, such as 5m (default: no limit)")
	root.AddCommand(
		initCommand(o), upCommand(o), downCommand(o), planCommand(o), applyCommand(o), renderCommand(o), statusCommand(o), checkCommand(o), logsCommand(o), explainCommand(o), graphCommand(o),
		dbCommand(o), doctorCommand(o), labCommand(o), drillCommand(o), healCommand(o), sshCommand(o), execCommand(o), versionCommand(o),
		remoteCommand(o), guardCommand(o), leaveCommand(o), refillCommand(o), agentCommand(o), haproxyStateCommand(o), reaperCommand(o), changeCommand(o), referenceCommand(o),
	)
	return root
}

// exactly wants n arguments and names them in its error.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage{fmt.Sprintf("%s wants %s, not %d arguments", cmd.CommandPath(), what, len(args)), cmd.CommandPath() + " --help"}
		}
		return nil
	}
}

// atLeastOne wants one argument or more.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage{fmt.Sprintf("%s wants %s", cmd.CommandPath(), what), cmd.CommandPath() + " --help"}
		}
		return nil
	}
}
