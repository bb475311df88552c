package drill

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"scaleup/internal/drill/record"
	"scaleup/internal/drill/report"
)

// Files of a drill's folder. Everything a verdict needs is in them: Verify reads
// no more.
const (
	conditionsFile = "conditions.json" // what was promised, written before the first trial
	resultFile     = "drill.json"
	reportFile     = "report.html"
	trialFile      = "trial.json"  // of each trial's folder
	opsFile        = "ops.jsonl"   // of each trial's folder
	ledgerFile     = "ledger.json" // of each trial's folder: what the members held
)

// conditions are what stood before the first trial.
type conditions struct {
	Result   record.Result `json:"result"` // without trials
	Promises []Promise     `json:"promises"`
}

// folder is where one drill's run is written as it goes, so that a run that is cut
// off leaves what it has.
type folder struct {
	dir    string
	trials []record.Trial
}

func newFolder(parent, drill string) (*folder, error) {
	dir := filepath.Join(parent, drill)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the drill: %w", err)
	}
	return &folder{dir: dir}, nil
}

func (f *folder) conditions(c conditions) error {
	return writeJSON(filepath.Join(f.dir, conditionsFile), c)
}

func (f *folder) trialDir(number int) string {
	return filepath.Join(f.dir, fmt.Sprintf("trial-%d", number))
}

// trial writes one trial, its operations first: a folder with trial.json is whole.
func (f *folder) trial(t record.Trial, h Holdings) error {
	dir := f.trialDir(t.Number)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of trial %d: %w", t.Number, err)
	}
	err := writeFile(filepath.Join(dir, opsFile), func(w io.Writer) error { return record.WriteOps(w, t.Ops) })
	if err := errors.Join(err, writeJSON(filepath.Join(dir, ledgerFile), h)); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, trialFile), t)
}

// result writes drill.json.
func (f *folder) result(r record.Result) error { return writeJSON(filepath.Join(f.dir, resultFile), r) }

// report writes the result and the page for people.
func (f *folder) report(r record.Result) error {
	return errors.Join(f.result(r), writeFile(filepath.Join(f.dir, reportFile), func(w io.Writer) error {
		return report.HTML(w, r, f.trials)
	}))
}

// readFolder reads what a run has left.
func readFolder(dir string) (*folder, conditions, error) {
	var c conditions
	if err := readJSON(filepath.Join(dir, conditionsFile), &c); err != nil {
		return nil, c, err
	}
	f := &folder{dir: dir}
	for n := 1; ; n++ {
		t, err := readTrial(f.trialDir(n))
		if errors.Is(err, fs.ErrNotExist) {
			return f, c, nil
		}
		if err != nil {
			return nil, c, err
		}
		f.trials = append(f.trials, t)
	}
}

func readTrial(dir string) (record.Trial, error) {
	var t record.Trial
	if err := readJSON(filepath.Join(dir, trialFile), &t); err != nil {
		return t, err
	}
	file, err := os.Open(filepath.Join(dir, opsFile))
	if err != nil {
		return t, fmt.Errorf("read the operations of a trial: %w", err)
	}
	defer file.Close()
	if t.Ops, err = record.ReadOps(bufio.NewReader(file)); err != nil {
		return t, fmt.Errorf("%s: %w", file.Name(), err)
	}
	var h Holdings
	if err := readJSON(filepath.Join(dir, ledgerFile), &h); err != nil {
		return t, err
	}
	t.Ledger, t.Tool = ledgerOf(h, t.Ops), toolOf(t.Ops)
	return t, nil
}

// Verify judges again what a run has left in its folder, by the promises that stood
// before it began, and reports where its drill.json says otherwise. It touches no
// site. A run that was cut off before it could judge has no drill.json: then the
// verdict is only computed.
func Verify(dir string) (result record.Result, differs []string, err error) {
	f, c, err := readFolder(dir)
	if err != nil {
		return record.Result{}, nil, err
	}
	if len(f.trials) == 0 {
		return record.Result{}, nil, fmt.Errorf("%s holds no finished trial", dir)
	}
	var judged []record.TrialResult
	for _, t := range f.trials {
		judged = append(judged, judge(t, c.Promises))
	}
	result = concluded(c.Result, judged, f.trials)
	var before record.Result
	switch err := readJSON(filepath.Join(dir, resultFile), &before); {
	case errors.Is(err, fs.ErrNotExist):
		return result, nil, nil
	case err != nil:
		return result, nil, err
	}
	return result, differences(before, result), nil
}

// differences names what a stored result says otherwise than a computed one.
func differences(before, now record.Result) []string {
	var all []string
	if before.Verdict != now.Verdict {
		all = append(all, fmt.Sprintf("the verdict is %s, drill.json says %s", now.Verdict, before.Verdict))
	}
	if len(before.Trials) != len(now.Trials) {
		return append(all, fmt.Sprintf("there are %d trials, drill.json has %d", len(now.Trials), len(before.Trials)))
	}
	for i, t := range now.Trials {
		for j, o := range t.Objectives {
			if j >= len(before.Trials[i].Objectives) || before.Trials[i].Objectives[j] != o {
				all = append(all, fmt.Sprintf("trial %d: %s is %g, drill.json says otherwise", i+1, o.Name, o.Measured))
			}
		}
	}
	return all
}

func writeJSON(path string, v any) error {
	return writeFile(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(v)
	})
}

// writeFile replaces a file whole. Results name servers and what is wrong with
// them, so they are the operator's only.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer file.Close()
	buffered := bufio.NewWriter(file)
	if err := errors.Join(write(buffered), buffered.Flush(), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(path+".new", path)
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read what a drill has left: %w", err)
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// Picture draws the worst trial of a recorded run as an SVG that stands by itself: a
// close-up of the fault where there is one to be had, else the whole trial.
func Picture(dir string) ([]byte, error) {
	result, _, err := Verify(dir)
	if err != nil {
		return nil, err
	}
	t, err := readTrial((&folder{dir: dir}).trialDir(result.Worst + 1))
	if err != nil {
		return nil, err
	}
	from, to, _ := report.Closeup(t)
	return report.TimelineSVG(t, report.Picture{
		ID: "drill", Title: result.Drill + ": " + t.Fault, Width: report.WideWidth, From: from, To: to, Standalone: true,
	}), nil
}
