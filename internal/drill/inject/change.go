package inject

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Watched has the reaper take a planned change back should this process die before
// it calls done: it then runs argv, which makes the site again what its file says.
func Watched(r Reaper, id string, lease time.Duration, argv []string) (done func() error, err error) {
	o := reaperOrder{
		ID: id, Lab: r.Lab, Action: Action{Kind: kindChange, Command: argv},
		Deadline: time.Now().Add(lease), Drill: thisProcess(),
	}
	if err := r.watch(o); err != nil {
		return nil, fmt.Errorf("watch over a change: %w", err)
	}
	return func() error {
		if err := os.Remove(r.file(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("end the watch over a change: %w", err)
		}
		return nil
	}, nil
}

// converge runs the command that makes the site what its file says.
func converge(ctx context.Context, argv []string) error {
	if len(argv) == 0 {
		return errors.New("take a change back: there is no command for it")
	}
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("take a change back: %s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// needsLab reports whether mending is the lab's.
func (a Action) needsLab() bool { return a.Kind != kindChange }
