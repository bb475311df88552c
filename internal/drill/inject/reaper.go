package inject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"scaleup/internal/lab"
)

// Reaper starts the processes that mend the lab's machines when the drill does not.
type Reaper struct {
	StateDir string // of the site; the reapers' files lie in its folder faults
	Lab      Lab
	// Start starts a process that calls Reap with the file, and returns once Reap has
	// said that it watches. Detached is the one.
	Start func(file string) error
}

// Lab says which lab it is to a process that knows nothing else.
type Lab struct {
	Dir    string       `json:"dir"` // "" is the default
	Name   string       `json:"name"`
	Subnet netip.Prefix `json:"subnet"`
}

// Opener opens a lab.
type Opener func(Lab) (Machines, error)

const (
	// reapInterval is how often a reaper looks at its file, the clock and the drill's
	// process. There is nothing to wait for that tells of all three.
	reapInterval = 200 * time.Millisecond
	// reapTries and reapPause: mending fails while the lab is being taken down or is
	// locked by another command.
	reapTries = 30
	reapPause = 2 * time.Second
	// reaperStart is how long a new process may take to say that it watches.
	reaperStart = 10 * time.Second
)

// watching is what Reap says when it is ready.
const watching = "watching\n"

func faultsDir(stateDir string) string { return filepath.Join(stateDir, "faults") }

func (r Reaper) file(id string) string { return filepath.Join(faultsDir(r.StateDir), id+".json") }

// watch returns when a reaper watches; without one nothing may be broken. The reaper
// runs in another folder, so it is told absolute paths.
func (r Reaper) watch(o reaperOrder) error {
	file, err := filepath.Abs(r.file(o.ID))
	if err == nil && o.Lab.Dir != "" {
		o.Lab.Dir, err = filepath.Abs(o.Lab.Dir)
	}
	if err != nil {
		return err
	}
	// Under its own name the file says that a reaper watches: whoever dies before has
	// broken nothing, and must not leave that word.
	if err := o.write(file + unwatched); err != nil {
		return fmt.Errorf("write down what is going to be broken: %w", err)
	}
	if err := r.Start(file); err != nil {
		return errors.Join(fmt.Errorf("start the process that mends: %w", err), forget(file+unwatched), forget(file))
	}
	return nil
}

// unwatched is behind the name of a file that no reaper has taken yet.
const unwatched = ".new"

// take gives the file its own name, which tells that it is watched.
func take(file string) error {
	if err := os.Rename(file+unwatched, file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("take over what a drill is going to break: %w", err)
	}
	return nil
}

// forget removes a file that may be gone already.
func forget(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Detached starts reapers as processes of their own: "BINARY drill-reaper --file
// FILE" in a session of its own, so that neither the end of this process nor its
// terminal's Ctrl-C reaches it. What it says of itself goes to its log, also when it
// fails in a way that nobody thought of; it holds nothing of this process open.
func Detached(binary string) func(file string) error {
	return func(file string) error {
		path := reaperLogBeside(file)
		log, err := openReaperLog(path)
		if err != nil {
			return fmt.Errorf("open its log: %w", err)
		}
		defer log.Close()
		said, tell, err := os.Pipe()
		if err != nil {
			return err
		}
		defer said.Close()
		cmd := exec.Command(binary, "drill-reaper", "--file", file)
		cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = "/", tell, log, &syscall.SysProcAttr{Setsid: true}
		err = errors.Join(cmd.Start(), tell.Close())
		if err != nil {
			return err
		}
		// Its exit code concerns nobody; what it did not mend is in its file.
		go func() { _ = cmd.Wait() }()
		line := make([]byte, len(watching))
		err = said.SetReadDeadline(time.Now().Add(reaperStart))
		if err == nil {
			_, err = io.ReadFull(said, line)
		}
		if err != nil || string(line) != watching {
			return errors.Join(fmt.Errorf("it did not say that it watches, see %s: %w", path, err), cmd.Process.Kill())
		}
		return nil
	}
}

// OutliveDrill is the first thing that a reaper process does. A drill that is killed
// before it has heard that it is watched closes its end of the pipe: without somebody to
// take the signal of that, the word would be this process's end, too.
func OutliveDrill() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// Reap is what a reaper process does: it waits until the file is gone, which means
// that the drill has mended, or until the deadline is over, the drill's process has
// ended, or ctx ends. In these cases it mends and removes the file. All that it does
// and all that fails is in the log.
func Reap(ctx context.Context, file string, open Opener, ready io.Writer, log *slog.Logger) (err error) {
	log = log.With("fault", strings.TrimSuffix(filepath.Base(file), ".json"))
	defer func() {
		if err != nil {
			log.Error("gave up; scaleup heal tries again", "error", reason(err))
		}
	}()
	if err := take(file); err != nil {
		return err
	}
	o, err := readOrder(file)
	if err != nil {
		return err
	}
	var m Machines
	if o.Action.needsLab() {
		if m, err = open(o.Lab); err != nil {
			return fmt.Errorf("open lab %s: %w", o.Lab.Name, err)
		}
	}
	log.Info("watches", "what", o.Action.words(o.Servers), "drill", o.Drill.PID, "until", o.Deadline)
	if _, err := io.WriteString(ready, watching); err != nil {
		log.Warn("nobody hears that it watches", "error", err)
	}
	why := o.await(ctx, file)
	if why == "" {
		log.Info("nothing to do: the drill has mended, or somebody else")
		return nil
	}
	log.Info("mends", "why", why)
	return o.mend(context.WithoutCancel(ctx), m, file, log)
}

// await returns when it is time to mend, and why it is, or "" when there is nothing to
// do any more.
func (o reaperOrder) await(ctx context.Context, file string) (why string) {
	tick := time.NewTicker(reapInterval)
	defer tick.Stop()
	for {
		switch {
		case gone(file):
			return ""
		case !time.Now().Before(o.Deadline):
			return "the lease is over"
		case !o.Drill.alive():
			return "the drill's process has ended"
		case ctx.Err() != nil:
			return "told to end"
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func gone(file string) bool {
	_, err := os.Lstat(file)
	return errors.Is(err, fs.ErrNotExist)
}

// mend tries until it has worked, somebody else has done it, or it is hopeless.
func (o reaperOrder) mend(ctx context.Context, m Machines, file string, log *slog.Logger) error {
	for try := 1; ; try++ {
		err := heal(ctx, m, o, file)
		switch {
		case err == nil:
			log.Info("mended", "tries", try)
			return nil
		case gone(file):
			log.Info("mended by somebody else meanwhile", "try", try, "error", reason(err))
			return nil
		case try == reapTries:
			return fmt.Errorf("after %d tries: %w", try, err)
		}
		log.Warn("could not mend yet", "try", try, "error", reason(err))
		time.Sleep(reapPause) // nothing tells when another command is done with the lab
	}
}

// heal undoes an action and then forgets it.
func heal(ctx context.Context, m Machines, o reaperOrder, file string) error {
	if err := o.Action.undo(ctx, m, o.Servers...); err != nil {
		return fmt.Errorf("mend %s: %w", o.Action.words(o.Servers), err)
	}
	if err := forget(file); err != nil {
		return fmt.Errorf("forget %s: %w", o.Action.words(o.Servers), err)
	}
	return nil
}

// OpenLab opens a lab of this computer.
func OpenLab(l Lab) (Machines, error) {
	opened, err := lab.Open(lab.Config{Dir: l.Dir, Name: l.Name, Subnet: l.Subnet})
	if err != nil {
		return nil, err
	}
	return opened, nil
}
