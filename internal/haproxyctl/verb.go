package haproxyctl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"scaleup/internal/atomicfile"
)

// Paths are the files of HAProxy on a load balancer.
type Paths struct {
	Socket string // admin socket
	Config string // configuration that the next process reads
	State  string // server-state-file
}

// DefaultPaths are those the rendered configuration names.
func DefaultPaths() Paths {
	return Paths{Socket: AdminSocket, Config: "/etc/haproxy/haproxy.cfg", State: "/run/haproxy/servers.state"}
}

// dumpTimeout bounds the question to the running process; a reload waits for it.
const dumpTimeout = 2 * time.Second

// Verb is the hidden verb "scaleup haproxy-state start|reload|open". The last one
// lets connections to the database's primary in again, should whoever parked them have
// died.
func Verb(ctx context.Context, paths Paths, moment string) error {
	if moment == "open" {
		return Open(ctx, paths, BackendMySQLPrimary)
	}
	return WriteState(ctx, paths, moment)
}

// WriteState is the verb's start and reload, which the unit runs before HAProxy starts
// or reloads: it writes the state file the next process reads. When the running process
// cannot be asked at a reload, the file is that of a start, and the error says why.
func WriteState(ctx context.Context, paths Paths, moment string) error {
	var dump string
	var asked error
	switch moment {
	case "start":
	case "reload":
		ctx, cancel := context.WithTimeout(ctx, dumpTimeout)
		defer cancel()
		dump, asked = Client{Socket: paths.Socket}.Command(ctx, "show servers state")
	default:
		return fmt.Errorf("haproxy-state: %q is neither start nor reload", moment)
	}
	config, err := os.ReadFile(paths.Config)
	if err != nil {
		return errors.Join(asked, fmt.Errorf("keep HAProxy's server states: %w", err), forget(paths.State))
	}
	state, err := Keep(dump, string(config))
	if err != nil { // an answer of an unknown form
		asked = errors.Join(asked, err)
		state, err = Keep("", string(config))
	}
	if err != nil {
		return errors.Join(asked, err, forget(paths.State))
	}
	if err := atomicfile.Write(paths.State, []byte(state), 0o600); err != nil {
		return errors.Join(asked, fmt.Errorf("keep HAProxy's server states: %w", err))
	}
	return asked
}

// forget removes a state file that has become wrong; HAProxy does without it.
func forget(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove HAProxy's outdated server states: %w", err)
	}
	return nil
}
