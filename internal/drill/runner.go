// Package drill proves under load that a site survives, and by how much: it sends
// a steady load, breaks something real, and says what users would have felt and
// whether any acknowledged write was lost. What is broken and promised stands in
// the catalogue; what is sent, broken, measured and shown is the work of the
// packages below this one.
//
// It changes nothing on a site but by its faults, which heal themselves, and it is
// in nobody's way: a verdict is about the site, and when the measurement itself is
// in doubt the verdict is INCONCLUSIVE.
package drill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"scaleup/internal/drill/inject"
	"scaleup/internal/drill/load"
	"scaleup/internal/drill/record"
	"scaleup/internal/host"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// Runner runs drills on one site.
type Runner struct {
	Site    *topology.Topology
	Hosts   map[string]host.Host // by server name, for orders
	Dial    func(context.Context, topology.Server) (host.Host, error)
	Binary  string          // path of scaleup on the servers
	Lab     inject.Machines // nil on real servers
	Reaper  inject.Reaper   // heals the lab's machines should this process die
	Target  load.Target     // the site as its users reach it
	SQL     SQLAccess       // the internal VIP, for the drill's own rows
	Status  func(context.Context) (status.Report, error)
	Changes Changes // what scaleup does to a site on purpose
	Options Options
	Show    func(Progress)

	id    string    // of the drill's run, part of every key it writes
	share float64   // of the rate, see Drill.MaxRate
	whole time.Time // since when all has been well; zero while something is broken
	rand  *rand.Rand
}

// rates are the reads and writes per second of the drill that runs.
func (r *Runner) rates() (read, write float64) {
	return r.Options.Read * r.share, r.Options.Write * r.share
}

// Options are the flags of the verb.
type Options struct {
	Read, Write float64 // operations per second
	Trials      int
	Seed        uint64
	Hold        time.Duration // how long a fault stays; 0: as the drill says
	Baseline    time.Duration // of the first trial; the others have NextBaseline at most
	Dir         string        // where results are written, one folder per drill
	Version     string        // scaleup's
	Converge    []string      // argv of the command that makes the site what its file says
	Reproduce   func(drill string, seed uint64) string
}

// DefaultRead and DefaultWrite are operations per second, from the design.
const (
	DefaultRead  = 150
	DefaultWrite = 50
)

// Changes are what scaleup does to a site on purpose, as its other verbs do it.
type Changes interface {
	// Settings applies the site with other settings on every tier, or its own again,
	// and says in how many steps.
	Settings(ctx context.Context, changed bool) (steps int, err error)
	// Release deploys another release of the app, or the site's own again.
	Release(ctx context.Context, r Release) error
	// Reboot restarts servers, one after another.
	Reboot(ctx context.Context, servers ...string) error
}

// Release is which release of the app is deployed.
type Release int

// The releases of a drill.
const (
	OwnRelease    Release = iota // the site file's
	NewRelease                   // another that works
	BrokenRelease                // one whose program ends at once: its deploy must be refused
)

// Progress is one moment of a drill, for people who watch.
type Progress struct {
	Drill  string
	Trial  int
	Phase  string        // baseline, inject, observe, heal, recover, settle, ledger
	Left   time.Duration // of the phase, at most
	Began  bool          // the phase has just begun
	Live   load.Live
	Note   string // something worth a line of its own
	Result *record.TrialResult
}

// Env is the site at the moment at which a drill chooses what to break.
type Env struct {
	*Runner
	Holder  string // load balancer that holds the virtual addresses
	Primary string // database server
	Report  status.Report
	ID      string // of the fault, unique
	Lease   time.Duration
	Rand    *rand.Rand
}

// env looks at the site; it must be healthy.
func (r *Runner) env(ctx context.Context, d Drill) (Env, error) {
	s, err := r.Status(ctx)
	if err != nil {
		return Env{}, err
	}
	if !s.Healthy {
		return Env{}, &NotHealthyError{s.Verdict}
	}
	if r.whole.IsZero() {
		r.whole = time.Now()
	}
	e := Env{Runner: r, Primary: s.Database.Primary, Report: s, Rand: r.rand, ID: fmt.Sprintf("%s-%04x", r.id, r.rand.Uint32()&0xffff)}
	e.Lease = r.holdOf(d) + biteWithin + leaseMargin
	for _, v := range s.VIPs {
		if v.Name == "public" {
			e.Holder = v.Holder
		}
	}
	return e, nil
}

// NotHealthyError refuses to break a site that is broken already.
type NotHealthyError struct{ Verdict string }

func (e *NotHealthyError) Error() string {
	return "the site is not healthy, so it is not drilled: " + e.Verdict
}

// Hint implements the command line's way out.
func (e *NotHealthyError) Hint() string {
	return "scaleup status shows what is wrong; scaleup heal removes what a drill has left; scaleup up mends"
}

// Healthy asks whether everything is there and works, and in words what not.
func (r *Runner) Healthy(ctx context.Context) (healthy bool, verdict string, err error) {
	s, err := r.Status(ctx)
	return s.Healthy, s.Verdict, err
}

// Run runs one drill: its trials, the verdict, the files. The result of a run that
// was interrupted has the trials there were.
func (r *Runner) Run(ctx context.Context, d Drill) (record.Result, error) {
	seed := r.Options.Seed
	r.rand = newRand(seed)
	r.id = fmt.Sprintf("%s%04x", time.Now().UTC().Format("0102150405"), seed&0xffff)
	r.share = d.share(r.Options.Read + r.Options.Write)
	read, write := r.rates()
	promises := d.Promises(r.Site.Site, read+write)
	files, err := newFolder(r.Options.Dir, d.Name)
	if err != nil {
		return record.Result{}, err
	}
	result := r.begin(d, files.dir)
	if result.Audit, err = r.audit(ctx); err != nil {
		return result, fmt.Errorf("audit the site's settings: %w", err)
	}
	if err := files.conditions(conditions{Result: result, Promises: promises}); err != nil {
		return result, err
	}
	baseline := r.Options.Baseline
	for n := 1; n <= r.Options.Trials && ctx.Err() == nil; n++ {
		t, holdings, err := r.trial(ctx, d, n, baseline)
		baseline = min(baseline, NextBaseline)
		if err != nil {
			return result, errors.Join(err, files.report(result))
		}
		if err := files.trial(t.Trial, holdings); err != nil {
			return result, err
		}
		judged := judge(t.Trial, promises)
		result = concluded(result, append(result.Trials, judged), append(files.trials, t.Trial))
		files.trials = append(files.trials, t.Trial)
		r.Show(Progress{Drill: d.Name, Trial: n, Phase: "judged", Result: &judged})
		if t.unwell {
			break // another trial would find the same
		}
	}
	return result, files.report(result)
}

// begin is a result before its trials.
func (r *Runner) begin(d Drill, dir string) record.Result {
	result := record.Result{
		Schema: 1, Drill: d.Name, Seed: r.Options.Seed, Dir: dir, Site: r.Site.Site.Name, Summary: d.Summary,
		Version: r.Options.Version, NotTested: append(notTested(r.Lab != nil), d.NotTested...), Reproduce: r.Options.Reproduce(d.Name, r.Options.Seed),
		Trials: []record.TrialResult{}, Objectives: []record.Objective{},
	}
	result.Rate.Read, result.Rate.Write = r.rates()
	if r.Options.Baseline < NextBaseline {
		result.NotTested = append(result.NotTested, fmt.Sprintf("whether the site was well before: %s of load say little about that", r.Options.Baseline))
	}
	return result
}

// notTested is what no drill shows.
func notTested(inLab bool) []string {
	not := []string{"the loss of the whole place: all servers are on one network", "mistakes of operators, and faults of the application itself"}
	if inLab {
		not = append(not, "power loss below the page cache: a lab machine that is switched off keeps what its kernel had not written yet",
			"several computers: all machines of the lab share the processors, the disk and the kernel of this one")
	}
	return not
}

// concluded is a result with its trials judged. It is pure.
func concluded(r record.Result, judged []record.TrialResult, trials []record.Trial) record.Result {
	r.Trials = judged
	verdicts := make([]record.Verdict, len(judged))
	r.Tool.Unsent, r.Tool.Again, r.Why = 0, 0, nil
	for i, t := range judged {
		verdicts[i] = t.Verdict
		tool := trials[i].Tool
		r.Tool.SendLagP99MS = max(r.Tool.SendLagP99MS, round(ms(tool.LagP99)))
		r.Tool.SendLagMaxMS = max(r.Tool.SendLagMaxMS, round(ms(tool.LagMax)))
		r.Tool.Unsent += tool.Unsent
		r.Tool.Again += tool.Again
		if why := because(t); why != "" {
			r.Why = append(r.Why, fmt.Sprintf("trial %d: %s", i+1, why))
		}
	}
	r.Verdict, r.Worst = combine(verdicts), worstTrial(judged)
	r.Targets, r.Objectives = trials[r.Worst].Target, []record.Objective{}
	says := r.Counted()
	if len(says) == 0 { // none says anything; what was measured is shown all the same
		says = judged
	}
	for _, same := range record.ByName(says) {
		r.Objectives = append(r.Objectives, record.WorstOf(same))
	}
	return r
}

// because says in a sentence why a trial was not MET.
func because(t record.TrialResult) string {
	if t.Verdict == record.Inconclusive {
		return t.Void
	}
	for _, o := range t.Objectives {
		if !o.Met && t.Verdict == record.Missed {
			return fmt.Sprintf("%s is %g, the limit is %g", o.Name, o.Measured, o.Limit)
		}
	}
	return ""
}

func (t *underway) phase(name string, atMost time.Duration) {
	t.current, t.until = name, time.Now().Add(atMost)
	t.Show(Progress{Drill: t.drill.Name, Trial: t.Number, Phase: name, Left: atMost, Began: true, Live: t.load.generator.Live()})
}

// tick tells that the phase goes on.
func (t *underway) tick() {
	t.Show(Progress{Drill: t.drill.Name, Trial: t.Number, Phase: t.current, Left: max(0, time.Until(t.until)), Live: t.load.generator.Live()})
}

func (t *underway) note(text string) {
	t.Show(Progress{Drill: t.drill.Name, Trial: t.Number, Note: text, Live: t.load.generator.Live()})
}
