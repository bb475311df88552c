package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/check"
	"scaleup/internal/drill"
	"scaleup/internal/drill/record"
	"scaleup/internal/explain"
	"scaleup/internal/inspect"
	"scaleup/internal/journal"
	"scaleup/internal/topology"
)

const checkLong = `check looks for single points of failure and for what has slipped since the site was
set up: certificates, clocks, disks and memory, failed units, configurations and
versions that differ between twins, time limits that do not nest, connection limits,
firewalls wider than the site needs, weakened durability, servers on one computer, and
failures that have not been drilled lately. Each finding says why it matters, how to mend
it and which drill would show it.

It asks every server side by side; one that does not answer is a finding. With --plan it
looks at the site file alone, and so it does by itself when the lab is off.

It exits with 0 when there is nothing above info, else with 2. It changes nothing. It
sees what servers show of themselves: not the provider's network, not which virtual
machines share a computer, and not the application's code.`

func checkCommand(o *options) *cobra.Command {
	plan := false
	cmd := &cobra.Command{
		Use: "check", Short: "Find single points of failure and what has slipped", Long: checkLong,
		Example: "  scaleup check -f examples/ha.yaml\n  scaleup check --plan -f examples/seed.yaml",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			r, err := op.check(cmd.Context(), plan)
			if err != nil {
				return err
			}
			if op.json {
				err = writeJSON(op.out, r)
			} else {
				check.Text(op.out, r)
			}
			if err == nil && !r.Healthy {
				return silent(exitChanges)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&plan, "plan", false, "look at the site file alone")
	return cmd
}

// check looks at the running site, or at its file alone.
func (op *operation) check(ctx context.Context, plan bool) (check.Report, error) {
	t := op.topology
	if !plan {
		off, err := op.labOff(ctx)
		if err != nil {
			return check.Report{}, err
		}
		if len(off) == len(t.Servers) {
			fmt.Fprintf(op.err, "nothing of %s is running: this is what its file says; scaleup up -f %s starts it\n", t.Site.Name, t.Site.File)
			plan = true
		}
	}
	if plan {
		return check.NewReport(t, false, check.Plan(t)), nil
	}
	h, err := siteHistory(op.stateDir)
	if err != nil {
		return check.Report{}, err
	}
	l, err := op.look(ctx, func(s topology.Server) inspect.Ask { return check.Ask(t, s) })
	if err != nil {
		return check.Report{}, err
	}
	return check.NewReport(t, true, check.Running(l, h)), nil
}

// siteHistory is what the site's state folder remembers: since when there is one, and
// how each drill ended last.
func siteHistory(stateDir string) (check.History, error) {
	runs, err := lastDrills(filepath.Join(stateDir, "drills"))
	if err != nil {
		return check.History{}, err
	}
	return historyWith(stateDir, runs)
}

// historyWith is siteHistory for who has read the drills already.
func historyWith(stateDir string, runs map[string]explain.Run) (check.History, error) {
	since, err := journalBegan(filepath.Join(stateDir, "journal.ndjson"))
	if err != nil {
		return check.History{}, err
	}
	h := check.History{Since: since}
	for name, r := range runs {
		if d, known := drill.Find(name); !known || d.Control {
			continue // controls are missed on purpose
		}
		h.Drills = append(h.Drills, check.Drilled{Name: name, At: r.At, Verdict: record.Verdict(r.Verdict)})
	}
	return h, nil
}

// journalBegan is the time of a journal's first event; zero without one.
func journalBegan(path string) (time.Time, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the journal: %w", err)
	}
	defer file.Close()
	first, err := bufio.NewReader(file).ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return time.Time{}, nil // its first event is being written
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read the journal: %w", err)
	}
	var e journal.Event
	if err := json.Unmarshal(first, &e); err != nil {
		return time.Time{}, fmt.Errorf("read the first event of %s: %w", path, err)
	}
	return e.Time, nil
}
