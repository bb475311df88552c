package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"scaleup/internal/component"
	"scaleup/internal/component/componenttest"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/topology"
)

// site is a database group whose guards look late: their first answers after a
// member left are those from before.
type site struct {
	mu      sync.Mutex
	primary string
	view    int
	stale   int            // answers that still tell the former view
	out     map[string]int // answers until the member is ONLINE again
	fails   string         // server that does not leave
	stays   string         // server that does not come back
	took    string         // password every account takes
	did     []string
}

type server struct {
	host.Host
	name string
	site *site
}

func (s server) Call(_ context.Context, q remote.Request) (p remote.Response, err error) {
	x := s.site
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case q.Member != "":
		p.Member, err = json.Marshal(x.status(s.name))
	case q.Switch != "":
		x.primary, x.did = q.Switch, append(x.did, "switch to "+q.Switch)
	case q.Rejoin && s.name == x.fails:
		err = errors.New("busy")
	case q.Rejoin:
		for name := range x.out {
			x.did = append(x.did, name+" is still out")
		}
		if s.name == x.primary {
			x.did = append(x.did, "the primary leaves")
		}
		x.did, x.stale, x.out[s.name] = append(x.did, "rejoin "+s.name), 1, 5
	case q.SignIn != nil:
		for _, l := range q.SignIn.Logins {
			p.SignedIn = append(p.SignedIn, l.Password == x.took)
		}
	}
	return p, err
}

func (x *site) status(name string) map[string]any {
	state, role := "ONLINE", "SECONDARY"
	if name == x.primary {
		role = "PRIMARY"
	}
	if left, out := x.out[name]; out {
		switch {
		case x.stale > 0:
			x.stale--
		case name == x.stays:
			state = "RECOVERING"
		case left > 0:
			x.out[name]--
			state = "OFFLINE"
		default:
			delete(x.out, name)
			x.view++
		}
	}
	return map[string]any{"state": state, "role": role, "primary": x.primary, "view": fmt.Sprintf("1:%d", x.view)}
}

func group(t *testing.T, n int, x *site) (*topology.Topology, map[string]host.Host) {
	t.Helper()
	top, err := topology.Build(componenttest.Site(1, 1, 1, n))
	if err != nil {
		t.Fatal(err)
	}
	x.out = map[string]int{}
	hosts := map[string]host.Host{}
	for _, s := range top.Servers {
		hosts[s.Name] = server{name: s.Name, site: x}
	}
	return top, hosts
}

func TestRejoin(t *testing.T) {
	for _, c := range []struct {
		name    string
		members int
		site    *site
		want    []string
		problem string
	}{
		{"three, the primary last", 3, &site{primary: "db1"}, []string{"rejoin db2", "rejoin db3", "switch to db2", "rejoin db1"}, ""},
		{"another primary", 3, &site{primary: "db3"}, []string{"rejoin db1", "rejoin db2", "switch to db1", "rejoin db3"}, ""},
		{"a single one", 1, &site{primary: "db1"}, nil, ""},
		{"one that does not leave", 3, &site{primary: "db1", fails: "db3"}, []string{"rejoin db2"}, "db3: busy"},
		{"one that does not come back", 3, &site{primary: "db1", stays: "db2"}, []string{"rejoin db2"}, "db2: not all members are ONLINE 2m0s after it left"},
	} {
		synctest.Test(t, func(t *testing.T) {
			top, hosts := group(t, c.members, c.site)
			err := Rejoin(t.Context(), top, hosts, func(string, string) {})
			if (err != nil) != (c.problem != "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.problem)
			}
			if !slices.Equal(c.site.did, c.want) {
				t.Errorf("%s: %q, want %q", c.name, c.site.did, c.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	const secret = "correct-horse-battery"
	all := func(p string) component.Passwords { return component.Passwords{App: p, Replication: p, Drill: p} }
	mixed := all(secret)
	mixed.Drill = "another"
	for _, c := range []struct {
		name    string
		p       component.Passwords
		taken   bool
		problem string
	}{
		{"all are taken", all(secret), true, ""},
		{"all are refused", all("former"), false, ""},
		{"one is not taken", mixed, true, "db1 refuses the new password of drill\ndb2 refuses the new password of drill"},
		{"one is still taken", component.Passwords{App: secret}, false, "db1 still takes the former password of app\ndb2 still takes the former password of app"},
	} {
		top, hosts := group(t, 3, &site{took: secret})
		err := Check(t.Context(), top, hosts, c.p, c.taken)
		if (err != nil) != (c.problem != "") || err != nil && (!strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.problem)
		}
	}
}
