package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"scaleup/internal/drill/record"
	"scaleup/internal/explain"
	"scaleup/internal/inspect"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

const explainLong = `explain answers questions about the running site: what each element is, why it was
added, what breaks without it, and which drill shows that. Without names it lists the
questions, which needs no site. Every answer has evidence, read when you ask: from all
servers side by side, from one request to the public address and one question to this
computer's name server. What could not be read is shown as "not read", with the reason.

"explain request" follows one request through the tiers.

It exits with 0 when it answered, also when servers are down; with 1 when nothing runs;
with 64 for a question that there is not. It changes nothing: the write to a replica
that it tries is one that changes nothing should it not be refused.`

func explainCommand(o *options) *cobra.Command {
	all, markdown := false, false
	cmd := &cobra.Command{
		Use: "explain [NAME…]", Short: "Answer why each element is there, with evidence from the running site", Long: explainLong,
		Example: "  scaleup explain\n  scaleup explain -f examples/ha.yaml distribution active-active\n  scaleup explain -f examples/ha.yaml --all --markdown >docs/explained.md",
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return questionNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, names []string) error {
			questions, err := o.questions(names, all, markdown)
			if err != nil {
				return err
			}
			if len(questions) == 0 {
				return o.listQuestions()
			}
			op, err := o.loadToLook()
			if err != nil {
				return err
			}
			d, err := op.explain(cmd.Context(), questions)
			if err != nil {
				return err
			}
			switch {
			case op.json:
				return writeJSON(op.out, d)
			case markdown:
				explain.Markdown(op.out, d, strings.Join(append([]string{"scaleup explain -f", op.topology.Site.File, "--markdown"}, askedFor(names)...), " "))
			default:
				explain.Text(op.out, d)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "answer every question")
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print a Markdown document")
	cmd.AddCommand(explainRequestCommand(o))
	return cmd
}

// askedFor is how the questions were named on the command line.
func askedFor(names []string) []string {
	if len(names) == 0 {
		return []string{"--all"}
	}
	return names
}

// questions are those that were asked; none: the list is wanted.
func (o *options) questions(names []string, all, markdown bool) ([]explain.Question, error) {
	const hint = "scaleup explain --all answers every question, scaleup explain NAME… some"
	switch {
	case all && len(names) > 0:
		return nil, usage{"explain wants names or --all, not both", hint}
	case markdown && o.json:
		return nil, usage{"explain prints --json or --markdown, not both", hint}
	case all:
		return explain.Catalogue(), nil
	case len(names) == 0 && markdown:
		return nil, usage{"--markdown wants questions to answer", hint}
	}
	found, unknown := explain.Find(names)
	if len(unknown) > 0 {
		return nil, usage{fmt.Sprintf("no question %q; there are: %s", unknown[0], listed(questionNames())), "scaleup explain lists them in words"}
	}
	return found, nil
}

func questionNames() []string {
	var names []string
	for _, q := range explain.Catalogue() {
		names = append(names, q.Name)
	}
	return names
}

func (o *options) listQuestions() error {
	if !o.json {
		explain.List(o.out, explain.Catalogue())
		return nil
	}
	type question struct {
		Name     string `json:"name"`
		Question string `json:"question"`
		Group    string `json:"group"`
	}
	var all []question
	for _, q := range explain.Catalogue() {
		all = append(all, question{q.Name, q.Question, q.Group})
	}
	return writeJSON(o.out, map[string]any{"schema": 1, "questions": all})
}

// explain reads what the answers need, side by side, and answers.
func (op *operation) explain(ctx context.Context, questions []explain.Question) (explain.Document, error) {
	if err := op.anyRuns(ctx); err != nil {
		return explain.Document{}, err
	}
	client, err := op.outside()
	if err != nil {
		return explain.Document{}, err
	}
	var in explain.Input
	if in.Drills, err = lastDrills(filepath.Join(op.stateDir, "drills")); err != nil {
		return explain.Document{}, err
	}
	if in.History, err = historyWith(op.stateDir, in.Drills); err != nil {
		return explain.Document{}, err
	}
	var wait sync.WaitGroup
	var failed, untraced error
	wait.Go(func() {
		in.Look, failed = op.look(ctx, func(s topology.Server) inspect.Ask { return explain.Ask(op.topology, s) })
	})
	wait.Go(func() { in.Lookup = lookUp(ctx, op.topology.Site.Name) })
	wait.Go(func() { in.Plain = client.plain(ctx) })
	wait.Go(func() {
		// Whether the application is ready is asked through all tiers, and never cached.
		in.Visit = client.visit(ctx, op.topology.Site.App.Ready)
		if in.Visit.Err == "" && slices.ContainsFunc(questions, func(q explain.Question) bool { return q.Trace }) {
			// Nginx's line has the times. More connections would cost more than they tell.
			in.Trace, untraced = op.follow(ctx, in.Visit, spec.Web)
		}
	})
	wait.Wait()
	if err := errors.Join(failed, untraced); err != nil {
		return explain.Document{}, err
	}
	if len(in.Look.Missing()) == len(op.topology.Servers) {
		return explain.Document{}, op.notRunning(errors.New("no server answers"))
	}
	if in.Trace != nil {
		in.Trace.Holder = in.Look.Status.VIPs[0].Holder
	}
	return explain.Explain(in, questions), nil
}

// anyRuns refuses a lab that is off: its addresses may be somebody else's.
func (op *operation) anyRuns(ctx context.Context) error {
	off, err := op.labOff(ctx)
	if err != nil {
		return err
	}
	if len(off) == len(op.topology.Servers) {
		return op.notRunning(errors.New("all servers are off"))
	}
	return nil
}

func (op *operation) notRunning(why error) error {
	site := op.topology.Site
	hint := "scaleup up -f " + site.File + " starts it"
	if !op.topology.InLab() {
		hint = "see that the servers run; scaleup status -f " + site.File + " shows which do not answer"
	}
	return hinted{fmt.Errorf("%s is not running: %w", site.Name, why), hint}
}

// lastDrills reads how each drill ended when it was run last, by name. Runs are in
// folders that are named by their time, drills in folders below.
func lastDrills(dir string) (map[string]explain.Run, error) {
	results, err := filepath.Glob(filepath.Join(dir, "*", "*", "drill.json"))
	if err != nil {
		return nil, fmt.Errorf("look for drills: %w", err)
	}
	slices.Sort(results)
	last := map[string]explain.Run{}
	for _, path := range slices.Backward(results) {
		name, folder := filepath.Base(filepath.Dir(path)), filepath.Base(filepath.Dir(filepath.Dir(path)))
		at, err := time.Parse("20060102T150405", folder)
		if _, newer := last[name]; newer || err != nil {
			continue // a folder of another name is somebody's own
		}
		run, err := readRun(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		run.At = at
		last[name] = run
	}
	return last, nil
}

func readRun(path string) (explain.Run, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return explain.Run{}, fmt.Errorf("read a drill's result: %w", err)
	}
	var r record.Result
	if err := json.Unmarshal(data, &r); err != nil {
		return explain.Run{}, fmt.Errorf("read %s: %w", path, err)
	}
	run := explain.Run{Verdict: string(r.Verdict)}
	for _, t := range r.Trials {
		for outcome, n := range t.Requests {
			run.Sent += n
			if outcome == record.Failed.String() {
				run.Failed += n
			}
		}
	}
	return run, nil
}
