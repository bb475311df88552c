package remote_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/facts"
	"scaleup/internal/host/hosttest"
	"scaleup/internal/inspect"
	"scaleup/internal/remote"
)

// Question and answer cross the wire; what cannot be read is part of the answer.
func TestInspect(t *testing.T) {
	h := hosttest.New(t, facts.Facts{})
	h.Write("/proc/sys/kernel/osrelease", "6.12.48-cloud-amd64\n")
	h.Unit("nginx.service").Active = "failed"
	h.Unit("ssh.service").Active = "active"
	h.On(hosttest.Exit(1, "Error: No such file or directory"), "nft", "list", "table", "inet", "scaleup")
	p, err := h.Call(t.Context(), remote.Request{Inspect: &inspect.Ask{Units: true, Rules: true}})
	if err != nil {
		t.Fatal(err)
	}
	r := p.Inspection
	if r == nil || r.At.IsZero() || r.Kernel != "6.12.48-cloud-amd64" {
		t.Fatalf("inspection %+v", r)
	}
	if diff := cmp.Diff([]string{"nginx.service"}, r.Failed); diff != "" {
		t.Errorf("failed units (-want +got):\n%s", diff)
	}
	if want := "nft list table inet scaleup: exit code 1: Error: No such file or directory"; r.Errors["rules"] != want {
		t.Errorf("errors %v, want of rules %q", r.Errors, want)
	}
}

func TestInspectUnasked(t *testing.T) {
	s, _ := server(t)
	if p := s.Answer(t.Context(), remote.Request{}); p.Error != "" || p.Inspection != nil {
		t.Errorf("error %q, inspection %+v", p.Error, p.Inspection)
	}
}
