package inject

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/fault"
	"scaleup/internal/host"
	"scaleup/internal/remote"
)

// fakeHost answers orders about faults.
type fakeHost struct {
	host.Host
	answer func(fault.Order) (*fault.Report, error)

	mu    sync.Mutex
	asked []string
}

func (h *fakeHost) Call(_ context.Context, q remote.Request) (remote.Response, error) {
	h.mu.Lock()
	h.asked = append(h.asked, string(q.Fault.Verb)+" "+q.Fault.ID+" "+q.Fault.Lease.String()+" "+q.Fault.Fault.String())
	h.mu.Unlock()
	r, err := h.answer(*q.Fault)
	return remote.Response{Fault: r}, err
}

func says(ok bool, text string) func(fault.Order) (*fault.Report, error) {
	return func(fault.Order) (*fault.Report, error) { return &fault.Report{OK: ok, Text: text}, nil }
}

func TestOnServers(t *testing.T) {
	web1, web2 := &fakeHost{answer: says(true, "process 1 is gone")}, &fakeHost{answer: says(true, "process 2 is gone")}
	kill := &fault.Kill{Unit: "nginx.service"}
	i := OnServers(map[string]host.Host{"web1": web1, "web2": web2}, map[string]fault.Fault{"web2": kill, "web1": kill}, "a1", 90*time.Second)
	if got, want := i.String(), "kill -9 nginx.service on web1, web2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if diff := cmp.Diff([]string{"web1", "web2"}, i.Targets()); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if err := i.Inject(t.Context()); err != nil {
		t.Fatal(err)
	}
	proof, err := i.Bites(t.Context())
	if err != nil || !proof.OK || proof.Text != "web1: process 1 is gone; web2: process 2 is gone" {
		t.Errorf("bites: %+v, %v", proof, err)
	}
	if err := i.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if proof, err := i.Healed(t.Context()); err != nil || !proof.OK {
		t.Errorf("healed: %+v, %v", proof, err)
	}
	const order = " a1 1m30s kill -9 nginx.service"
	if diff := cmp.Diff([]string{"start" + order, "bites" + order, "stop" + order, "healed" + order}, web1.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestOnServersNamesDifferentFaults(t *testing.T) {
	i := OnServers(nil, map[string]fault.Fault{"web1": &fault.Stop{Unit: "nginx.service"}, "db1": &fault.DiskFull{Path: "/var/lib/mysql"}}, "a1", time.Minute)
	if got, want := i.String(), "disk of /var/lib/mysql full on db1; kill -STOP nginx.service on web1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The proof is the proof of all: one that does not bite is enough.
func TestOneServerIsMissing(t *testing.T) {
	kill := &fault.Kill{Unit: "nginx.service"}
	both := map[string]fault.Fault{"web1": kill, "web2": kill}
	sound := &fakeHost{answer: says(true, "gone")}
	for name, other := range map[string]*fakeHost{
		"it does not bite": {answer: says(false, "process 2 is still there")},
		"it fails":         {answer: func(fault.Order) (*fault.Report, error) { return nil, errors.New("connection lost") }},
		"it is too old":    {answer: func(fault.Order) (*fault.Report, error) { return nil, nil }},
	} {
		i := OnServers(map[string]host.Host{"web1": sound, "web2": other}, both, "a1", time.Minute)
		if proof, _ := i.Bites(t.Context()); proof.OK {
			t.Errorf("%s: %+v", name, proof)
		}
	}
	i := OnServers(map[string]host.Host{"web1": sound}, both, "a1", time.Minute)
	if err := i.Inject(t.Context()); err == nil || !strings.Contains(err.Error(), "web2") {
		t.Errorf("without a connection: %v", err)
	}
	if proof, _ := OnServers(nil, nil, "a1", time.Minute).Bites(t.Context()); proof.OK {
		t.Error("no fault at all bites")
	}
}

// The connection may have broken with what was broken.
func TestHealTriesTwice(t *testing.T) {
	calls := 0
	h := &fakeHost{answer: func(fault.Order) (*fault.Report, error) {
		if calls++; calls == 1 {
			return nil, errors.New("connection lost")
		}
		return &fault.Report{OK: true}, nil
	}}
	i := OnServers(map[string]host.Host{"web1": h}, map[string]fault.Fault{"web1": &fault.Kill{Unit: "nginx.service"}}, "a1", time.Minute)
	if err := i.Heal(t.Context()); err != nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestControls(t *testing.T) {
	for _, c := range []struct {
		injection Injection
		bites     bool
	}{{None{}, true}, {Mute{}, false}} {
		if err := errors.Join(c.injection.Inject(t.Context()), c.injection.Heal(t.Context())); err != nil {
			t.Error(err)
		}
		bites, err := c.injection.Bites(t.Context())
		if err != nil || bites.OK != c.bites {
			t.Errorf("%s: bites %+v, %v", c.injection, bites, err)
		}
		if healed, err := c.injection.Healed(t.Context()); err != nil || !healed.OK {
			t.Errorf("%s: healed %+v, %v", c.injection, healed, err)
		}
	}
}
