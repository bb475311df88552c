package lab

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// commandError is a program that failed, with the end of what it said.
type commandError struct {
	argv []string
	err  error
	said string
}

func (e *commandError) Error() string {
	said := lastLines(e.said, 3)
	if said == "" {
		return fmt.Sprintf("%s: %v", strings.Join(e.argv[:min(len(e.argv), 3)], " "), e.err)
	}
	return fmt.Sprintf("%s: %s", e.argv[0], said)
}

func (e *commandError) Unwrap() error { return e.err }

// run runs a program to its end and returns what it printed. The program and
// what it started die with this process or with ctx.
func run(ctx context.Context, argv ...string) (string, error) {
	return runEnv(ctx, nil, argv...)
}

func runEnv(ctx context.Context, env []string, argv ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program(argv[0]), argv[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if env != nil {
		cmd.Env = append(cmd.Environ(), env...)
	}
	// A group of its own keeps the terminal's Ctrl-C from it: ctx decides.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return out.String(), ctx.Err()
		}
		return out.String(), &commandError{argv: argv, err: err, said: out.String()}
	}
	return out.String(), nil
}

// program finds a program also where the PATH of an ordinary user does not look,
// which some sudo configurations keep.
func program(name string) string {
	if _, err := exec.LookPath(name); err != nil {
		for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
			if exists(dir + name) {
				return dir + name
			}
		}
	}
	return name
}

// lastLines joins the last n lines that say something.
func lastLines(s string, n int) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
