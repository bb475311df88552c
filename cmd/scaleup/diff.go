package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"scaleup/internal/host"
	"scaleup/internal/plan"
	"scaleup/internal/resource"
)

// printDiffs shows how each file of a plan would change. Files with secrets are
// named, not shown.
func (op *operation) printDiffs(ctx context.Context, s *surveyed) error {
	wanted := map[string]resource.Spec{}
	for _, item := range s.Desired.Items {
		wanted[item.Server+" "+item.Spec.ID()] = item.Spec
	}
	for _, step := range s.plan.Steps {
		var path string
		var content []byte
		switch spec := wanted[step.Server+" "+step.Resource].(type) {
		case *resource.File:
			if spec.Secret {
				fmt.Fprintf(op.out, "\n%s %s: holds secrets, not shown\n", step.Server, spec.Path)
				continue
			}
			path, content = spec.Path, spec.Content
		case *resource.Firewall:
			path, content = spec.Path, spec.Content
		default:
			continue
		}
		before, err := readRemote(ctx, s.hosts[step.Server], step, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(op.out, "\n%s %s\n%s", step.Server, path, unified(string(before), string(content)))
	}
	return nil
}

func readRemote(ctx context.Context, h host.Host, step plan.Step, path string) ([]byte, error) {
	if step.From == resource.Absent {
		return nil, nil
	}
	var out, stderr bytes.Buffer
	code, err := h.Exec(ctx, []string{"cat", path}, host.Stdio{Out: &out, Err: &stderr})
	if err != nil {
		return nil, err
	}
	if code != 0 {
		return nil, fmt.Errorf("read %s on %s: %s", path, step.Server, strings.TrimSpace(stderr.String()))
	}
	return out.Bytes(), nil
}

// unified is a line diff with three lines of context around each change.
func unified(before, after string) string {
	a, b := splitLines(before), splitLines(after)
	edits := diffLines(a, b)
	var out strings.Builder
	const context = 3
	shown := make([]bool, len(edits))
	for i, e := range edits {
		if e.op == ' ' {
			continue
		}
		for j := max(0, i-context); j <= min(len(edits)-1, i+context); j++ {
			shown[j] = true
		}
	}
	gap := false
	for i, e := range edits {
		if !shown[i] {
			gap = true
			continue
		}
		if gap && out.Len() > 0 {
			out.WriteString("  …\n")
		}
		gap = false
		fmt.Fprintf(&out, "%c %s\n", e.op, e.line)
	}
	return out.String()
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

type edit struct {
	op   byte // ' ', '-' or '+'
	line string
}

// diffLines is the longest common subsequence, by dynamic programming: configs
// have hundreds of lines, not thousands.
func diffLines(a, b []string) []edit {
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var edits []edit
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			edits = append(edits, edit{' ', a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			edits = append(edits, edit{'-', a[i]})
			i++
		default:
			edits = append(edits, edit{'+', b[j]})
			j++
		}
	}
	return edits
}
