package resource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// System is the server a resource is observed and applied on: the root of its
// file tree ("/" but in tests) and the way its commands are run.
type System struct {
	Root string
	Run  Runner
}

// Command is one program run: argv, never a shell line.
type Command struct {
	Argv  []string
	Stdin io.Reader
	Env   []string // added to the process's own
}

// Runner runs a command and returns its standard output. An exit code other
// than 0 is an *ExitError.
type Runner func(ctx context.Context, c Command) ([]byte, error)

// ExitError is a command that ran and failed.
type ExitError struct {
	Argv   []string
	Code   int
	Output string // standard error, else standard output
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s: exit code %d: %s", strings.Join(e.Argv, " "), e.Code, strings.TrimSpace(e.Output))
}

// Host is the System of the machine this process runs on.
func Host() System { return System{Root: "/", Run: runCommand} }

func runCommand(ctx context.Context, c Command) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Stdin = c.Stdin
	// A fixed locale: outputs are compared and parsed.
	cmd.Env = append(append(os.Environ(), "LC_ALL=C.UTF-8"), c.Env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		output := stderr.String()
		if strings.TrimSpace(output) == "" {
			output = stdout.String()
		}
		return stdout.Bytes(), &ExitError{Argv: c.Argv, Code: exit.ExitCode(), Output: output}
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", c.Argv[0], err)
	}
	return stdout.Bytes(), nil
}

// command runs argv and returns its output.
func (s System) command(ctx context.Context, argv ...string) (string, error) {
	out, err := s.Run(ctx, Command{Argv: argv})
	return string(out), err
}

// path is where a path of the server lies below Root.
func (s System) path(p string) string { return filepath.Join(s.Root, p) }
