package guard

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// AsideDir is where the data of a member lies that the group did not have, a folder
// for each time. mysqld writes it, and apply makes it for mysqld's user.
const AsideDir = "/var/lib/mysql-aside"

// dataDir is what a copy is made of; only how full its file system is can be seen
// from here.
const dataDir = "/var/lib/mysql"

// divergedLimit is how long a member has to seem diverged before its data is replaced.
// What peers have told is up to a second old: a member that has just left may be ahead
// of that.
const divergedLimit = 10 * time.Second

// afterLooking holds SetAside back until the member has seemed diverged all the time.
func (g *guard) afterLooking(a Action, now time.Time) Action {
	switch {
	case a.Kind != SetAside:
		g.diverged = time.Time{}
	case g.diverged.IsZero():
		g.diverged = now
		fallthrough
	case now.Sub(g.diverged) < divergedLimit:
		return wait("seems diverged, looks again for " + divergedLimit.String() + ": has transactions that the group lacks: " + a.Extra)
	}
	return a
}

func (d *localMySQL) SetAside(ctx context.Context, name string) (string, error) {
	if err := roomFor(dataDir, filepath.Dir(AsideDir)); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, cloneTimeout)
	defer cancel()
	path := filepath.Join(AsideDir, name)
	if _, err := d.work.ExecContext(ctx, "CLONE LOCAL DATA DIRECTORY = ?", path+"/"); err != nil {
		return "", fmt.Errorf("copy the data to %s: %w", path, err)
	}
	return path, nil
}

// roomFor refuses a copy that could take more than half of what is free. The data is
// no larger than what is used on its file system.
func roomFor(data, aside string) error {
	var from, to unix.Statfs_t
	if err := unix.Statfs(data, &from); err != nil {
		return fmt.Errorf("see how large %s is: %w", data, err)
	}
	if err := unix.Statfs(aside, &to); err != nil {
		return fmt.Errorf("see how much room %s has: %w", aside, err)
	}
	used, free := (from.Blocks-from.Bfree)*uint64(from.Bsize), to.Bavail*uint64(to.Bsize)
	if used > free/2 {
		return fmt.Errorf("a copy of up to %d MiB would take more than half of the %d MiB that are free at %s; make room there, or move older copies away", used>>20, free>>20, aside)
	}
	return nil
}
