package main

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// binary looks at the program itself.
func (b *bench) binary(context.Context) error {
	info, err := os.Stat(b.lab.binary)
	if err != nil {
		return err
	}
	interpreter, err := needsInterpreter(b.lab.binary)
	if err != nil {
		return err
	}
	if interpreter {
		return errors.New("bin/scaleup is not static: it names a dynamic loader (PT_INTERP)")
	}
	g := b.report.group("The program")
	g.note("`bin/scaleup` is one static file: its ELF header names no dynamic loader.")
	g.add(figure{what: "size of `bin/scaleup`", unit: megabytes, samples: []float64{float64(info.Size()) / 1e6}, target: atMost(25)})
	return nil
}

// needsInterpreter reports whether a program is loaded by another, as all that
// use shared libraries are.
func needsInterpreter(path string) (bool, error) {
	file, err := elf.Open(path)
	if err != nil {
		return false, fmt.Errorf("read the program's header: %w", err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			return true, nil
		}
	}
	return false, nil
}

// render writes the files of 1,000 servers. The target covers writing them.
func (b *bench) render(ctx context.Context) error {
	repository, err := os.Getwd()
	if err != nil {
		return err
	}
	site, err := b.lab.write("large.yaml", largeSite(repository))
	if err != nil {
		return err
	}
	var memory []float64
	times, err := b.repeat("render of 1,000 servers", func() (float64, error) {
		// A fresh folder each time, removed at the very end: for a minute after a
		// removal, ext4 searches long for inodes that were not just freed, and that
		// would be what is measured.
		out := filepath.Join(b.lab.dir, fmt.Sprintf("rendered-%d", len(memory)))
		o, err := call(ctx, 0, nil, b.lab.binary, "render", "-f", site, out)
		memory = append(memory, float64(o.rss)/(1<<20))
		return o.took.Seconds(), err
	})
	if err != nil {
		return err
	}
	g := b.report.group("render: 1,000 servers")
	g.note("A generated site of 2 load balancers, 497 web, 498 application and 3 database servers; every file of every server, written to disk.")
	g.add(figure{what: "time", unit: seconds, samples: times, target: atMost(1)})
	g.add(figure{what: "peak memory", unit: mebibytes, samples: memory, target: atMost(256)})
	return nil
}
