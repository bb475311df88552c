package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// lab is the bench's own site, driven through the program as a user does.
type lab struct {
	binary string
	file   string // site file
	dir    string // all the bench writes, removed at the end
	root   bool   // the lab may be touched
	log    io.Writer
	lock   *flock.Flock
}

// labRoot is the bench's folder: on the disk that labs are on by default, and
// always the same, so that what a killed bench has left is found.
const labRoot = "/var/lib/scaleup-bench"

func openLab(root bool, log io.Writer) (*lab, error) {
	binary, err := binaryPath()
	if err != nil {
		return nil, err
	}
	l := &lab{binary: binary, dir: labRoot, root: root, log: log}
	if !root {
		if l.dir, err = os.MkdirTemp("", "scaleup-bench-"); err != nil {
			return nil, fmt.Errorf("make a folder: %w", err)
		}
	} else if err := l.claim(); err != nil {
		return nil, err
	}
	repository, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	example, err := os.ReadFile("examples/ha.yaml")
	if err != nil {
		return nil, fmt.Errorf("read the example: %w", err)
	}
	site, err := benchSite(string(example), repository)
	if err != nil {
		return nil, fmt.Errorf("read examples/ha.yaml: %w", err)
	}
	l.file, err = l.write("site.yaml", site)
	return l, err
}

// claim keeps two benches from measuring each other.
func (l *lab) claim() error {
	if os.Geteuid() != 0 {
		return errors.New("the lab needs root: sudo make bench")
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	l.lock = flock.New(l.dir + ".lock")
	free, err := l.lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if !free {
		return errors.New("another bench is running; wait until it has ended")
	}
	return nil
}

func (l *lab) write(name, content string) (string, error) {
	path := filepath.Join(l.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return path, nil
}

// dataDir holds layers and machines.
func (l *lab) dataDir() string { return filepath.Join(l.dir, "lab") }

// outcome is a command that has ended as it should.
type outcome struct {
	stdout string
	took   time.Duration
	rss    int64 // peak, bytes
}

const (
	commandLimit = 10 * time.Minute
	patience     = 20 * time.Second // for a command to tidy up after it was interrupted
)

// call runs a program and wants an exit code.
func call(ctx context.Context, code int, stdin io.Reader, argv ...string) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	// A terminal's Ctrl-C is for the bench, which passes it on once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	began := time.Now()
	err := cmd.Run()
	o := outcome{stdout: stdout.String(), took: time.Since(began)}
	if cmd.ProcessState == nil {
		return o, fmt.Errorf("start %s: %w", filepath.Base(argv[0]), err)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		o.rss = usage.Maxrss << 10
	}
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		return o, fmt.Errorf("%s %s ended with %d, not %d:\n%s", filepath.Base(argv[0]), strings.Join(argv[1:min(len(argv), 3)], " "), got, code, lastLines(or(stderr.String(), o.stdout), 8))
	}
	return o, nil
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// run runs a verb on the bench's site.
func (l *lab) run(ctx context.Context, args ...string) (outcome, error) {
	return l.feed(ctx, nil, args...)
}

func (l *lab) feed(ctx context.Context, stdin io.Reader, args ...string) (outcome, error) {
	argv := append([]string{l.binary, args[0], "-f", l.file, "--lab-dir", l.dataDir()}, args[1:]...)
	return call(ctx, 0, stdin, argv...)
}

// on runs a program on a server and returns what it prints.
func (l *lab) on(ctx context.Context, server string, stdin string, argv ...string) (string, error) {
	o, err := l.feed(ctx, strings.NewReader(stdin), append([]string{"exec", server, "--"}, argv...)...)
	if err != nil {
		return "", fmt.Errorf("on %s: %w", server, err)
	}
	return o.stdout, nil
}

// timed is the duration of a verb, in seconds.
func (l *lab) timed(ctx context.Context, args ...string) (float64, error) {
	o, err := l.run(ctx, args...)
	return o.took.Seconds(), err
}

// purge removes machines, data and secrets; layers stay.
func (l *lab) purge(ctx context.Context) error {
	_, err := l.run(ctx, "down", "--purge", "--yes")
	return err
}

// wipe removes the layers, too. Only after purge: nothing runs from them then.
func (l *lab) wipe() error {
	if err := os.RemoveAll(l.dataDir()); err != nil {
		return fmt.Errorf("remove the layers: %w", err)
	}
	return nil
}

// close leaves nothing behind.
func (l *lab) close(ctx context.Context) error {
	if l.root {
		defer l.lock.Close()
		fmt.Fprintln(l.log, "taking the lab down")
		if err := l.purge(ctx); err != nil {
			return fmt.Errorf("take the lab down: %w", err)
		}
	}
	if err := os.RemoveAll(l.dir); err != nil {
		return fmt.Errorf("remove the bench's folder: %w", err)
	}
	if l.root {
		return os.Remove(l.lock.Path())
	}
	return nil
}

// siteStatus is what the bench reads of status --json.
type siteStatus struct {
	Site, Address, CA string
	Servers           []struct{ Name, Role, Address string }
	Database          struct{ Primary string }
}

func (l *lab) status(ctx context.Context) (siteStatus, error) {
	var s siteStatus
	o, err := l.run(ctx, "status", "--json")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal([]byte(o.stdout), &s); err != nil {
		return s, fmt.Errorf("read status: %w", err)
	}
	return s, nil
}
