package haproxyctl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Park holds new connections to a server back: they wait in the backend's queue, for
// its timeout, until another server can take them. Those there are go on. One more is
// let through when there is none, since HAProxy takes a limit of 0 for no limit.
//
// The frontend's limit would hold all back, but HAProxy 2.6 dies when it is raised
// again (its watchdog ends it in resume_listener, seen with 2.6.12).
func (c Client) Park(ctx context.Context, backend, server string) error {
	return c.limit(ctx, backend, server, 1)
}

// Open gives every server of a backend the limit of the configuration again.
func Open(ctx context.Context, paths Paths, backend string) error {
	config, err := os.ReadFile(paths.Config)
	if err != nil {
		return fmt.Errorf("let connections to %s in again: %w", backend, err)
	}
	limit, err := serverLimit(string(config), backend)
	if err != nil {
		return fmt.Errorf("let connections to %s in again: %s: %w", backend, paths.Config, err)
	}
	var errs []error
	for _, s := range parseConfig(string(config)) {
		if s.backend == backend {
			errs = append(errs, Client{Socket: paths.Socket}.limit(ctx, backend, s.name, limit))
		}
	}
	return errors.Join(errs...)
}

func (c Client) limit(ctx context.Context, backend, server string, connections int) error {
	return c.tellServer(ctx, "set maxconn server", backend, server, strconv.Itoa(connections))
}

// SetHealth says of a server what its next checks will say, so that nothing has to
// wait for them. They go on, and have the last word.
func (c Client) SetHealth(ctx context.Context, backend, server string, healthy bool) error {
	word := map[bool]string{true: "up", false: "down"}[healthy]
	return c.tellServer(ctx, "set server", backend, server, "health "+word)
}

// serverLimit is the limit that a backend's default-server line gives its servers, in
// a configuration of ours.
func serverLimit(config, backend string) (int, error) {
	inside := false
	for line := range strings.Lines(config) {
		f := strings.Fields(line)
		switch {
		case len(f) < 2 || strings.HasPrefix(f[0], "#"):
		case line[0] != ' ' && line[0] != '\t': // a section begins
			inside = f[0] == "backend" && f[1] == backend
		case inside && f[0] == "default-server":
			i := slices.Index(f, "maxconn")
			if i < 0 || i+1 == len(f) {
				continue
			}
			limit, err := strconv.Atoi(f[i+1])
			if err != nil || limit < 1 {
				return 0, fmt.Errorf("the servers of backend %s have the limit %q", backend, f[i+1])
			}
			return limit, nil
		}
	}
	return 0, fmt.Errorf("the servers of backend %s have no maxconn", backend)
}
