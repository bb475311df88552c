package lbagent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// YieldLimit is how long a yield file counts. Who asked for it may have died; a
// load balancer must not stand aside for ever.
const YieldLimit = 15 * time.Minute

// yielding reports whether the server was asked to give up the addresses.
func yielding(path string, now time.Time) bool {
	info, err := os.Stat(path)
	return err == nil && now.Sub(info.ModTime()) < YieldLimit
}

// report makes the track file say whether HAProxy serves. It looks at what is
// there each time: keepalived, or whoever else wrote to it, is corrected. The
// file is replaced in one move, which keepalived is told of by the kernel and
// in which it never finds an empty file.
func report(path string, serving bool) error {
	want := "1\n"
	if serving {
		want = "0\n"
	}
	if have, err := os.ReadFile(path); err == nil && string(have) == want {
		return nil
	}
	fresh := filepath.Join(filepath.Dir(path), ".track")
	err := errors.Join(os.WriteFile(fresh, []byte(want), 0o644), os.Rename(fresh, path))
	if err != nil {
		return fmt.Errorf("tell keepalived: %w", err)
	}
	return nil
}
