// Command scaleup gives a web site a highly available infrastructure of real
// parts and proves that it works. See the README for its verbs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"scaleup/internal/spec"
)

// Exit codes, as the README lists them.
const (
	exitOK           = 0
	exitError        = 1
	exitChanges      = 2  // plan: there are changes; status: not healthy; drill: an objective missed
	exitInconclusive = 3  // drill: inconclusive or aborted
	exitUsage        = 64 // bad usage or bad site file
)

func main() {
	// The first signal cancels what is running, which then tidies up; a second
	// one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(streams{in: stdin, out: stdout, err: stderr})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return report(ctx, err, stderr)
}

// silent ends the program with a code; what there is to say has been said.
type silent int

func (s silent) Error() string { return fmt.Sprintf("exit code %d", int(s)) }

// usage is a mistake in how scaleup was called.
type usage struct{ reason, hint string }

func (u usage) Error() string { return u.reason }

// hinted is an error with a way out.
type hinted struct {
	err  error
	hint string
}

func (h hinted) Error() string { return h.err.Error() }
func (h hinted) Unwrap() error { return h.err }

// hinter is implemented by the errors of packages that know the way out.
type hinter interface{ Hint() string }

// report prints an error, what and where in one sentence, then the way out, and
// returns the exit code.
func report(ctx context.Context, err error, stderr io.Writer) int {
	var quiet silent
	var wrong usage
	var problems spec.Errors
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &quiet):
		return int(quiet)
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems.Error())
		return exitUsage
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "scaleup: %s\n  hint: %s\n", wrong.reason, wrong.hint)
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "scaleup: interrupted: %v\n  hint: run the same command again, it goes on where it stopped\n", err)
		return exitError
	}
	fmt.Fprintf(stderr, "scaleup: %v\n", err)
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(stderr, "  hint: %s\n", hint)
	}
	return exitError
}

func hintOf(err error) string {
	var own hinted
	if errors.As(err, &own) {
		return own.hint
	}
	var theirs hinter
	if errors.As(err, &theirs) {
		return theirs.Hint()
	}
	return ""
}

// oneLine joins the lines of an error for a progress line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
