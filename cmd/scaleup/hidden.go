package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"scaleup/internal/drill/inject"
	"scaleup/internal/fault"
	"scaleup/internal/guard"
	"scaleup/internal/haproxyctl"
	"scaleup/internal/lbagent"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

// The verbs below run on servers, started by scaleup itself or by systemd; help
// does not show them.

func remoteCommand(o *options) *cobra.Command {
	var encoded, become, receive, watch, logs, hold, heal string
	cmd := &cobra.Command{
		Use: "remote", Hidden: true, Short: "Answer requests on standard input (runs on servers)",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			// What is made on a server has the mode it says, whatever the login's umask.
			syscall.Umask(0o022)
			switch {
			case encoded != "":
				code, err := remote.Exec(cmd.Context(), encoded, o.in, o.out, o.err)
				if err == nil && code != 0 {
					return silent(code)
				}
				return err
			case become != "":
				return remote.Become(become)
			case receive != "":
				return resource.Receive(resource.Host(), receive, o.in)
			case watch != "":
				return remote.Watch(cmd.Context(), watch, o.out)
			case logs != "":
				return remote.Logs(cmd.Context(), logs, o.out)
			case hold != "":
				return fault.Hold(cmd.Context(), resource.Host(), hold)
			case heal != "":
				return fault.Heal(cmd.Context(), resource.Host(), heal)
			default:
				return remote.New().Serve(cmd.Context(), o.in, o.out)
			}
		},
	}
	cmd.Flags().StringVar(&encoded, "exec", "", "run this argument vector (base64url of JSON)")
	cmd.Flags().StringVar(&become, "become", "", "run this argument vector in this process's place (base64url of JSON)")
	cmd.Flags().StringVar(&receive, "receive", "", "receive the release with this digest as a tar stream")
	cmd.Flags().StringVar(&watch, "watch", "", "tell every change of these (base64url of JSON)")
	cmd.Flags().StringVar(&logs, "logs", "", "tell what the logs say (base64url of JSON)")
	cmd.Flags().StringVar(&hold, "fault-hold", "", "inject this fault of a drill and hold it (base64url of JSON)")
	cmd.Flags().StringVar(&heal, "fault-heal", "", "heal this fault of a drill (base64url of JSON)")
	return cmd
}

func guardCommand(o *options) *cobra.Command {
	config := ""
	cmd := &cobra.Command{
		Use: "guard", Hidden: true, Short: "Keep this database server in its group (runs on servers)",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := guard.LoadConfig(config)
			if err != nil {
				return err
			}
			return guard.Run(cmd.Context(), cfg, slog.New(slog.NewTextHandler(o.err, nil)))
		},
	}
	cmd.Flags().StringVar(&config, "config", "/etc/scaleup/guard.json", "configuration")
	return cmd
}

// leaveCommand runs before mysqld is stopped.
func leaveCommand(o *options) *cobra.Command {
	socket := ""
	cmd := &cobra.Command{
		Use: "guard-leave", Hidden: true, Short: "Have the guard leave the group before MySQL stops (runs on servers)",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := remote.LeaveGroup(cmd.Context(), socket); err != nil {
				// Nobody who stops MySQL is kept from it.
				fmt.Fprintf(o.err, "scaleup: MySQL stops without having left the group: %v\n", err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&socket, "socket", remote.GuardSocket, "the guard's control socket")
	return cmd
}

func agentCommand(o *options) *cobra.Command {
	config := ""
	cmd := &cobra.Command{
		Use: "lb-agent", Hidden: true, Short: "Tell keepalived whether HAProxy answers (runs on servers)",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := lbagent.Load(config)
			if err != nil {
				return err
			}
			return lbagent.Run(cmd.Context(), cfg, slog.New(slog.NewTextHandler(o.err, nil)))
		},
	}
	cmd.Flags().StringVar(&config, "config", "/etc/scaleup/lb-agent.json", "configuration")
	return cmd
}

func haproxyStateCommand(*options) *cobra.Command {
	return &cobra.Command{
		Use: "haproxy-state start|reload|open", Hidden: true, Short: "Keep server states over HAProxy's reload (runs on servers)",
		Args: exactly(1, "start, reload or open"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return haproxyctl.Verb(cmd.Context(), haproxyctl.DefaultPaths(), args[0])
		},
	}
}

// reaperCommand runs on the operator's computer, started by a drill that breaks
// machines of the lab.
func reaperCommand(o *options) *cobra.Command {
	file := ""
	cmd := &cobra.Command{
		Use: "drill-reaper", Hidden: true, Short: "Mend the lab's machines when a drill does not",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			inject.OutliveDrill()
			// Standard error is the reapers' log, and all is said there.
			if inject.Reap(cmd.Context(), file, inject.OpenLab, o.out, slog.New(slog.NewTextHandler(o.err, nil))) != nil {
				return silent(exitError)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "what is broken, by whom and until when")
	return cmd
}

// refillCommand runs around each start of mysqld.
func refillCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "mysql-refill before-start|after-start", Hidden: true, Short: "Make lost MySQL data anew, for the guard to fill (runs on servers)",
		Args: exactly(1, "before-start or after-start"),
		RunE: func(cmd *cobra.Command, args []string) error {
			content, err := os.ReadFile(resource.RefillPath)
			if err != nil {
				return fmt.Errorf("read what to do when MySQL's data is gone: %w", err)
			}
			var r resource.Refill
			if err := json.Unmarshal(content, &r); err != nil {
				return fmt.Errorf("read %s: %w", resource.RefillPath, err)
			}
			switch args[0] {
			case "before-start":
				made, err := r.BeforeStart(cmd.Context(), resource.Host())
				if made {
					fmt.Fprintf(o.err, "scaleup: %s was empty and has been initialised; the guard has its data cloned from the group\n", r.Data.Path)
				}
				return err
			case "after-start":
				return r.AfterStart(cmd.Context(), resource.Host())
			}
			return usage{fmt.Sprintf("mysql-refill %q", args[0]), "it is before-start or after-start"}
		},
	}
}
