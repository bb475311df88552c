package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"scaleup/internal/doctor"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

// repair is something that doctor --fix can do.
type repair struct {
	what string // for the question and the report
	do   func(context.Context) error
}

// mend does what is safe, after asking, and looks again.
func (op *operation) mend(ctx context.Context, d diagnosis) (diagnosis, error) {
	repairs := op.repairs(d.Checks)
	if len(repairs) == 0 {
		fmt.Fprintln(op.err, "there is nothing that --fix can mend")
		return d, nil
	}
	what := make([]string, len(repairs))
	for i, r := range repairs {
		what[i] = r.what
	}
	if err := op.confirm(fmt.Sprintf("Mend this: %s?", strings.Join(what, "; "))); err != nil {
		return d, err
	}
	for _, r := range repairs {
		if err := r.do(ctx); err != nil {
			return d, fmt.Errorf("%s: %w", r.what, err)
		}
		fmt.Fprintf(op.err, "done: %s\n", r.what)
	}
	d = op.examine(ctx)
	d.Fixed = what
	return d, nil
}

// repairs are what there is to do about checks that are fixable.
func (op *operation) repairs(checks []doctor.Check) []repair {
	var repairs []repair
	for _, c := range checks {
		if !c.Fixable {
			continue
		}
		switch c.ID {
		case doctor.IDTools:
			repairs = append(repairs, repair{"install the lab's programs on this computer", op.installTools})
		case doctor.IDKeyMode:
			repairs = append(repairs, chmod(op.topology.Site.SSH.Key, 0o600))
		case doctor.IDState:
			repairs = append(repairs, chmod(op.stateDir, 0o700))
		case doctor.IDNonlocal:
			repairs = append(repairs, repair{"set net.ipv4.ip_nonlocal_bind to 1 on " + c.Server, func(ctx context.Context) error { return op.setNonlocal(ctx, c.Server) }})
		}
	}
	return repairs
}

func chmod(path string, mode os.FileMode) repair {
	return repair{fmt.Sprintf("set the mode of %s to %04o", path, mode), func(context.Context) error { return os.Chmod(path, mode) }}
}

func (op *operation) installTools(ctx context.Context) error {
	l, err := op.openLab(func(_, message string) { fmt.Fprintln(op.err, message) }, nil)
	if err != nil {
		return err
	}
	return l.EnsureHostPackages(ctx)
}

// setNonlocal applies the setting as apply would, and it stays whole: the far end looks
// whether it had the effect it should have.
func (op *operation) setNonlocal(ctx context.Context, name string) error {
	s, err := op.topology.Server(name)
	if err != nil {
		return err
	}
	d, err := op.impatient()
	if err != nil {
		return err
	}
	h, err := d.dial(ctx, s)
	if err != nil {
		return err
	}
	defer h.Close()
	found, err := h.Call(ctx, remote.Request{Observe: []resource.Resource{{Spec: doctor.Nonlocal}}})
	if err != nil {
		return err
	}
	_, err = h.Call(ctx, remote.Request{Apply: &remote.Apply{Resource: resource.Resource{Spec: doctor.Nonlocal}, From: found.States[doctor.Nonlocal.ID()]}})
	return err
}
