package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"scaleup/internal/drill"
	"scaleup/internal/drill/record"
	drillreport "scaleup/internal/drill/report"
	"scaleup/internal/priority"
)

// drillFlags are the flags of drill.
type drillFlags struct {
	all, list, keepGoing bool
	trials               int
	seed                 uint64
	rate                 float64
	duration, baseline   time.Duration
}

const drillLong = `drill puts a steady load on the running site, breaks something real, heals it,
and says what users would have felt. Its verdict is MET, MISSED, or INCONCLUSIVE
when the measurement itself is in doubt. The objectives are those of the site
file, or the defaults that --list shows.

Requests are due by the clock, whatever earlier ones do, and latency counts from
then. Every acknowledged write is looked for on every database member afterwards.
Faults heal by themselves should this command die; scaleup heal removes whatever
is left. Results lie in .scaleup/<site>/drills; drill verify judges them again.

Exit codes: 0 every objective met, 2 one missed, 3 inconclusive or aborted.`

func drillCommand(o *options) *cobra.Command {
	var f drillFlags
	cmd := &cobra.Command{
		Use: "drill NAME…", Short: "Break something real under load and measure what users feel", Long: drillLong,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return drillNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			drills, err := f.chosen(args)
			if err != nil {
				return err
			}
			op, err := o.load()
			if err != nil {
				return err
			}
			if f.list {
				return op.listDrills()
			}
			return op.drill(cmd.Context(), f, drills)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "run every drill the site can be drilled with")
	flags.BoolVar(&f.list, "list", false, "list the drills and what they promise")
	flags.BoolVar(&f.keepGoing, "keep-going", false, "run the other drills after one that was not met (--all does)")
	flags.IntVar(&f.trials, "trials", 3, "trials of each drill")
	flags.Uint64Var(&f.seed, "seed", 0, "repeat the choices of a run (default: random)")
	flags.Float64Var(&f.rate, "rate", drill.DefaultRead+drill.DefaultWrite, "operations per second, a quarter of them writes")
	flags.DurationVar(&f.duration, "duration", 0, "how long the fault stays (default: as the drill says)")
	flags.DurationVar(&f.baseline, "baseline", drill.FirstBaseline, "load before the first fault, to know how the site is")
	cmd.AddCommand(verifyCommand(o), pictureCommand(o))
	return cmd
}

// measuringNice is the priority of a drill.
const measuringNice = -5

// rateLimit is what this computer can be asked for, beside the site: the generator
// sustains 2,000 operations per second on one processor.
func rateLimit() float64 { return 1000 * float64(runtime.NumCPU()) }

// longestDuration keeps a fault within the leases of the servers.
const longestDuration = 10 * time.Minute

// chosen finds the drills and refuses flags that cannot be.
func (f drillFlags) chosen(args []string) ([]drill.Drill, error) {
	switch {
	case f.trials < 1:
		return nil, usage{fmt.Sprintf("--trials %d: there must be at least one", f.trials), "use --trials 3"}
	case f.rate < 4 || f.rate > rateLimit():
		return nil, usage{fmt.Sprintf("--rate %g: this computer can send 4 to %g operations per second", f.rate, rateLimit()), "use --rate 200"}
	case f.duration < 0 || f.duration > longestDuration:
		return nil, usage{fmt.Sprintf("--duration %s: a fault stays at most %s", f.duration, longestDuration), "use --duration 10s"}
	case f.baseline < time.Second || f.baseline > longestDuration:
		return nil, usage{fmt.Sprintf("--baseline %s: the load before the first fault lasts 1s to %s", f.baseline, longestDuration), "use --baseline 30s"}
	case f.list:
		return nil, nil
	case f.all && len(args) > 0:
		return nil, usage{"--all and names of drills exclude each other", "use one of them"}
	case f.all:
		return drill.All(), nil
	case len(args) == 0:
		return nil, usage{"drill wants the name of a drill, or --all", "there are: " + listed(drillNames())}
	}
	var drills []drill.Drill
	for _, name := range args {
		d, ok := drill.Find(name)
		if !ok {
			return nil, usage{fmt.Sprintf("unknown drill %q", name), "there are: " + listed(drillNames())}
		}
		drills = append(drills, d)
	}
	return drills, nil
}

func drillNames() []string {
	var names []string
	for _, d := range drill.Catalogue() {
		names = append(names, d.Name)
	}
	return names
}

// listDrills shows what there is and what it promises on this site.
func (op *operation) listDrills() error {
	site := op.topology.Site
	type entry struct {
		Name     string          `json:"name"`
		Summary  string          `json:"summary"`
		Promises []drill.Promise `json:"objectives"`
		Unusable string          `json:"unusable,omitempty"`
	}
	var all []entry
	for _, d := range drill.Catalogue() {
		all = append(all, entry{d.Name, d.Summary, d.Promises(site, drill.DefaultRead+drill.DefaultWrite), d.Usable(site, op.topology.InLab())})
	}
	if op.json {
		return writeJSON(op.out, all)
	}
	for _, e := range all {
		fmt.Fprintf(op.out, "%-26s %s\n", e.Name, e.Summary)
		var words []string
		for _, p := range e.Promises {
			words = append(words, fmt.Sprintf("%s ≤ %g", p.Name, p.Limit))
		}
		fmt.Fprintf(op.out, "%-26s   %s\n", "", strings.Join(words, ", "))
		if e.Unusable != "" {
			fmt.Fprintf(op.out, "%-26s   not on this site: %s\n", "", e.Unusable)
		}
	}
	return nil
}

// drill runs drills one after another.
func (op *operation) drill(ctx context.Context, f drillFlags, drills []drill.Drill) error {
	drills, err := op.usable(f, drills)
	if err != nil {
		return err
	}
	unlock, err := op.lockDrills()
	if err != nil {
		return err
	}
	defer unlock()
	if f.seed == 0 {
		f.seed = uint64(rand.Uint32())
	}
	dir := nearby(filepath.Join(op.stateDir, "drills", time.Now().UTC().Format("20060102T150405")))
	r, done, err := op.drillRunner(ctx, f, dir)
	if err != nil {
		return err
	}
	defer done()
	// On a computer that is also the whole site, as in a lab, what is to be measured is the
	// site's struggle for processors and not the drill's. No more than a little: that the
	// load generator is late is how a trial on a computer without processor time to spare is
	// found void. In real time it never was, and told of addresses that moved for no other
	// reason than that nothing else got a turn.
	if err := priority.Favour(ctx, measuringNice); err != nil {
		fmt.Fprintf(op.err, "measured at ordinary priority: %v\n", err)
	}
	summary := record.Summary{Schema: 1, Site: op.topology.Site.Name, Drills: []record.Result{}}
	var failure error
	for i, d := range drills {
		if i > 0 {
			r.Options.Baseline = min(f.baseline, drill.NextBaseline)
		}
		result, err := r.Run(ctx, d)
		if err != nil {
			failure = err
			break
		}
		summary.Drills = append(summary.Drills, result)
		op.printDrill(result, len(drills) > 1)
		if ctx.Err() != nil || result.Verdict != record.Met && !f.all && !f.keepGoing {
			break
		}
	}
	if err := op.concludeDrills(dir, &summary, f.all || len(drills) > 1); err != nil {
		return errors.Join(failure, err)
	}
	if failure != nil {
		return failure
	}
	return verdictCode(summary.Verdict)
}

// nearby is a path as seen from the current folder, when it lies below it: reports
// are passed on, and where somebody's files lie is nobody's business.
func nearby(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	relative, err := filepath.Rel(here, path)
	if err != nil || !filepath.IsLocal(relative) {
		return path
	}
	return relative
}

// usable refuses what the site cannot be drilled with; of --all it leaves it out.
func (op *operation) usable(f drillFlags, drills []drill.Drill) ([]drill.Drill, error) {
	site := op.topology.Site
	if !op.topology.InLab() && !site.DrillsAllowed {
		return nil, hinted{fmt.Errorf("%s runs on real servers, and its site file does not allow drills", site.Name), "add the line \"drills: allowed\" to " + site.File + " when its users can bear it"}
	}
	var usable []drill.Drill
	for _, d := range drills {
		why := d.Usable(site, op.topology.InLab())
		switch {
		case why == "":
			usable = append(usable, d)
		case f.all:
			fmt.Fprintf(op.err, "not run: %s: %s\n", d.Name, why)
		default:
			return nil, usage{fmt.Sprintf("drill %s: %s", d.Name, why), "scaleup drill --list shows which drills this site can be drilled with"}
		}
	}
	return usable, nil
}

// lockDrills keeps two drills from measuring each other.
func (op *operation) lockDrills() (unlock func(), err error) {
	if err := os.MkdirAll(op.stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	l := flock.New(filepath.Join(op.stateDir, "drill.lock"))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	if !ok {
		return nil, hinted{fmt.Errorf("another drill is running on %s", op.topology.Site.Name), "wait until it has ended; it holds " + l.Path()}
	}
	return func() { l.Close() }, nil
}

// printDrill shows a result as soon as it is there.
func (op *operation) printDrill(r record.Result, several bool) {
	out := op.out
	if op.json {
		out = op.err
	}
	drillreport.Text(out, r, op.color(out))
	if several {
		fmt.Fprintln(out)
	}
}

// concludeDrills writes the page of all and the document.
func (op *operation) concludeDrills(dir string, s *record.Summary, several bool) error {
	s.Verdict = drill.Combine(s.Drills)
	if several && len(s.Drills) > 0 {
		file, err := os.OpenFile(filepath.Join(dir, "index.html"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("write the page of all drills: %w", err)
		}
		defer file.Close()
		if err := drillreport.SummaryHTML(file, *s); err != nil {
			return err
		}
	}
	switch {
	case op.json && several:
		return writeJSON(op.out, s)
	case op.json && len(s.Drills) == 1:
		return writeJSON(op.out, s.Drills[0])
	case several && len(s.Drills) > 0:
		drillreport.SummaryText(op.out, *s, op.color(op.out))
		fmt.Fprintf(op.out, "\nreport  %s\n", filepath.Join(dir, "index.html"))
	}
	return nil
}

// verdictCode is how a verdict ends the program.
func verdictCode(v record.Verdict) error {
	switch v {
	case record.Met:
		return nil
	case record.Missed:
		return silent(exitChanges)
	default:
		return silent(exitInconclusive)
	}
}

func verifyCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "verify DIR", Short: "Judge a drill's recorded operations again",
		Long: `verify reads what a drill has left in its folder (DIR holds conditions.json and
a folder for each trial), computes the verdict again from the operations, and
says where drill.json differs. It needs no site.`,
		Args: exactly(1, "the folder of one drill"),
		RunE: func(_ *cobra.Command, args []string) error {
			result, differs, err := drill.Verify(args[0])
			if err != nil {
				return hinted{err, "name the folder of one drill, such as .scaleup/<site>/drills/<time>/null"}
			}
			if o.json {
				if err := writeJSON(o.out, result); err != nil {
					return err
				}
			} else {
				drillreport.Text(o.out, result, o.color(o.out))
			}
			if len(differs) > 0 {
				return fmt.Errorf("the folder contradicts itself: %s", strings.Join(differs, "; "))
			}
			return verdictCode(result.Verdict)
		},
	}
}

func pictureCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "picture DIR", Short: "Draw the worst trial of a recorded drill as SVG, on standard output",
		Args: exactly(1, "the folder of one drill"),
		RunE: func(_ *cobra.Command, args []string) error {
			picture, err := drill.Picture(args[0])
			if err != nil {
				return hinted{err, "name the folder of one drill, such as .scaleup/<site>/drills/<time>/null"}
			}
			_, err = o.out.Write(picture)
			return err
		},
	}
}

// color reports whether a stream is a terminal that wants colour.
func (o *options) color(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && isTerminal(w)
}
