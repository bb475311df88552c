package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// History is what people want to know afterwards: who was primary when, and what was
// set aside. Nothing is decided by it. It is never changed, only replaced.
type History struct {
	Changes []Change `json:"changes"` // oldest first, at most maxChanges
	Aside   []Copy   `json:"aside"`   // oldest first, at most maxCopies
}

// Change is the group as this member saw it from that time on.
type Change struct {
	At      time.Time `json:"at"` // by this server's clock
	Epoch   uint64    `json:"epoch"`
	Members []string  `json:"members"` // server names, sorted
	Primary string    `json:"primary"` // server name; "" while there was none
}

// Copy is a copy of data that the group did not have. The guard's account cannot look
// into AsideDir, so that a copy that was deleted since is listed as well.
type Copy struct {
	At           time.Time `json:"at"` // when the record was first seen to name it
	Path         string    `json:"path"`
	Transactions string    `json:"transactions"` // that the group lacked, as far as they fit one line
}

// How much is kept.
const (
	maxChanges = 100
	maxCopies  = 20
)

// next is the history after the record was seen, and whether that adds anything: a
// change of epoch, members or primary, or another copy.
func (h History) next(r Record, now time.Time) (History, bool) {
	at, due := now.UTC().Truncate(time.Millisecond), false
	if c := (Change{At: at, Epoch: r.Epoch, Members: r.Members, Primary: r.Primary}); r.Epoch > 0 && !h.endsWith(c) {
		h.Changes, due = appended(h.Changes, c, maxChanges), true
	}
	// See setAside for how the record writes it.
	if path, transactions, named := strings.Cut(r.Aside, ": "); named && !slices.ContainsFunc(h.Aside, func(c Copy) bool { return c.Path == path }) {
		h.Aside, due = appended(h.Aside, Copy{At: at, Path: path, Transactions: transactions}, maxCopies), true
	}
	return h, due
}

// endsWith reports whether the last change says the same of the group.
func (h History) endsWith(c Change) bool {
	if len(h.Changes) == 0 {
		return false
	}
	last := h.Changes[len(h.Changes)-1]
	return last.Epoch == c.Epoch && last.Primary == c.Primary && slices.Equal(last.Members, c.Members)
}

// appended is a new list that ends with the item and has no more than the last most:
// snapshots still hold the old one.
func appended[T any](list []T, item T, most int) []T {
	kept := list[max(0, len(list)+1-most):]
	return append(slices.Clone(kept), item)
}

// historyName is the history's file in the state directory.
const historyName = "history.json"

// readHistory reads it; a missing one is that of a new server.
func readHistory(dir string) (h History, err error) {
	data, err := os.ReadFile(filepath.Join(dir, historyName))
	if errors.Is(err, fs.ErrNotExist) {
		return History{}, nil
	}
	if err != nil {
		return History{}, fmt.Errorf("read history: %w", err)
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return History{}, fmt.Errorf("read history %s: %w", filepath.Join(dir, historyName), err)
	}
	return h, nil
}

func saveHistory(dir string, h History) error {
	if err := saveState(dir, historyName, h); err != nil {
		return fmt.Errorf("save history: %w", err)
	}
	return nil
}

// recallHistory reads what an earlier guard has kept. One that cannot be read is begun
// anew: that is no reason to leave the database without a guard.
func (g *guard) recallHistory() {
	h, err := readHistory(g.store.dir)
	if err != nil {
		g.log.Warn("history begun anew", "error", err)
	}
	g.history = h
}

// noteHistory adds what the record newly says and has it written beside the loop: a
// disk that is slow must not delay what the load balancers are told of a new primary.
func (g *guard) noteHistory(now time.Time) {
	next, due := g.history.next(g.store.record, now)
	if !due {
		return
	}
	g.history = next
	select {
	case <-g.unsaved: // an older one, which the next one contains
	default:
	}
	g.unsaved <- next
}

// keepHistory writes what noteHistory hands over. A write that fails is made good by the
// next one, as the whole is written each time.
func (g *guard) keepHistory(ctx context.Context) {
	save := func(h History) {
		if err := saveHistory(g.store.dir, h); err != nil {
			g.log.Warn("history not saved", "error", err)
		}
	}
	for {
		select {
		case h := <-g.unsaved:
			save(h)
		case <-ctx.Done():
			select {
			case h := <-g.unsaved:
				save(h)
			default:
			}
			return
		}
	}
}
