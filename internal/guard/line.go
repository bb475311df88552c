package guard

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// writeLine replaces the first line of a small file of the state directory, in place and
// without fsync: it costs nothing, a full disk is no obstacle once the file exists, and a
// kill of the guard does not cut one write in two. A crash of the machine may lose it.
func writeLine(dir, name, line string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(line+"\n"), 0)
	return errors.Join(err, f.Close())
}

// readLine reads such a file; a missing one is empty.
func readLine(dir, name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(data), err
}

// firstLine is the line that was written last; behind it lies what longer ones have left.
// It counts only if it is whole.
func firstLine(text string) (line string, whole bool) {
	line, _, whole = strings.Cut(text, "\n")
	return line, whole
}
