package resource_test

import (
	"testing"

	"scaleup/internal/facts"
	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

// newHost is an empty server.
func newHost(t *testing.T) *hosttest.Host {
	t.Helper()
	return hosttest.New(t, facts.Facts{})
}

func observe(t *testing.T, h *hosttest.Host, s resource.Spec) resource.State {
	t.Helper()
	state, err := s.Observe(t.Context(), h.System())
	if err != nil {
		t.Fatalf("observe %s: %v", s.ID(), err)
	}
	return state
}

func expectState(t *testing.T, h *hosttest.Host, s resource.Spec, want resource.State) {
	t.Helper()
	if got := observe(t, h, s); got != want {
		t.Errorf("%s is %q, want %q", s.ID(), got, want)
	}
}

// apply applies a resource and expects that it took effect.
func apply(t *testing.T, h *hosttest.Host, s resource.Spec) {
	t.Helper()
	if err := s.Apply(t.Context(), h.System()); err != nil {
		t.Fatalf("apply %s: %v", s.ID(), err)
	}
	expectState(t, h, s, s.Want())
}
