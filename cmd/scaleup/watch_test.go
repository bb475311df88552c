package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/host"
	"scaleup/internal/journal"
	"scaleup/internal/remote"
	"scaleup/internal/status"
	"scaleup/internal/topology"
)

// wellReport is a site of which all works.
func wellReport() status.Report {
	up := func(name, component string) status.Server {
		return status.Server{Name: name, State: "up", Components: []status.Component{{Name: component, State: "running"}}}
	}
	return status.Report{
		Verdict: "healthy",
		Servers: []status.Server{up("lb1", "haproxy"), up("web1", "nginx"), up("db1", "mysql"), up("db2", "mysql")},
		VIPs:    []status.VIP{{Name: "public", Holder: "lb1"}, {Name: "internal", Holder: "lb1"}},
		Database: status.Database{Primary: "db1", Members: []status.Member{
			{Server: "db1", State: "ONLINE", Role: "PRIMARY"}, {Server: "db2", State: "ONLINE", Role: "SECONDARY"},
		}},
		Tiers: []status.Tier{
			{Name: "web", Backends: []status.Backend{{Server: "web1", State: "up", Sessions: 2, Rate: 30}, {Server: "web2", State: "up", Sessions: 1, Rate: 12}}},
			{Name: "mysql_primary", Backends: []status.Backend{{Server: "db1", State: "up"}}},
			{Name: "mysql_replica", Backends: []status.Backend{{Server: "db1", State: "up"}, {Server: "db2", State: "up"}}},
		},
	}
}

func TestDifferences(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(r *status.Report)
		want   []string
	}{
		{"none", func(*status.Report) {}, nil},
		{"traffic is none", func(r *status.Report) { r.Tiers[0].Backends[0].Rate = 99 }, nil},
		{"a server is lost", func(r *status.Report) {
			r.Servers[1] = status.Server{Name: "web1", State: "unreachable"}
			r.Tiers[0].Backends[0].State = "down"
		}, []string{"web1 is down in web, was up", "web1 is unreachable, was up"}},
		{"a component fails", func(r *status.Report) { r.Servers[1].Components[0].State = "failed" }, []string{"web1: nginx is failed, was running"}},
		{"the addresses move", func(r *status.Report) { r.VIPs[0].Holder, r.VIPs[1].Holder = "lb2", "" },
			[]string{"public address is held by lb2, was by lb1", "internal address is held by nobody, was by lb1"}},
		{"the primary is lost, and its member with it", func(r *status.Report) {
			r.Servers[2] = status.Server{Name: "db1", State: "unreachable"}
			r.Database.Primary = "db2"
			r.Database.Members[0].State = "UNKNOWN"
			r.Tiers[1].Backends[0].State, r.Tiers[2].Backends[0].State = "down", "down"
		}, []string{"db1 is down in mysql_primary, mysql_replica, was up", "db1 is unreachable, was up", "primary is db2, was db1"}},
		{"a member recovers", func(r *status.Report) { r.Database.Members[1].State = "RECOVERING" }, []string{"db2 is RECOVERING, was ONLINE"}},
		{"no load balancer answers", func(r *status.Report) { r.Tiers = nil }, nil},
		{"a backend is new", func(r *status.Report) {
			r.Tiers[0].Backends = append(r.Tiers[0].Backends, status.Backend{Server: "web3", State: "up"})
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := wellReport()
			test.change(&now)
			if diff := cmp.Diff(test.want, differences(wellReport(), now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTraffic(t *testing.T) {
	r := wellReport()
	if got, want := traffic(r.Tiers), "web 42/s 3 open, mysql_primary 0/s 0 open, mysql_replica 0/s 0 open"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := traffic(nil); !strings.Contains(got, "no load balancer") {
		t.Errorf("%q", got)
	}
}

func TestStatusWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.ndjson")
	log, err := journal.Open(path, "apply", nil)
	if err != nil {
		t.Fatal(err)
	}
	log.Add(journal.Event{Event: journal.Done, Server: "web1", Action: "update", Resource: "file:/x"})
	log.Close()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var out strings.Builder
		looks := 0
		w := statusWatch{interval: 2 * time.Second, journal: path, screen: screen{out: &out}, look: func(context.Context) (status.Report, error) {
			r := wellReport()
			switch looks++; looks {
			case 2:
				r.VIPs[0].Holder = "lb2"
			case 4:
				cancel() // what a look finds that was interrupted is not shown
			}
			return r, nil
		}}
		w.show = w.paint
		began := time.Now()
		if err := w.run(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("four looks took %v", took)
		}
		blocks := strings.Split(strings.TrimPrefix(out.String(), "--- "), "\n--- ")
		if len(blocks) != 3 || strings.Contains(out.String(), "\x1b") {
			t.Fatalf("%d blocks: %q", len(blocks), out.String())
		}
		for i, want := range []bool{false, true, true} {
			if got := strings.Contains(blocks[i], "public address is held by lb2, was by lb1"); got != want {
				t.Errorf("block %d tells of the move: %v", i, got)
			}
			if !strings.Contains(blocks[i], "apply: web1 update file:/x done") || !strings.Contains(blocks[i], "traffic  web 42/s") {
				t.Errorf("block %d is %q", i, blocks[i])
			}
		}
	})
}

func TestStatusWatchFails(t *testing.T) {
	broken := errors.New("broken")
	w := statusWatch{interval: time.Hour, look: func(context.Context) (status.Report, error) { return status.Report{}, broken }}
	if err := w.run(t.Context()); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func TestScreen(t *testing.T) {
	var out strings.Builder
	s := screen{out: &out, size: func() (int, int, error) { return 10, 4, nil }}
	if err := s.paint([]string{"a", "", "b"}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "\x1b[Ha\x1b[K\n\x1b[K\nb\x1b[K\n\x1b[J"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFitRows(t *testing.T) {
	lines := []string{"first", "", "0123456789x", "", "last"}
	for height, want := range map[int][]string{
		6: lines,
		5: {"first", "0123456789x", "last"},
		4: {"first", "0123456789x", "last"},
		3: {"first", "0123456789x"},
		2: {"first"},
		0: {"first"},
	} {
		if diff := cmp.Diff(want, fitRows(lines, 10, height)); diff != "" {
			t.Errorf("height %d: %s", height, diff)
		}
	}
}

func TestJournalTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.ndjson")
	if got, err := journalTail(path, 2); err != nil || got != nil {
		t.Fatalf("of no journal: %v, %v", got, err)
	}
	log, err := journal.Open(path, "db rotate-passwords", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 400 { // more than is read
		log.Add(journal.Event{Event: journal.Began, Server: fmt.Sprintf("s%d", i), Message: strings.Repeat("x", 100)})
	}
	log.Add(journal.Event{Event: journal.Failed, Server: "db1", Action: "restart", Resource: "unit:x", Message: "no\n\x1b[2J"})
	log.Close()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString(`{"time":"2026`)
	file.Close()
	got, err := journalTail(path, 2)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range got {
		texts = append(texts, e.text)
	}
	if diff := cmp.Diff([]string{"db rotate-passwords: s399 began", `db rotate-passwords: db1 restart unit:x failed no \u001b[2J`}, texts); diff != "" {
		t.Error(diff)
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 11, 27, 0, 30, 0, 0, time.FixedZone("", 3600))
	if got := clock(now.UTC(), now); got != "00:30:00" {
		t.Error(got)
	}
	if got := clock(now.Add(-time.Hour), now); got != "2026-11-26" {
		t.Error(got)
	}
}

// countedHost answers until it is broken.
type countedHost struct {
	host.Host
	broken bool
	closed int
}

func (h *countedHost) Call(context.Context, remote.Request) (remote.Response, error) {
	if h.broken {
		return remote.Response{}, errors.New("broken")
	}
	return remote.Response{}, nil
}

func (h *countedHost) Close() error { h.closed++; return nil }

type dialled []*countedHost

func (d *dialled) dial(context.Context, topology.Server) (host.Host, error) {
	h := &countedHost{}
	*d = append(*d, h)
	return h, nil
}

// A connection stays open between looks until it fails.
func TestKeeper(t *testing.T) {
	var d dialled
	k := &keeper{connector: &d, open: map[string]host.Host{}}
	look := func() error {
		h, err := k.dial(t.Context(), topology.Server{Name: "web1"})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		_, err = h.Call(t.Context(), remote.Request{})
		return err
	}
	for range 3 {
		if err := look(); err != nil {
			t.Fatal(err)
		}
	}
	if len(d) != 1 || d[0].closed != 0 {
		t.Fatalf("%d connections, the first closed %d times", len(d), d[0].closed)
	}
	d[0].broken = true
	if look() == nil {
		t.Error("a broken connection answers")
	}
	if err := look(); err != nil || len(d) != 2 || d[0].closed != 1 {
		t.Errorf("error %v, %d connections, the first closed %d times", err, len(d), d[0].closed)
	}
	if k.close(); d[1].closed != 1 {
		t.Error("the last connection is left open")
	}
}
