package remote_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/fault"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

func TestFaultOrders(t *testing.T) {
	var ran [][]string
	s := &remote.Server{System: resource.System{Root: t.TempDir(), Run: func(_ context.Context, c resource.Command) ([]byte, error) {
		ran = append(ran, c.Argv)
		return nil, nil
	}}}
	p := s.Answer(t.Context(), remote.Request{Fault: &fault.Order{Verb: fault.VerbStart, ID: "one", Lease: time.Minute, Fault: &fault.Kill{Unit: "web.service"}}})
	if p.Error != "" || p.Fault == nil || !p.Fault.OK {
		t.Fatalf("start: %+v", p)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := ran[len(ran)-1]
	if diff := cmp.Diff([]string{binary, "remote", "--fault-hold"}, start[len(start)-4:len(start)-1]); start[0] != "systemd-run" || diff != "" {
		t.Errorf("%s (-want +got):\n%s", strings.Join(start, " "), diff)
	}
	if p := s.Answer(t.Context(), remote.Request{Fault: &fault.Order{Verb: fault.VerbStart, ID: "two"}}); p.Error == "" || p.Fault != nil {
		t.Errorf("an order without a fault: %+v", p)
	}
	if p := s.Answer(t.Context(), remote.Request{}); p.Fault != nil {
		t.Errorf("nothing was asked: %+v", p)
	}
}
