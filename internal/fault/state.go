package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"scaleup/internal/atomicfile"
)

// Where faults keep what they must not forget. Only root may look: a saved
// configuration may hold passwords.
const (
	stateDir   = "/run/scaleup-faults"      // a folder for each fault; gone after a reboot, as the fault is
	journalDir = "/var/lib/scaleup/faults"  // a file for each fault that a reboot would not end
	lockFile   = "/run/scaleup-faults.lock" // starting and ending take turns
	recordName = "fault"                    // of the state: the order, from before the fault is injected until it is healed
	endedName  = "ended"                    // of the state: the fault is over; it may not be started any more
	failedName = "failed"                   // of the state: why injecting failed
)

// entry is one fault in the journal.
type entry struct {
	Order Order           `json:"order"`
	Undo  json.RawMessage `json:"undo,omitempty"` // what healing needs beside the order
}

func (p Place) stateFile(name string) string {
	return p.path(filepath.Join(stateDir, p.ID, name+".json"))
}

func (p Place) journalFile() string { return p.path(filepath.Join(journalDir, p.ID+".json")) }

// remember writes something about this fault that other processes read.
func (p Place) remember(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("remember %s of fault %s: %w", name, p.ID, err)
	}
	if err := writeSynced(p.stateFile(name), data); err != nil {
		return fmt.Errorf("remember %s of fault %s: %w", name, p.ID, err)
	}
	return nil
}

// recall reads what remember wrote; ok is false when there is nothing.
func (p Place) recall(name string, v any) (ok bool, err error) {
	ok, err = readJSON(p.stateFile(name), v)
	if err != nil {
		return false, fmt.Errorf("recall %s of fault %s: %w", name, p.ID, err)
	}
	return ok, nil
}

func (p Place) forget(name string) error {
	if err := remove(p.stateFile(name)); err != nil {
		return fmt.Errorf("forget %s of fault %s: %w", name, p.ID, err)
	}
	return nil
}

// journal writes the fault, and what healing it needs, where a reboot leaves it. It
// must be called before anything is broken.
func (p Place) journal(f Fault, undo any) error {
	e := entry{Order: Order{ID: p.ID, Lease: p.Lease, Fault: f}}
	var err error
	if e.Undo, err = json.Marshal(undo); err != nil {
		return fmt.Errorf("journal fault %s: %w", p.ID, err)
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("journal fault %s: %w", p.ID, err)
	}
	if err := writeSynced(p.journalFile(), data); err != nil {
		return fmt.Errorf("journal fault %s: %w", p.ID, err)
	}
	return nil
}

// journalled reads the journal's entry on this fault into undo.
func (p Place) journalled(undo any) (ok bool, err error) {
	var e entry
	ok, err = readJSON(p.journalFile(), &e)
	if err == nil && ok {
		err = json.Unmarshal(e.Undo, undo)
	}
	if err != nil {
		return false, fmt.Errorf("read the journal of fault %s: %w", p.ID, err)
	}
	return ok, nil
}

func (p Place) unjournal() error {
	if err := remove(p.journalFile()); err != nil {
		return fmt.Errorf("take fault %s out of the journal: %w", p.ID, err)
	}
	return nil
}

// writeSynced replaces a file whole, and returns when it is on the disk.
func writeSynced(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return atomicfile.Write(path, data, 0o600)
}

func writeFile(path string, data []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}

func readJSON(path string, v any) (ok bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	return true, nil
}

// remove deletes a file; one that is not there is no error.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
