package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"scaleup/internal/siteschema"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

// referenceCommand writes what docs/reference holds, from what the program itself is
// made of. It is for those who work on scaleup: make reference.
func referenceCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "reference DIR", Hidden: true, Short: "Write the generated pages of the reference into the source tree DIR",
		Args: exactly(1, "the folder of the source tree"),
		RunE: func(_ *cobra.Command, args []string) error {
			pages, err := referencePages(args[0])
			if err != nil {
				return err
			}
			for _, p := range pages {
				path := filepath.Join(args[0], p.path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					return fmt.Errorf("write the reference: %w", err)
				}
				if err := os.WriteFile(path, p.content, 0o644); err != nil {
					return fmt.Errorf("write the reference: %w", err)
				}
				fmt.Fprintln(o.out, path)
			}
			return nil
		},
	}
}

// page is a generated file of the source tree.
type page struct {
	path    string // in the tree
	content []byte
}

// generated begins every page.
const generated = "<!-- Generated from the program: do not edit, run make reference. -->\n\n"

// referencePages makes every generated page. The source tree at dir is where the
// example of nine servers is read.
func referencePages(dir string) ([]page, error) {
	schema, err := siteschema.JSON()
	if err != nil {
		return nil, err
	}
	t, err := exampleTopology(filepath.Join(dir, "examples", "ha.yaml"))
	if err != nil {
		return nil, err
	}
	files, err := filesPage(t)
	if err != nil {
		return nil, err
	}
	markdown := func(name, text string) page { return page{"docs/reference/" + name, []byte(generated + text)} }
	return []page{
		{siteschema.File, schema},
		markdown("cli.md", cliPage(newRoot(streams{}))),
		markdown("exit-codes.md", exitCodesPage()),
		markdown("files.md", files),
		markdown("ports.md", portsPage(t)),
		markdown("site-file.md", siteschema.Page()),
	}, nil
}

// exampleTopology is the shape of an example, whether or not the release it names has
// been built. SSH is allowed from a network of its own, so that it can be told apart
// from what anyone may reach.
func exampleTopology(file string) (t *topology.Topology, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the example: %w", err)
	}
	tmp, err := os.MkdirTemp("", "scaleup-reference-")
	if err != nil {
		return nil, fmt.Errorf("read the example: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	for _, name := range []string{"foobar/static/index.html", "foobar/release/foobar"} {
		path := filepath.Join(tmp, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, fmt.Errorf("read the example: %w", err)
		}
		if err := os.WriteFile(path, []byte("stands for what make build makes\n"), 0o755); err != nil {
			return nil, fmt.Errorf("read the example: %w", err)
		}
	}
	site, err := spec.Parse(text, filepath.Join(tmp, "examples", filepath.Base(file)))
	if err != nil {
		return nil, err
	}
	site.SSH.Allow = documentationNet
	return topology.Build(site)
}
