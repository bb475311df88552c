package check

import (
	"fmt"
	"slices"
	"time"

	"scaleup/internal/evidence"
	"scaleup/internal/spec"
)

var timeouts = kind{
	id: "timeouts", drill: "app-freeze",
	why: "the inner tier has to give up first: an outer one that gives up before it answers with an error for work that is still being done, and repeats it elsewhere",
}

// appTimeout is what an application may take for a request, by the contract that the
// other tiers' time limits are built on: see the comments in HAProxy's and Nginx's
// configuration.
const appTimeout = 20 * time.Second

// wait is how long one server waits for the tier behind it.
type wait struct {
	server, what string
	limit        time.Duration
}

// nesting compares the time limits along the way of a request, as the running
// configurations have them: app < HAProxy, to it < Nginx < HAProxy, to that.
func nesting(l evidence.Look) []Finding {
	chain := [][]wait{{{what: "the application", limit: appTimeout}}, {}, {}, {}}
	for _, s := range l.Topology.Servers {
		r := l.Of(s.Name)
		if r == nil {
			continue
		}
		if text, ok := r.Configs[haproxyConfig]; ok && s.Role == spec.LoadBalancer {
			h := readHAProxy(text)
			for _, backend := range []string{"app", "web", "web_once"} {
				if limit, ok := h.timeout(backend, "server"); ok {
					place := 3
					if backend == "app" {
						place = 1
					}
					chain[place] = append(chain[place], wait{s.Name, fmt.Sprintf("HAProxy, backend %s", backend), limit})
				}
			}
		}
		if text, ok := r.Configs[nginxConfig]; ok && s.Role == spec.Web {
			for _, limit := range proxyTimeouts(readNginx(text), nginxDefault) {
				chain[2] = append(chain[2], wait{s.Name, "Nginx", limit})
			}
		}
	}
	return unnested(l, chain)
}

// unnested compares each server's limit with the longest of the tier behind it.
func unnested(l evidence.Look, chain [][]wait) []Finding {
	var found []Finding
	for i := 1; i < len(chain); i++ {
		if len(chain[i-1]) == 0 {
			continue
		}
		inner := slices.MaxFunc(chain[i-1], func(a, b wait) int { return int(a.limit - b.limit) })
		at := inner.what
		if inner.server != "" {
			at += " on " + inner.server
		}
		for _, outer := range chain[i] {
			if outer.limit <= inner.limit {
				found = append(found, timeouts.found(Warning, outer.server, "put the configuration back: "+converge(l.Topology),
					"%s waits %s, and %s behind it may take %s", outer.what, outer.limit, at, inner.limit))
			}
		}
	}
	return found
}
