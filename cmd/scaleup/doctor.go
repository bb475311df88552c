package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"scaleup/internal/doctor"
)

const doctorLong = `doctor looks at this computer and, side by side, at every server that runs: the way
there (SSH, host key, sudo), system, packages, clock, disk, memory, ports, MySQL data
that is not scaleup's, kernel, MTU, and whether VRRP arrives between the load
balancers. It shows what is not well and how to mend it; -v shows all.

up and apply look at the part that is marked "stops up" before they change a server.

--fix mends, after asking, what can be mended without harm: the lab's programs on this
computer, the modes of your private key and of the site's secrets, and the kernel
setting that lets HAProxy listen on virtual addresses. It touches no data.

It exits with 2 when a check fails, else with 0, also with warnings. Its limits: what
apt has to offer is judged by the lists on the server; large packets are tried with
ICMP, so where that is filtered they are not known to pass; servers that are off are
not looked at.`

func doctorCommand(o *options) *cobra.Command {
	fix, verbose := false, false
	cmd := &cobra.Command{
		Use: "doctor", Short: "Tell whether this computer and the servers are fit for the site", Long: doctorLong, Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.load()
			if err != nil {
				return err
			}
			d := op.examine(cmd.Context())
			if fix {
				if d, err = op.mend(cmd.Context(), d); err != nil {
					return err
				}
			}
			if op.json {
				err = writeJSON(op.out, d)
			} else {
				printDiagnosis(op.out, d, verbose)
			}
			if err == nil && doctor.Count(d.Checks, doctor.Fail) > 0 {
				return silent(exitChanges)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "mend what can be mended without harm, after asking")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show what is well, too")
	return cmd
}

// diagnosis is the document of doctor --json.
type diagnosis struct {
	Schema int            `json:"schema"`
	Site   string         `json:"site"`
	Off    []string       `json:"off"` // servers that were not looked at: the lab says that they are off
	Checks []doctor.Check `json:"checks"`
	Fixed  []string       `json:"fixed"` // what --fix did

	file  string   // of the site, for hints
	order []string // of servers
}

// examine looks at this computer and at the servers that run.
func (op *operation) examine(ctx context.Context) diagnosis {
	d := diagnosis{Schema: 1, Site: op.topology.Site.Name, Off: []string{}, Fixed: []string{}, file: op.topology.Site.File, order: op.names()}
	off, err := op.labOff(ctx)
	if err != nil {
		// The lab itself cannot be looked at, which is one of the computer's checks.
		off = op.names()
	}
	d.Off = append(d.Off, off...)
	d.Checks = op.computer(off).Checks()
	if len(off) == len(op.names()) {
		return d
	}
	for _, name := range off {
		d.Checks = append(d.Checks, doctor.Check{
			ID: "power", Server: name, Result: doctor.Warn, Message: "it is off, while others run", Fix: "scaleup lab on -f " + d.file + " " + name,
		})
	}
	d.Checks = append(d.Checks, op.servers(ctx, off)...)
	return d
}

// printDiagnosis shows what is not well, and with verbose all, by where it was found.
func printDiagnosis(w io.Writer, d diagnosis, verbose bool) {
	for _, where := range append([]string{""}, d.order...) {
		var shown []doctor.Check
		for _, c := range d.Checks {
			if c.Server == where && (verbose || c.Result != doctor.Pass) {
				shown = append(shown, c)
			}
		}
		if len(shown) == 0 {
			continue
		}
		if where == "" {
			where = "this computer and the network"
		}
		fmt.Fprintln(w, where)
		for _, c := range shown {
			printCheck(w, c)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d passed, %d warnings, %d failed\n", doctor.Count(d.Checks, doctor.Pass), doctor.Count(d.Checks, doctor.Warn), doctor.Count(d.Checks, doctor.Fail))
	if len(d.Off) > 0 {
		fmt.Fprintf(w, "off, and not looked at: %s; scaleup up -f %s starts them\n", listed(d.Off), d.file)
	}
	if slices.ContainsFunc(d.Checks, func(c doctor.Check) bool { return c.Fixable }) {
		fmt.Fprintf(w, "scaleup doctor --fix -f %s does what is marked\n", d.file)
	}
}

func printCheck(w io.Writer, c doctor.Check) {
	message := oneLine(c.Message)
	if c.Fatal {
		message += " (stops up)"
	}
	fmt.Fprintf(w, "  %-4s  %-24s %s\n", c.Result, c.ID, message)
	if c.Fix == "" {
		return
	}
	fix := "fix"
	if c.Fixable {
		fix = "fix (doctor --fix does it)"
	}
	fmt.Fprintf(w, "        %s: %s\n", fix, strings.TrimSpace(c.Fix))
}
