//go:build lab

package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// drillResult is what tests read of drill --json.
type drillResult struct {
	Drill, Verdict, Dir string
	Why                 []string
	Objectives          []struct {
		Name            string
		Limit, Measured float64
		Met             bool
	}
	Trials []struct {
		Requests map[string]int
		Ledger   struct{ Acked, Lost, Duplicated, Corrupt int }
	}
}

func (r drillResult) String() string {
	return fmt.Sprintf("%s %s %v %+v", r.Drill, r.Verdict, r.Why, r.Objectives)
}

// Requests a second that the drills of these tests send: a part of what drills usually
// send, since tests share their computer with the nine servers.
const (
	// controlRate is close enough for a control that measures 3.0 s to a tenth: a request
	// each 25 ms.
	controlRate = 40
	// faultRate leaves the processors room to change or mend the site meanwhile.
	faultRate = 20
)

// carried is what this computer has been seen not to exceed.
var carried = controlRate

// drills runs drills in one command, one trial each, and returns their results. Where the
// computer does not carry the rate, they are run again at half of it.
func (s site) drills(t *testing.T, wanted int, names ...string) (map[string]drillResult, result) {
	t.Helper()
	for {
		rate := min(wanted, carried)
		r := s.scaleup(t, append([]string{"drill", "--json", "--trials", "1", "--keep-going", "--baseline", "10s", "--rate", strconv.Itoa(rate)}, names...)...)
		var all struct{ Drills []drillResult }
		var document any = &all
		if len(names) == 1 { // its result is the document
			all.Drills = make([]drillResult, 1)
			document = &all.Drills[0]
		}
		if err := json.Unmarshal([]byte(r.stdout), document); err != nil {
			t.Fatalf("drill --json: %v\n%s%s", err, r.stdout, r.stderr)
		}
		by := map[string]drillResult{}
		enough := true
		for _, d := range all.Drills {
			by[d.Drill] = d
			enough = enough && !slices.ContainsFunc(d.Why, func(why string) bool { return strings.Contains(why, "does not carry this rate") })
		}
		if enough || rate <= 20 {
			return by, r
		}
		carried = rate / 2
		t.Logf("this computer does not carry the load; on with %d requests/s", carried)
	}
}

// testControls shows that a drill measures what is there, and that it can fail: a
// drill without a fault, one of a known outage, rows that were deleted, doubled and
// altered by hand, and a fault that does not bite.
func testControls(t *testing.T) {
	by, r := ha.drills(t, controlRate, "null", "blackhole", "control-lost", "control-duplicated", "control-corrupt", "control-mute")
	if r.code != 2 {
		t.Errorf("exit code %d, want 2: drills were missed on purpose\n%s", r.code, r.stderr)
	}
	for name, want := range map[string]string{
		"null": "MET", "blackhole": "MET", "control-mute": "INCONCLUSIVE",
		"control-lost": "MISSED", "control-duplicated": "MISSED", "control-corrupt": "MISSED",
	} {
		d := by[name]
		if d.Verdict == "INCONCLUSIVE" && want != d.Verdict { // it says nothing about the site, so it is asked once more
			t.Log(d)
			d = ha.again(t, controlRate, name)
			by[name] = d
		}
		if d.Verdict != want && name != "null" {
			t.Errorf("%s: want %s: %s", name, want, d)
		}
		// That nothing fails is certain; the noise of this computer is not.
		if name == "null" && (d.Trials[0].Requests["failed"] > 0 || d.Verdict != "MET" && d.Verdict != "MISSED" && !unclear(d)) {
			t.Errorf("null: %s", d)
		}
	}
	for name, got := range map[string]int{
		"control-lost": by["control-lost"].Trials[0].Ledger.Lost, "control-duplicated": by["control-duplicated"].Trials[0].Ledger.Duplicated,
		"control-corrupt": by["control-corrupt"].Trials[0].Ledger.Corrupt,
	} {
		if got != 1 {
			t.Errorf("%s: the ledger finds %d, want 1", name, got)
		}
	}
	for _, d := range by {
		v := ha.verify(t, d.Dir)
		if v.code != map[string]int{"MET": 0, "MISSED": 2, "INCONCLUSIVE": 3}[d.Verdict] {
			t.Errorf("verify of %s: code %d\n%s%s", d.Drill, v.code, v.stdout, v.stderr)
		}
	}
	ha.must(t, 0, "plan")
}

// verify runs drill verify, which needs no site.
func (s site) verify(t *testing.T, dir string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bin/scaleup", "drill", "verify", dir)
	cmd.Dir = repository(t)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its code says it all
	return result{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// testDrills runs short drills of every kind of fault: a process, a machine, a
// configuration. One trial of each, on a computer that does other things as well, is
// no claim about times; the claims are in docs/drills. What must hold everywhere is
// that nothing is lost or doubled, and that nothing fails where nothing may.
//
// Drills that change the site on purpose are in TestLabFullPlanned: nine servers, an
// apply and the load at once are more than a slow computer has processor time for. What
// a release does under load, testRelease and testBrokenRelease show here.
func testDrills(t *testing.T) {
	ha.shortDrills(t, "lb-process-kill", "lb-holder-freeze", "web-process-kill", "web-freeze", "app-off", "lb-bad-config")
}

func (s site) shortDrills(t *testing.T, names ...string) {
	t.Helper()
	by, _ := s.drills(t, faultRate, names...)
	for _, name := range names {
		d, ok := by[name]
		if ok && d.Verdict == "INCONCLUSIVE" && !unclear(d) { // it says nothing about the site, so it is asked once more
			t.Log(d)
			d, ok = s.again(t, faultRate, name), true
		}
		if ok && d.Verdict == "INCONCLUSIVE" && tooBusy(d) {
			// Without a verdict all the same: had anything been lost or doubled, it would be MISSED.
			t.Logf("this computer is too busy to judge it twice: %s", d)
			continue
		}
		if !ok || d.Verdict != "MET" && d.Verdict != "MISSED" && !unclear(d) {
			t.Errorf("%s has no verdict on the site: %s", name, d)
			continue
		}
		failed := t.Failed()
		for _, o := range d.Objectives {
			bound := o.Limit
			if strings.HasSuffix(o.Name, "_ms") {
				bound = max(1000, 3*o.Limit) // gross, see above
			}
			if o.Measured > bound {
				t.Errorf("%s: %s is %g, the limit is %g", name, o.Name, o.Measured, o.Limit)
			}
		}
		if d.Verdict == "MISSED" {
			t.Log(d)
		}
		if !failed && t.Failed() {
			t.Log(s.course(t, d))
		}
	}
	s.must(t, 0, "plan")
}

// tooBusy reports whether a drill has no verdict only because the computer, which is all
// nine servers and the load generator at once, was late with everything.
func tooBusy(d drillResult) bool {
	return only(d, "the load generator itself was late", "the site was not well to begin with")
}

// unclear reports whether nothing but an outage was in doubt, because it is not told
// apart from what this computer does without a fault: the figures are there.
func unclear(d drillResult) bool {
	return only(d, "a single request waited", "nobody waited in the last", "what the same measure gave before")
}

// only reports whether every reason for which there is no verdict is one of these.
func only(d drillResult, reasons ...string) bool {
	for _, why := range d.Why {
		if !slices.ContainsFunc(reasons, func(reason string) bool { return strings.Contains(why, reason) }) {
			return false
		}
	}
	return len(d.Why) > 0
}

// course is what happened in a drill of one trial: its marks, and what the servers
// said of themselves from the fault on.
func (s site) course(t *testing.T, d drillResult) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository(t), d.Dir, "trial-1", "trial.json"))
	if err != nil {
		t.Fatal(err)
	}
	var trial struct {
		Marks  map[string]time.Duration
		Tool   json.RawMessage
		Events []struct {
			At                        time.Duration `json:"at_ns"`
			Server, Kind, Name, State string
		}
	}
	if err := json.Unmarshal(content, &trial); err != nil {
		t.Fatal(err)
	}
	lines := []string{fmt.Sprintf("%s: %v, tool %s", d.Drill, trial.Marks, trial.Tool)}
	for _, e := range trial.Events {
		if e.At >= trial.Marks["inject_ns"] {
			lines = append(lines, fmt.Sprintf("%9.3f s  %s says: %s %s %s", e.At.Seconds(), e.Server, e.Kind, e.Name, e.State))
		}
	}
	return strings.Join(lines, "\n")
}

// again runs one drill alone.
func (s site) again(t *testing.T, wanted int, name string) drillResult {
	t.Helper()
	by, _ := s.drills(t, wanted, name)
	return by[name]
}

// testFrozenTool stops the drill itself for two seconds: what it measures then is
// itself, and it has to say so.
func testFrozenTool(t *testing.T) {
	d := ha.startDrill(t, "null", "--duration", "6s")
	d.await(t, "observe")
	d.signal(t, syscall.SIGSTOP)
	time.Sleep(2 * time.Second) // how long it is stopped: the control itself
	d.signal(t, syscall.SIGCONT)
	if code := d.wait(t); code != 3 || !strings.Contains(d.stdout.String(), "INCONCLUSIVE") {
		t.Errorf("exit code %d, want 3 and INCONCLUSIVE:\n%s", code, d.stdout.String())
	}
}

// testKilledTool kills the drill at every step. The fault must be gone within its
// lease, and nothing may be left.
func testKilledTool(t *testing.T) {
	t.Cleanup(func() { // before the lab's own, which takes the log along
		if log, err := os.ReadFile(filepath.Join(repository(t), "examples/.scaleup/foobar-ha/faults/reaper.log")); err == nil && t.Failed() {
			t.Logf("the reapers' log:\n%s", log)
		}
	})
	for _, step := range []struct{ drill, phase string }{
		{"web-freeze", "baseline"}, {"web-freeze", "inject"}, {"web-freeze", "observe"}, {"web-freeze", "heal"}, {"web-freeze", "recover"},
		{"web-freeze", "ledger"}, {"lb-holder-off", "observe"}, {"planned-apply", "inject"},
	} {
		d := ha.startDrill(t, step.drill, "--duration", "5s")
		d.await(t, step.phase)
		d.signal(t, syscall.SIGKILL)
		d.wait(t)
		// The lease is the fault's duration and half a minute more; whoever mends the lab then
		// tries for a minute, and a machine has to boot.
		killed := time.Now()
		eventually(t, 150*time.Second, func() error { return ha.faults(t) })
		t.Logf("%s killed at %q: mended %.1f s later", step.drill, step.phase, time.Since(killed).Seconds())
		ha.awaitHealthy(t, 60*time.Second)
		eventually(t, 30*time.Second, func() error {
			if r := ha.scaleup(t, "plan"); r.code != 0 {
				return fmt.Errorf("%s killed at %q: plan ends with %d:\n%s%s", step.drill, step.phase, r.code, r.stdout, r.stderr)
			}
			return nil
		})
		if r := ha.must(t, 0, "heal"); !strings.Contains(r.stdout, "nothing was broken") {
			t.Errorf("%s killed at %q has left: %s", step.drill, step.phase, r.stdout)
		}
	}
}

// faults says what a drill has broken and nobody has mended yet, without mending it.
func (s site) faults(t *testing.T) error {
	t.Helper()
	watched, err := filepath.Glob(filepath.Join(repository(t), "examples/.scaleup/foobar-ha/faults/*.json"))
	if err != nil || len(watched) > 0 {
		return fmt.Errorf("in the lab: %v (%v)", watched, err)
	}
	for _, server := range []string{"web1", "web2"} {
		r := s.must(t, 0, "exec", server, "--", "systemctl", "list-units", "--no-legend", "--plain", "scaleup-fault-*")
		if units := strings.TrimSpace(r.stdout); units != "" {
			return fmt.Errorf("on %s: %s", server, units)
		}
	}
	return nil
}

// testInterrupted ends a drill with Ctrl-C: it heals, and writes what it has.
func testInterrupted(t *testing.T) {
	d := ha.startDrill(t, "web-freeze")
	d.await(t, "observe")
	d.signal(t, syscall.SIGINT)
	if code := d.wait(t); code != 3 || !strings.Contains(d.stdout.String(), "ABORTED") {
		t.Errorf("exit code %d, want 3 and ABORTED:\n%s", code, d.stdout.String())
	}
	ha.awaitHealthy(t, 30*time.Second)
	ha.must(t, 0, "plan")
	reports, err := filepath.Glob(filepath.Join(repository(t), "examples/.scaleup/foobar-ha/drills/*/web-freeze/report.html"))
	if err != nil || len(reports) == 0 {
		t.Errorf("no report of the interrupted drill (%v)", err)
	}
}

// process is a verb that is under way.
type process struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stdout bytes.Buffer
}

func (s site) startDrill(t *testing.T, name string, flags ...string) *process {
	t.Helper()
	return s.start(t, append([]string{"drill", name, "--trials", "1", "--baseline", "3s", "--rate", strconv.Itoa(min(faultRate, carried))}, flags...)...)
}

// start begins a verb and lets it run beside the test.
func (s site) start(t *testing.T, verb ...string) *process {
	t.Helper()
	d := &process{cmd: exec.Command("bin/scaleup", append([]string{verb[0], "-f", s.file}, verb[1:]...)...)}
	d.cmd.Dir = repository(t)
	d.cmd.Stdout = &d.stdout
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.lines = bufio.NewScanner(stderr)
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.cmd.Process.Kill() }) // it may have ended
	return d
}

// await returns when the verb says that a phase has begun. One that stands still is
// ended, and the test with it.
func (d *process) await(t *testing.T, phase string) {
	t.Helper()
	limit := time.AfterFunc(5*time.Minute, func() { d.cmd.Process.Kill() }) // it may have ended
	defer limit.Stop()
	var said []string
	for d.lines.Scan() {
		said = append(said, d.lines.Text())
		if strings.Contains(d.lines.Text(), " "+phase) {
			return
		}
	}
	t.Fatalf("it has ended before %q:\n%s\n%s", phase, strings.Join(said, "\n"), d.stdout.String())
}

func (d *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (d *process) wait(t *testing.T) int {
	t.Helper()
	for d.lines.Scan() { // until it closes its standard error
	}
	_ = d.cmd.Wait() // its code says it all
	return d.cmd.ProcessState.ExitCode()
}
