package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"scaleup/internal/component"
	"scaleup/internal/facts"
	"scaleup/internal/plan"
	"scaleup/internal/resource"
	"scaleup/internal/secrets"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

// referenceBinary stands for scaleup's path on servers where none is asked.
const referenceBinary = "/usr/local/lib/scaleup/current/scaleup"

func renderCommand(o *options) *cobra.Command {
	withSecrets := false
	cmd := &cobra.Command{
		Use: "render DIR", Short: "Write every configuration file of every server into a folder",
		Long: `render writes DIR/<server>/<path> for every file scaleup would write on every
server, from the reference facts of Debian 13. It asks no server. Secrets are
replaced by words in brackets, unless --with-secrets says otherwise.`,
		Args: exactly(1, "a folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			op, err := o.load()
			if err != nil {
				return err
			}
			return op.render(args[0], withSecrets)
		},
	}
	cmd.Flags().BoolVar(&withSecrets, "with-secrets", false, "write the site's real secrets (files of mode 0600)")
	return cmd
}

func (op *operation) render(dir string, withSecrets bool) error {
	values := secrets.Placeholder(op.topology)
	if withSecrets {
		var err error
		if _, values, err = op.store(); err != nil {
			return err
		}
	}
	releases, _, err := op.releases()
	if err != nil {
		return err
	}
	files, err := op.rendered(values, releases)
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.server, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("render: %w", err)
		}
		mode := os.FileMode(0o644)
		if f.secret {
			mode = 0o600
		}
		if err := os.WriteFile(path, f.content, mode); err != nil {
			return fmt.Errorf("render: %w", err)
		}
	}
	fmt.Fprintf(op.err, "%d files of %d servers in %s, from the reference facts of Debian 13\n", len(files), len(op.topology.Servers), dir)
	return nil
}

// renderedFile is a file of a server.
type renderedFile struct {
	server, path string
	content      []byte
	secret       bool
}

// reference is what the servers should hold if they were new: rendered without
// asking any, from the reference facts of Debian 13.
func (op *operation) reference(values component.Secrets, releases component.Releases) (plan.Desired, error) {
	known := map[string]facts.Facts{}
	active := map[string]topology.Slot{}
	for _, s := range op.topology.Servers {
		known[s.Name] = facts.ReferenceFor(s.Name, s.Address.String())
		active[s.Name] = topology.SlotA
	}
	return survey.Desired(survey.Input{Topology: op.topology, Secrets: values, Releases: releases, Binary: referenceBinary}, known, active)
}

// rendered lists the files of all servers.
func (op *operation) rendered(values component.Secrets, releases component.Releases) ([]renderedFile, error) {
	want, err := op.reference(values, releases)
	if err != nil {
		return nil, err
	}
	var files []renderedFile
	for _, item := range want.Items {
		switch f := item.Spec.(type) {
		case *resource.File:
			files = append(files, renderedFile{item.Server, f.Path, f.Content, f.Secret})
		case *resource.Firewall:
			files = append(files, renderedFile{item.Server, f.Path, f.Content, false})
		}
	}
	return files, nil
}
