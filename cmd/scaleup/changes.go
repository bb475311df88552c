package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"scaleup/internal/drill"
	"scaleup/internal/journal"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// changes are the planned changes of the drills: the site's own verbs, on the site
// with something else in it. Nothing is written to the site file.
type changes struct {
	op  *operation
	dir string // for folders that differ from the site's own
}

// make makes the change of that name and says in how many steps.
func (c *changes) make(ctx context.Context, name string, servers []string) (steps int, err error) {
	switch name {
	case changeSettings:
		return c.settings(ctx)
	case changeOwnSettings:
		return c.apply(ctx, func(*spec.Site) error { return nil })
	case changeReboot:
		return c.op.converge(ctx, servers)
	}
	for release, word := range changeOfRelease {
		if word == name {
			return c.release(ctx, release)
		}
	}
	return 0, usage{fmt.Sprintf("unknown change %q", name), "this verb is for the drills"}
}

// settings changes a variable of the app, the address HAProxy checks it at, and a
// file of the web tier.
func (c *changes) settings(ctx context.Context) (steps int, err error) {
	return c.apply(ctx, func(s *spec.Site) error {
		s.App.Env = maps.Clone(s.App.Env)
		if s.App.Env == nil {
			s.App.Env = map[string]string{}
		}
		s.App.Env["SCALEUP_DRILL"] = "planned-apply"
		s.App.Health = s.App.Ready
		var err error
		s.Web.Static, err = c.copyOf(s.Web.Static, "static", "drill.txt", "another file\n", 0o644)
		return err
	})
}

// brokenProgram is the program of a release that cannot work.
const brokenProgram = "scaleup-drill-broken"

func (c *changes) release(ctx context.Context, r drill.Release) (steps int, err error) {
	return c.apply(ctx, func(s *spec.Site) (err error) {
		switch r {
		case drill.NewRelease:
			s.App.Release, err = c.copyOf(s.App.Release, "release", "scaleup-drill.txt", "another release\n", 0o644)
		case drill.BrokenRelease:
			s.App.Release, err = c.copyOf(s.App.Release, "broken", brokenProgram, "#!/bin/sh\necho 'this release cannot work'\nexit 1\n", 0o755)
			s.App.Command, s.App.Migrate = []string{"./" + brokenProgram}, nil
		}
		return err
	})
}

// apply converges the site with something changed in it.
func (c *changes) apply(ctx context.Context, change func(*spec.Site) error) (steps int, err error) {
	site := *c.op.topology.Site
	if err := change(&site); err != nil {
		return 0, err
	}
	t, err := topology.Build(&site)
	if err != nil {
		return 0, err
	}
	op := *c.op
	op.topology = t
	return op.converge(ctx, nil)
}

// converge applies the site quietly, without asking, and reboots servers.
func (op *operation) converge(ctx context.Context, reboot []string) (steps int, err error) {
	unlock, err := op.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	s, done, err := op.survey(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer done()
	if err := s.reboot(reboot); err != nil {
		return 0, err
	}
	log, err := journal.Open(filepath.Join(op.stateDir, "journal.ndjson"), "drill", nil)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	return len(s.plan.Steps), op.carryOut(ctx, s, log)
}

// copyOf copies a folder and adds a file to the copy.
func (c *changes) copyOf(folder, name, file, content string, mode fs.FileMode) (string, error) {
	to := filepath.Join(c.dir, name)
	err := os.CopyFS(to, os.DirFS(folder))
	if errors.Is(err, fs.ErrExist) { // made by an earlier trial
		return to, nil
	}
	if err != nil {
		return "", fmt.Errorf("copy %s for a drill: %w", folder, err)
	}
	if err := os.WriteFile(filepath.Join(to, file), []byte(content), mode); err != nil {
		return "", fmt.Errorf("change a copy of %s for a drill: %w", folder, err)
	}
	return to, nil
}
