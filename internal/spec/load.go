package spec

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Load reads and validates the site file at path. What is wrong with the file
// comes back as Errors.
func Load(path string) (*Site, error) {
	data, err := readAtMost(path, maxBytes+1)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return Parse(data, path)
}

// LoadText is Load without a look at what the file names on this computer: folders and
// certificates. It is for whoever only looks at the site, which must be possible when its
// certificate has expired or a release is not built.
func LoadText(path string) (*Site, error) {
	data, err := readAtMost(path, maxBytes+1)
	if err != nil {
		return nil, unreadable(path, err)
	}
	s, r := text(data, path)
	if err := r.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// Parse validates the text of a site file. The file's name is what problems are
// reported under, and its folder is where relative paths start; Parse looks
// there for the folders and certificates that the site names. What is wrong
// comes back as Errors.
func Parse(data []byte, file string) (*Site, error) {
	return parse(data, file, time.Now())
}

// parse is Parse at a given time, which decides whether a certificate expired.
func parse(data []byte, file string, now time.Time) (*Site, error) {
	s, r := text(data, file)
	if s != nil {
		inText := len(r.problems)
		checkDisk(r, s, now)
		for i := range r.problems[inText:] {
			r.problems[inText+i].Disk = true
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// text validates what can be told from the file alone. Each stage runs on what the stage
// before could read, so that one run reports every mistake; none reports a consequence
// of another's. Without a readable text there is no site.
func text(data []byte, file string) (*Site, *report) {
	r := newReport(file)
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		r.fail(0, "change to a folder that exists", "find the folder of the site file: %v", err)
		return nil, r
	}
	root := syntax(r, data)
	if root == nil {
		return nil, r
	}
	s := &Site{File: file, Dir: dir}
	decode(r, root, s)
	check(r, s)
	return s, r
}

// readAtMost reads a file up to a limit, so that a device or a wrong file does
// not fill the memory.
func readAtMost(path string, limit int64) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// unreadable is the Errors of a site file that could not be read at all.
func unreadable(path string, err error) error {
	r := newReport(path)
	info, statErr := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.fail(0, "name the site file with --file, or write one with scaleup init", "no such file")
	case statErr == nil && info.IsDir():
		r.fail(0, "name the site file in it with --file", "is a folder, not a site file")
	default:
		r.fail(0, "make it readable for you, or name another with --file", "cannot be read: %v", cause(err))
	}
	return r.err()
}

// cause is a file error without the path, which the message already says.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
