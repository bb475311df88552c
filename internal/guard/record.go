package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Record is what a guard must still know after a crash: the newest view its
// member was part of, and what it promised. It lives outside MySQL's data
// directory, so that a clone or a lost data directory does not take it along.
type Record struct {
	Group      string   `json:"group"`                 // group name the rest is about
	Epoch      uint64   `json:"epoch"`                 // counts how often the group was formed; 0: no view was ever recorded
	ViewID     string   `json:"view_id"`               // Group Replication's, "<forming>:<counter>"
	Members    []string `json:"members"`               // server names in that view, sorted
	Role       string   `json:"role"`                  // own role in it
	Primary    string   `json:"primary"`               // server name; "" while there was none
	Joining    []string `json:"joining,omitempty"`     // servers that were about to join, and that no view has listed since; sorted
	EverMember bool     `json:"ever_member"`           // was ever ONLINE or RECOVERING in the group
	Filled     bool     `json:"filled,omitempty"`      // had transactions while it was in the group: without any, its data is gone
	Granted    Grant    `json:"granted"`               // the newest promise given
	Cloning    bool     `json:"cloning"`               // a clone was begun and not seen to complete: the data may be a torso
	Replaces   []string `json:"replaces,omitempty"`    // groups that were given up for this one, oldest first
	ReplacedBy string   `json:"replaced_by,omitempty"` // group that this one was given up for, as another guard told
	// Aside is where the last copy of data lies that the group did not have, and its
	// transactions; for people. That a clone has to follow is in Cloning.
	Aside string `json:"aside,omitempty"`
}

// Grant is the promise to let only To form the group in Epoch, and nobody in an
// earlier one.
type Grant struct {
	Epoch uint64 `json:"epoch"`
	To    string `json:"to"`
}

// forming is the part of a view's identifier that all views of one forming share.
func forming(viewID string) string {
	prefix, _, _ := strings.Cut(viewID, ":")
	return prefix
}

// counter orders the views of one forming.
func counter(viewID string) uint64 {
	_, text, _ := strings.Cut(viewID, ":")
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0 // an identifier of an unknown form is older than any other of its epoch
	}
	return n
}

// compare orders records by how new a view they know: negative when r is older.
func (r Record) compare(other Record) int {
	switch a, b := counter(r.ViewID), counter(other.ViewID); {
	case r.Epoch != other.Epoch:
		return compareUint(r.Epoch, other.Epoch)
	default:
		return compareUint(a, b)
	}
}

func compareUint(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// recordName is the record's file in the state directory.
const recordName = "record.json"

// store keeps the record on disk. Only the loop uses it.
type store struct {
	dir    string
	record Record
}

// openStore reads the record; a missing one is that of a server that was never a
// member. A damaged one is an error: forgetting a promise is worse than standing
// still.
func openStore(dir, group string) (*store, error) {
	s := &store{dir: dir, record: Record{Group: group}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(dir, recordName))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read guard record: %w", err)
	}
	if err := json.Unmarshal(data, &s.record); err != nil {
		return nil, fmt.Errorf("read guard record %s: %w; if it cannot be restored and the other members are healthy, move it away and start the guard again", filepath.Join(dir, recordName), err)
	}
	return s, nil
}

// save makes the record durable before it returns; the one before stays whole
// until then.
func (s *store) save(r Record) error {
	if err := saveState(s.dir, recordName, r); err != nil {
		return fmt.Errorf("save guard record: %w", err)
	}
	s.record = r
	return nil
}

// saveState writes a document of the state directory, durably.
func saveState(dir, name string, document any) error {
	data, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return writeDurably(dir, name, append(data, '\n'))
}

// writeDurably replaces a file: content and name are both on disk when it returns.
func writeDurably(dir, name string, data []byte) (err error) {
	temporary := filepath.Join(dir, name+".new")
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, filepath.Join(dir, name)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
