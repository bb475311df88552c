package remote

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"scaleup/internal/haproxyctl"
)

// Watching is what Watch looks at on one server. Empty fields are not looked at.
type Watching struct {
	Addresses []netip.Addr `json:"addresses,omitempty"` // load balancer: virtual addresses it may hold
	Balancer  bool         `json:"balancer,omitempty"`  // load balancer: HAProxy's servers
	Member    string       `json:"member,omitempty"`    // database: URL of the guard's status
}

// Change is one line of what Watch writes. An empty one is a sign of life.
type Change struct {
	Kind  string `json:"kind,omitempty"`  // vip, backend or member
	Name  string `json:"name,omitempty"`  // address; backend/server; "" for the member itself
	State string `json:"state,omitempty"` // held, free; HAProxy's state; MySQL's state and role
}

const (
	// watchInterval is how often is looked: a twentieth of the fastest check of
	// HAProxy, which is what changes states.
	watchInterval = 50 * time.Millisecond
	// WatchLife is how often a sign of life is written at least.
	WatchLife = 500 * time.Millisecond
)

// EncodeWatching writes w in letters that no shell interprets.
func EncodeWatching(w Watching) (string, error) {
	data, err := json.Marshal(w)
	if err != nil {
		return "", fmt.Errorf("encode what to watch: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

// Watch writes every change of what it looks at as a line of JSON, the first states
// included, until the context ends or nobody reads any more.
func Watch(ctx context.Context, encoded string, out io.Writer) error {
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("decode what to watch: %w", err)
	}
	var w Watching
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("decode what to watch: %w", err)
	}
	return w.run(ctx, json.NewEncoder(out))
}

func (w Watching) run(ctx context.Context, out *json.Encoder) error {
	known := map[[2]string]string{}
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var told time.Time
	for {
		for _, c := range w.look(ctx) {
			key := [2]string{c.Kind, c.Name}
			if known[key] == c.State {
				continue
			}
			known[key] = c.State
			if err := out.Encode(c); err != nil {
				return fmt.Errorf("tell what has changed: %w", err)
			}
			told = time.Now()
		}
		if time.Since(told) >= WatchLife {
			if err := out.Encode(Change{}); err != nil {
				return fmt.Errorf("tell that all is as it was: %w", err)
			}
			told = time.Now()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look reads all states. What does not answer is a state, too.
func (w Watching) look(ctx context.Context) []Change {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var all []Change
	if len(w.Addresses) > 0 {
		all = append(all, addresses(w.Addresses)...)
	}
	if w.Balancer {
		all = append(all, backends(ctx)...)
	}
	if w.Member != "" {
		all = append(all, Change{Kind: "member", State: memberState(ctx, w.Member)})
	}
	return all
}

func addresses(wanted []netip.Addr) []Change {
	held, err := net.InterfaceAddrs()
	if err != nil {
		return nil // the kernel's list; it fails only when memory does
	}
	all := make([]Change, len(wanted))
	for i, a := range wanted {
		all[i] = Change{Kind: "vip", Name: a.String(), State: "free"}
		for _, h := range held {
			if p, err := netip.ParsePrefix(h.String()); err == nil && p.Addr() == a {
				all[i].State = "held"
			}
		}
	}
	return all
}

func backends(ctx context.Context) []Change {
	servers, err := haproxyctl.Client{Socket: haproxyctl.AdminSocket}.States(ctx)
	if err != nil {
		return []Change{{Kind: "backend", Name: "haproxy", State: "silent"}}
	}
	all := []Change{{Kind: "backend", Name: "haproxy", State: "up"}}
	for _, s := range servers {
		all = append(all, Change{Kind: "backend", Name: s.Backend + "/" + s.Name, State: string(s.State)})
	}
	return all
}

// memberState is the member's state and role in MySQL's words, and whether writes
// are let through.
func memberState(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "silent"
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "silent"
	}
	defer response.Body.Close()
	var status struct{ State, Role string }
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&status); err != nil {
		return "silent"
	}
	if status.Role == "" {
		return status.State
	}
	return status.State + " " + status.Role
}
