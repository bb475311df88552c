package switchover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"scaleup/internal/component/componenttest"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

func TestChoose(t *testing.T) {
	names := []string{"db1", "db2", "db3"}
	healthy := func() Members {
		return Members{
			"db1": {State: "ONLINE", Primary: "db1"},
			"db2": {State: "ONLINE", Primary: "db1", Lag: 7},
			"db3": {State: "ONLINE", Primary: "db1", Lag: 3},
		}
	}
	for _, c := range []struct {
		name   string
		to     string
		change func(Members)
		want   string // "from to", "" for nothing to do, or a part of the error
	}{
		{"least to catch up with", "", func(Members) {}, "db1 db3"},
		{"the one named", "db2", func(Members) {}, "db1 db2"},
		{"it is there already", "db1", func(Members) {}, ""},
		{"equal: the first", "", func(m Members) { m["db2"] = survey.Group{State: "ONLINE", Primary: "db1", Lag: 3} }, "db1 db2"},
		{"named and lagging", "db2", func(m Members) { m["db2"] = survey.Group{State: "ONLINE", Primary: "db1", Lag: 101} }, "db2 cannot become the primary: it has 101 transactions to apply first, the limit is 100"},
		{"named and joining", "db2", func(m Members) { m["db2"] = survey.Group{State: "RECOVERING", Message: "catching up"} }, "db2 cannot become the primary: it is RECOVERING: catching up"},
		{"named and silent", "db2", func(m Members) { delete(m, "db2") }, "its guard does not answer"},
		{"nobody is fit", "", func(m Members) { delete(m, "db2"); m["db3"] = survey.Group{State: "OFFLINE"} }, "no other member is fit (db2: its guard does not answer; db3: it is OFFLINE)"},
		{"no primary", "db2", func(m Members) { clear(m) }, "no member is ONLINE"},
		{"the primary is silent", "", func(m Members) { delete(m, "db1") }, "db1 db3"},
	} {
		members := healthy()
		c.change(members)
		move, err := Choose(names, members, c.to)
		got := ""
		if move != nil {
			got = move.From + " " + move.To
		}
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// site records what its servers are asked.
type site struct {
	mu    sync.Mutex
	asked []string
	fails map[string]error // by server and request
}

type server struct {
	host.Host
	name string
	site *site
}

func (s server) Call(_ context.Context, q remote.Request) (remote.Response, error) {
	s.site.mu.Lock()
	defer s.site.mu.Unlock()
	word := s.name
	switch {
	case q.Park != "":
		word += " park " + q.Park
	case q.Steer != nil:
		word += fmt.Sprintf(" steer %s %s %s", q.Steer.From, q.Steer.To, q.Steer.Ready)
	case q.Switch != "":
		word += " switch " + q.Switch
	}
	s.site.asked = append(s.site.asked, word)
	return remote.Response{}, s.site.fails[word]
}

func TestRun(t *testing.T) {
	top, err := topology.Build(componenttest.Site(2, 2, 2, 3))
	if err != nil {
		t.Fatal(err)
	}
	run := func(fails map[string]error) ([]string, error) {
		s := &site{fails: fails}
		hosts := map[string]host.Host{}
		for _, x := range top.Servers {
			hosts[x.Name] = server{name: x.Name, site: s}
		}
		err := Run(t.Context(), top, hosts, Move{"db1", "db2"})
		return s.asked, err
	}
	asked, err := run(nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(asked[:2])
	slices.Sort(asked[2:])
	want := []string{"lb1 park db1", "lb2 park db1", "db1 switch db2", "lb1 steer db1 db2 http://10.77.0.52:8008/primary?soon", "lb2 steer db1 db2 http://10.77.0.52:8008/primary?soon"}
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
	if asked, err := run(map[string]error{"lb2 park db1": errors.New("no")}); err == nil || len(asked) != 2 {
		t.Errorf("a load balancer that does not hold back: %v, asked %q", err, asked)
	}
	if _, err := run(map[string]error{"db1 switch db2": errors.New("busy")}); err == nil || !strings.Contains(err.Error(), "db1: busy") {
		t.Errorf("a guard that refuses: %v", err)
	}
}
