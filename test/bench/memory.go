package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// memory measures what nine idle servers take.
func (b *bench) memory(ctx context.Context) error {
	if _, err := b.lab.run(ctx, "up"); err != nil {
		return err
	}
	root, err := labCgroup()
	if err != nil {
		return err
	}
	read, how := processMemory, "The sum of the proportional set sizes (PSS) of all processes in the machines' cgroups, because this host's unified cgroup tree has no memory controller. "+
		"It counts a page that several processes share once; files that are only in the page cache, which the kernel gives back when asked, are not in it."
	if machines, _ := filepath.Glob(filepath.Join(root, "*", "memory.current")); len(machines) > 0 {
		read, how = controllerMemory, "The sum of the machines' `memory.current` (cgroup v2), which includes their page cache."
	}
	samples, err := b.repeat("memory of nine idle servers", func() (float64, error) {
		// A sample every other second: what comes and goes is seen in the span.
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(2 * time.Second):
		}
		bytes, err := read(root)
		return bytes / (1 << 20), err
	})
	if err != nil {
		return err
	}
	g := b.report.group("Memory")
	g.note("%s", how)
	g.add(figure{what: "nine idle servers together", unit: mebibytes, samples: samples, target: atMost(3 << 10),
		yardstick: "nine bare machines, booted: under 600 MB"})
	return nil
}

// labCgroup is the unified cgroup that the lab's machines live in.
func labCgroup() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", fmt.Errorf("read mounts: %w", err)
	}
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return filepath.Join(f[1], "scaleup", labName), nil
		}
	}
	return "", errors.New("no unified cgroup tree is mounted")
}

// controllerMemory is what the kernel charges the machines with.
func controllerMemory(root string) (bytes float64, err error) {
	files, err := filepath.Glob(filepath.Join(root, "*", "memory.current"))
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return 0, fmt.Errorf("read a machine's memory: %w", err)
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(string(content)), 64)
		if err != nil {
			return 0, fmt.Errorf("read a machine's memory: %w", err)
		}
		bytes += n
	}
	return bytes, nil
}

// processMemory is the sum of what the machines' processes use.
func processMemory(root string) (bytes float64, err error) {
	processes := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a unit that has just ended
		}
		if err != nil || d.Name() != "cgroup.procs" {
			return err
		}
		pids, err := os.ReadFile(path)
		if err != nil {
			return nil // the same, or a group that holds threads only
		}
		for _, pid := range strings.Fields(string(pids)) {
			if rollup, err := os.ReadFile("/proc/" + pid + "/smaps_rollup"); err == nil {
				bytes += pss(string(rollup))
				processes++
			}
		}
		return nil
	})
	if err == nil && processes == 0 {
		err = fmt.Errorf("no process lives in the lab's cgroups")
	}
	return bytes, err
}

// pss reads the proportional set size out of smaps_rollup, in bytes.
func pss(rollup string) float64 {
	number, _, _ := strings.Cut(field(rollup, "Pss", ":"), " ")
	kib, _ := strconv.ParseFloat(number, 64)
	return kib * 1024
}
