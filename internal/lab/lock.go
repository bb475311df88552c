package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lock makes commands on the same lab take turns. The one that waits says for
// whom. The kernel drops the lock of a process that dies.
func (l *Lab) lock(ctx context.Context) (unlock func(), err error) {
	return l.lockFile(ctx, "lab-"+l.name, "lab "+l.name)
}

// lockLayers makes one process build layers at a time; labs share them.
func (l *Lab) lockLayers(ctx context.Context) (unlock func(), err error) {
	return l.lockFile(ctx, "layers", "the package layers")
}

func (l *Lab) lockFile(ctx context.Context, name, what string) (func(), error) {
	dir := filepath.Join(l.dir, "locks")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make lab folder: %w", err)
	}
	path := filepath.Join(dir, name+".lock")
	holder := filepath.Join(dir, name+".holder")
	lock := flock.New(path)
	taken, err := lock.TryLock()
	if err == nil && !taken {
		l.log("", "waiting for "+what+", which is in use"+heldBy(holder))
		taken, err = lock.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil || !taken {
		return nil, fmt.Errorf("wait for %s, in use%s: %w", what, heldBy(holder), err)
	}
	// Only told to the one who waits; the lock itself is the kernel's.
	_ = os.WriteFile(holder, []byte(fmt.Sprintf("process %d (%s)", os.Getpid(), commandLine())), 0o644)
	return func() {
		_ = os.Remove(holder)
		_ = lock.Unlock()
	}, nil
}

func heldBy(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return " by " + string(data)
}

// commandLine is the program and its verb; further arguments are nobody's business.
func commandLine() string {
	args := []string{filepath.Base(os.Args[0])}
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		args = append(args, os.Args[1])
	}
	return strings.Join(args, " ")
}
