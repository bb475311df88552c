package remote_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/remote"
)

// The order goes to systemd, for later: the answer has to get out first.
func TestReboot(t *testing.T) {
	s, h := server(t)
	h.On(hosttest.Output(""), "systemd-run")
	if p := s.Answer(t.Context(), remote.Request{Reboot: true}); p.Error != "" {
		t.Error(p.Error)
	}
	want := []string{"systemd-run --quiet --collect --on-active=200ms --timer-property=AccuracySec=10ms systemctl reboot"}
	if diff := cmp.Diff(want, h.Commands()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h.On(hosttest.Exit(1, "Failed to connect to bus"), "systemd-run")
	if p := s.Answer(t.Context(), remote.Request{Reboot: true}); !strings.Contains(p.Error, "order the reboot") || !strings.Contains(p.Error, "connect to bus") {
		t.Errorf("error %q, want the order and systemd's reason", p.Error)
	}
}
