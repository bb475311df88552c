package hosttest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/facts"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

// refusals counts what a test would have failed for.
type refusals struct {
	testing.TB
	count int
}

func (r *refusals) Errorf(string, ...any) { r.count++ }

func TestCommandsMustBeAnnounced(t *testing.T) {
	watched := &refusals{TB: t}
	h := New(watched, facts.Facts{})
	h.On(Output("yes"), "nft", "-c")
	run := h.System().Run
	if out, err := run(t.Context(), resource.Command{Argv: []string{"nft", "-c", "-f", "x"}}); err != nil || string(out) != "yes" {
		t.Errorf("announced command: %q, %v", out, err)
	}
	if _, err := run(t.Context(), resource.Command{Argv: []string{"rm", "-rf", "/"}}); err == nil || watched.count != 1 {
		t.Errorf("unannounced command: error %v, the test failed %d times, want an error and 1", err, watched.count)
	}
}

func TestUnitOfFileOnly(t *testing.T) {
	h := New(t, facts.Facts{})
	ctx := context.Background()
	owner, group := Owner(t)
	conf := &resource.File{Path: "/etc/x.conf", Content: []byte("1"), Mode: 0o644, Owner: owner, Group: group}
	reads := resource.Reads(resource.OnChangeRestart, conf)
	unit := &resource.Unit{Name: "x.service", Running: true, Enabled: true, Reads: reads}
	h.Write(conf.Path, "1")

	observe := func() resource.State {
		t.Helper()
		p, err := h.Call(ctx, remote.Request{Observe: []resource.Resource{{Spec: unit}}})
		if err != nil {
			t.Fatal(err)
		}
		return p.States[unit.ID()]
	}
	if got := observe(); got != resource.Absent {
		t.Errorf("without a unit file: %q, want absent", got)
	}
	h.Write("/etc/systemd/system/x.service", "[Service]\nExecStart=/bin/x\n")
	h.Write(resource.Recorder("x.service", reads).Path, string(resource.Recorder("x.service", reads).Content))
	if _, err := h.Call(ctx, remote.Request{Apply: &remote.Apply{Resource: resource.Resource{Spec: unit}, From: observe()}}); err != nil {
		t.Fatal(err)
	}
	if got := observe(); got != unit.Want() {
		t.Errorf("after apply: %q, want %q", got, unit.Want())
	}
	want := []string{"systemctl enable --quiet --no-reload x.service", "systemctl start x.service"}
	if diff := cmp.Diff(want, h.Commands()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}
