package resource_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/resource"
)

// newSlot is an app server with an idle slot b, whose program answers /readyz
// with what code says.
func newSlot(t *testing.T, code *atomic.Int32) (*hosttest.Host, *resource.Slot) {
	t.Helper()
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(code.Load())) }))
	t.Cleanup(program.Close)
	h := newHost(t)
	h.Write("/etc/systemd/system/app@.service", "[Service]\n")
	return h, &resource.Slot{
		Server: "app1", Slot: "b", Unit: "app@b.service", Link: "/srv/app/b", Target: "/srv/app/releases/2",
		Digest: "2", Ready: program.URL + "/readyz", Wait: 1,
	}
}

func answering(code int32) *atomic.Int32 {
	c := new(atomic.Int32)
	c.Store(code)
	return c
}

func TestSlot(t *testing.T) {
	code := answering(http.StatusServiceUnavailable)
	h, s := newSlot(t, code)
	expectState(t, h, s, "stopped")
	unit := h.Unit(s.Unit)
	unit.OnStart = func() (string, error) {
		if h.Enabled(s.Unit) {
			t.Error("the slot comes back after a reboot before it proved itself")
		}
		go code.Store(http.StatusOK) // ready a moment later
		return "", nil
	}
	apply(t, h, s)
	if target, err := os.Readlink(h.Path(s.Link)); err != nil || target != s.Target {
		t.Errorf("the link leads to %q (%v), want %q", target, err, s.Target)
	}
	if !h.Enabled(s.Unit) {
		t.Error("the slot does not come back after a reboot")
	}

	unit.Active = "failed"
	expectState(t, h, s, "failed")
	idle := &resource.Slot{Server: s.Server, Slot: s.Slot, Unit: s.Unit}
	apply(t, h, idle)
	if h.Enabled(s.Unit) {
		t.Error("the stopped slot comes back after a reboot")
	}
	h.SetEnabled(s.Unit, true)
	expectState(t, h, idle, "stopped, but enabled")
}

func TestSlotThatDoesNotServe(t *testing.T) {
	for _, c := range []struct {
		name  string
		start func(*hosttest.Unit) error
		want  string
	}{
		{"never ready", func(*hosttest.Unit) error { return nil }, "was not ready within 1 s"},
		{"crashes again and again", func(u *hosttest.Unit) error { u.Restarts = 3; return nil }, "crashed 3 times while starting"},
		{"does not start", func(*hosttest.Unit) error { return errors.New("exit 1") }, "restart app@b.service"},
	} {
		h, s := newSlot(t, answering(http.StatusServiceUnavailable))
		unit := h.Unit(s.Unit)
		unit.OnStart = func() (string, error) { return "panic: no such table: drinks\n", c.start(unit) }
		err := s.Apply(t.Context(), h.System())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "panic: no such table: drinks") {
			t.Errorf("%s: error %v, want one with %q and the last log lines", c.name, err, c.want)
		}
		expectState(t, h, &resource.Slot{Server: s.Server, Slot: s.Slot, Unit: s.Unit}, "stopped")
	}
}

// A run that is killed while a slot starts must not leave a slot that looks as
// if it had been found ready.
func TestSlotCutOffWhileStarting(t *testing.T) {
	code := answering(http.StatusServiceUnavailable)
	h, s := newSlot(t, code)
	ctx, kill := context.WithCancel(t.Context())
	h.Unit(s.Unit).OnStart = func() (string, error) { kill(); return "", nil }
	if err := s.Apply(ctx, h.System()); err == nil {
		t.Error("no error from a run that was cut off")
	}
	expectState(t, h, s, "started, but not proved ready")
	code.Store(http.StatusOK)
	h.Unit(s.Unit).OnStart = nil
	apply(t, h, s)
}

func TestMigration(t *testing.T) {
	h := newHost(t)
	h.Write("/etc/systemd/system/app-migrate.service", "[Service]\n")
	m := &resource.Migration{Digest: "2", Unit: "app-migrate.service", Record: "/var/lib/scaleup/migrated", Link: "/srv/app/migrate", Target: "/srv/app/releases/2"}
	expectState(t, h, m, resource.Absent)

	unit := h.Unit(m.Unit)
	unit.OnStart = func() (string, error) { return "Duplicate column name 'stock'\n", errors.New("exit 1") }
	if err := m.Apply(t.Context(), h.System()); err == nil || !strings.Contains(err.Error(), "Duplicate column name") {
		t.Errorf("error %v, want one with the migration's last lines", err)
	}
	expectState(t, h, m, resource.Absent)

	unit.OnStart = nil
	apply(t, h, m)
	if target, err := os.Readlink(h.Path(m.Link)); err != nil || target != m.Target {
		t.Errorf("migrated %q (%v), want %q", target, err, m.Target)
	}
	m.Digest = "3"
	expectState(t, h, m, "applied sha256:2")
}
