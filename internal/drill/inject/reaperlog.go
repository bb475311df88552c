package inject

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ReaperLog is the file in which the reapers of a site tell what they do and what they
// could not. There is none before the first of them.
func ReaperLog(stateDir string) string {
	return reaperLogBeside(filepath.Join(faultsDir(stateDir), "-"))
}

func reaperLogBeside(file string) string { return filepath.Join(filepath.Dir(file), "reaper.log") }

const (
	// maxReaperLog is how large the log may have become, in bytes, when another reaper
	// begins. It then goes on in a new one, and the one before that is given up.
	maxReaperLog = 256 << 10
	// maxReason is how much of an error is told, in bytes: of a command that failed, all
	// it said is part of it.
	maxReason = 4 << 10
)

// openReaperLog opens the log for writing at its end, which several reapers do at once.
func openReaperLog(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil && info.Size() > maxReaperLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
}

// reason is an error as the log tells it: whole, or its end, where a command says why it
// failed.
func reason(err error) string {
	text := err.Error()
	if left := len(text) - maxReason; left > 0 {
		text = fmt.Sprintf("(%d bytes) … %s", left, text[left:])
	}
	return text
}
