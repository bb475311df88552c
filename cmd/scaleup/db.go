package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func dbCommand(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "db", Short: "Look after the database's members",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage{fmt.Sprintf("unknown db verb %q", args[0]), "scaleup db --help lists them"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(dbSwitchCommand(o))
	cmd.AddCommand(dbRecoverCommand(o))
	cmd.AddCommand(dbStatusCommand(o))
	cmd.AddCommand(dbShellCommand(o))
	cmd.AddCommand(dbRotateCommand(o))
	return cmd
}
