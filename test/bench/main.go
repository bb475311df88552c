// Command bench measures what scaleup promises about speed and size, on the
// computer it runs on, in a lab of its own: it touches no other lab, and takes
// its own down however it ends. It prints a table and writes it to
// docs/BENCHMARKS.md. It judges nothing but the figures: whether the site works
// is what the tests are for.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// config is what the flags say.
type config struct {
	runs      int
	seconds   int
	failovers int
	only      *regexp.Regexp
	out       string // "" writes no document
}

const defaultOut = "docs/BENCHMARKS.md"

func parseFlags(args []string, stderr io.Writer) (config, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	c := config{}
	only := flags.String("only", "", "measure only those whose name matches this regular expression: "+names(measures))
	flags.IntVar(&c.runs, "runs", 5, "how often each thing is measured")
	flags.IntVar(&c.seconds, "seconds", 10, "how long each load lasts")
	flags.IntVar(&c.failovers, "failovers", 10, "how often the primary goes, in each way")
	flags.StringVar(&c.out, "out", defaultOut, "file to write; with -only, none unless it is named")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 || c.runs < 1 || c.seconds < 1 || c.failovers < 1 {
		return c, fmt.Errorf("bench takes flags only, with -runs, -seconds and -failovers of 1 or more")
	}
	var err error
	if c.only, err = regexp.Compile(*only); err != nil {
		return c, fmt.Errorf("-only: %w", err)
	}
	named := false
	flags.Visit(func(f *flag.Flag) { named = named || f.Name == "out" })
	// Half a document would replace a whole one.
	if *only != "" && !named {
		c.out = ""
	}
	return c, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parseFlags(args, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 64
	}
	r, err := measureAll(ctx, c, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
	}
	r.print(stdout)
	if err != nil || len(r.groups) == 0 {
		return 1
	}
	if c.out != "" {
		if err := os.WriteFile(c.out, []byte(r.markdown()), 0o644); err != nil {
			fmt.Fprintf(stderr, "bench: write the report: %v\n", err)
			return 1
		}
		fmt.Fprintf(stderr, "written to %s\n", c.out)
	}
	return 0
}

// measure is something that is measured by itself.
type measure struct {
	name    string
	needLab bool
	do      func(*bench, context.Context) error
}

// The order matters only for speed: each brings the lab into the state it needs.
var measures = []measure{
	{"binary", false, (*bench).binary},
	{"render", false, (*bench).render},
	{"cold", true, (*bench).cold},
	{"warm", true, (*bench).warm},
	{"data", true, (*bench).downAndUp},
	{"steady", true, (*bench).steady},
	{"memory", true, (*bench).memory},
	{"http", true, (*bench).http},
	{"sysbench", true, (*bench).sysbench},
	{"failover", true, (*bench).failover},
}

func names(all []measure) string {
	list := ""
	for i, m := range all {
		if i > 0 {
			list += ", "
		}
		list += m.name
	}
	return list
}

// bench is one run of all measures.
type bench struct {
	config
	lab    *lab
	report *report
	log    io.Writer
}

func measureAll(ctx context.Context, c config, log io.Writer) (r *report, err error) {
	r = &report{runs: c.runs, machine: describeMachine()}
	if _, err := os.Stat("go.mod"); err != nil {
		return r, fmt.Errorf("run it in the repository: make bench")
	}
	var chosen []measure
	needLab := false
	for _, m := range measures {
		if c.only.MatchString(m.name) {
			chosen = append(chosen, m)
			needLab = needLab || m.needLab
		}
	}
	if len(chosen) == 0 {
		return r, fmt.Errorf("-only matches none of %s", names(measures))
	}
	l, err := openLab(needLab, log)
	if err != nil {
		return r, err
	}
	defer func() {
		// Also after Ctrl-C, which has ended ctx.
		if closeErr := l.close(context.WithoutCancel(ctx)); closeErr != nil && err == nil {
			err = closeErr
		}
	}()
	if needLab {
		if err := l.purge(ctx); err != nil { // what a killed bench has left
			return r, err
		}
	}
	b := &bench{config: c, lab: l, report: r, log: log}
	for _, m := range chosen {
		fmt.Fprintf(log, "%s\n", m.name)
		if err := m.do(b, ctx); err != nil {
			return r, fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	return r, nil
}

// repeat measures something as often as -runs says.
func (b *bench) repeat(what string, once func() (float64, error)) ([]float64, error) {
	var samples []float64
	for i := range b.runs {
		v, err := once()
		if err != nil {
			return nil, fmt.Errorf("%s, run %d: %w", what, i+1, err)
		}
		samples = append(samples, v)
		fmt.Fprintf(b.log, "  %s %d/%d: %.3g\n", what, i+1, b.runs, v)
	}
	return samples, nil
}

// binaryPath is the program under test, as make build leaves it.
func binaryPath() (string, error) {
	path, err := filepath.Abs("bin/scaleup")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("find the program: %w; run make build", err)
	}
	return path, nil
}
