package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/drill"
)

// The words for the changes of a drill, on the command line of their process.
const (
	changeSettings    = "settings"
	changeOwnSettings = "own-settings"
	changeReboot      = "reboot"
)

// changeOfRelease is the word for the deploy of a release.
var changeOfRelease = map[drill.Release]string{
	drill.OwnRelease: "own-release", drill.NewRelease: "new-release", drill.BrokenRelease: "broken-release",
}

// changed is how a change ended, as its process tells it.
type changed struct {
	Steps int    `json:"steps"`
	Error string `json:"error,omitempty"`
}

// changeGrace is how long a change may tidy up after it was interrupted.
const changeGrace = 30 * time.Second

// changeProcess makes the planned changes of a drill in a process of its own, as an
// operator's command is one. In the drill's own process, at its priority, the work of
// an apply would keep the load generator from sending in time.
type changeProcess struct {
	argv []string // the command up to the change
}

var _ drill.Changes = changeProcess{}

// Settings implements drill.Changes.
func (p changeProcess) Settings(ctx context.Context, other bool) (steps int, err error) {
	if other {
		return p.run(ctx, changeSettings)
	}
	return p.run(ctx, changeOwnSettings)
}

// Release implements drill.Changes.
func (p changeProcess) Release(ctx context.Context, r drill.Release) error {
	_, err := p.run(ctx, changeOfRelease[r])
	return err
}

// Reboot implements drill.Changes.
func (p changeProcess) Reboot(ctx context.Context, servers ...string) error {
	_, err := p.run(ctx, append([]string{changeReboot}, servers...)...)
	return err
}

// run starts the process and waits for its word. Should this process be killed, the
// other finishes its change, and whoever takes it back waits for that: a change that is
// cut off leaves reloads under way on servers, which undo orders that come after.
func (p changeProcess) run(ctx context.Context, words ...string) (steps int, err error) {
	argv := append(p.argv[:len(p.argv):len(p.argv)], words...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = changeGrace
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, strings.TrimSpace(complaint.String()))
	}
	var c changed
	if err := json.Unmarshal(out.Bytes(), &c); err != nil {
		return 0, fmt.Errorf("%s: read how it ended: %w", strings.Join(words, " "), err)
	}
	if c.Error != "" {
		return c.Steps, errors.New(c.Error)
	}
	return c.Steps, nil
}

// changeCommand is the far side of changeProcess, on the same computer.
func changeCommand(o *options) *cobra.Command {
	dir := ""
	cmd := &cobra.Command{
		Use: "drill-change CHANGE [SERVER…]", Hidden: true, Short: "Change the site on purpose, for a drill",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			op, err := o.load()
			if err != nil {
				return err
			}
			steps, err := (&changes{op: op, dir: dir}).make(cmd.Context(), args[0], args[1:])
			c := changed{Steps: steps}
			if err != nil {
				c.Error = err.Error()
			}
			return writeJSON(o.out, c)
		},
	}
	cmd.Flags().StringVar(&dir, "scratch", "", "a folder for changed copies of releases")
	// Without one they would lie where somebody happens to work. It fails only for
	// flags that do not exist.
	_ = cmd.MarkFlagRequired("scratch")
	return cmd
}
