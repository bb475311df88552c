package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errorLog is where Nginx writes what went wrong.
const errorLog = "/var/log/nginx/error.log"

const (
	// logFileInterval is how often a file is looked at for more. Nginx writes once a second.
	logFileInterval = 200 * time.Millisecond
	// logFileSlack is how far the lines of a file may be out of order: Nginx's processes
	// each keep theirs back for a second, and a slow computer for as long again.
	logFileSlack = 5 * time.Second
	// logChunk is how much of a file is read at once, in bytes.
	logChunk = 64 << 10
)

// logFile is a log that a program writes into a file. logrotate gives the file another
// name, FILE.1, and then has the program open a new one; older ones are compressed and
// not read.
type logFile struct {
	path  string
	parse func(line []byte) (LogEntry, bool)

	file   *os.File // nil while there is none
	offset int64    // up to where it has been read
	rest   []byte   // the beginning of a line whose end is not there yet
	leave  bool     // the program writes into a new file already
}

func nginxFiles(root string) []*logFile {
	return []*logFile{
		{path: filepath.Join(root, AccessLog), parse: accessEntry},
		{path: filepath.Join(root, errorLog), parse: errorEntry},
	}
}

// accessEntry reads one line of Nginx's access log.
func accessEntry(line []byte) (LogEntry, bool) {
	var r struct {
		Time   time.Time `json:"time"`
		Status int       `json:"status"`
	}
	if json.Unmarshal(line, &r) != nil {
		return LogEntry{}, false
	}
	e := LogEntry{Time: r.Time.UTC(), Unit: "nginx.service", Identifier: "access", Priority: 6, Message: cut(string(line))}
	if r.Status >= 500 {
		e.Priority = 4
	}
	return e, true
}

// nginxLevels are the levels of Nginx's error log, as syslog numbers them.
var nginxLevels = []string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}

// errorEntry reads one line of Nginx's error log, such as
// 2026/11/27 15:04:05 [warn] 31#31: *7 message. Its time is in the server's zone.
func errorEntry(line []byte) (LogEntry, bool) {
	const layout = "2006/01/02 15:04:05"
	text := string(line)
	if len(text) < len(layout) {
		return LogEntry{}, false
	}
	at, err := time.ParseInLocation(layout, text[:len(layout)], time.Local)
	if err != nil {
		return LogEntry{}, false
	}
	e := LogEntry{Time: at.UTC(), Unit: "nginx.service", Identifier: "nginx", Priority: 3, Message: cut(strings.TrimSpace(text[len(layout):]))}
	if level, rest, ok := strings.Cut(e.Message, "] "); ok {
		if p := slices.Index(nginxLevels, strings.TrimPrefix(level, "[")); p >= 0 {
			e.Priority, e.Message = p, rest
		}
	}
	if pid, _, ok := strings.Cut(e.Message, "#"); ok {
		if n, err := strconv.Atoi(pid); err == nil {
			e.PID = n
		}
	}
	return e, true
}

// stored are the file's newest lines that are asked for, newest first. What the file
// does not hold any more is looked for in the one before it.
func (f *logFile) stored(a LogAsk) ([]LogEntry, error) {
	if err := f.open(); err != nil || f.file == nil {
		return nil, err
	}
	// A line that is being written at this moment is skipped by both readers; Nginx
	// writes whole ones.
	size, err := f.file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	f.offset = size
	if a.Lines == 0 {
		return nil, nil
	}
	entries, enough, err := f.search(f.file, size, a, a.Lines)
	if err != nil || enough {
		return entries, err
	}
	before, err := os.Open(f.path + ".1")
	if errors.Is(err, fs.ErrNotExist) {
		return entries, nil
	}
	if err != nil {
		return nil, err
	}
	defer before.Close()
	if size, err = before.Seek(0, io.SeekEnd); err != nil {
		return nil, err
	}
	older, _, err := f.search(before, size, a, a.Lines-len(entries))
	return append(entries, older...), err
}

// search looks for what is asked from the end of a file on. It reports whether it
// needed no more than this file.
func (f *logFile) search(file io.ReaderAt, size int64, a LogAsk, lines int) (found []LogEntry, enough bool, err error) {
	since := a.Since.Truncate(time.Second) // the times of these logs are whole seconds
	for line, err := range linesBackwards(file, size) {
		if err != nil {
			return nil, false, err
		}
		e, ok := f.parse(line)
		switch {
		case !ok:
			continue
		case e.Time.Before(since.Add(-logFileSlack)):
			return found, true, nil
		case e.Time.Before(since), !a.Until.IsZero() && e.Time.After(a.Until), !bytes.Contains(line, []byte(a.Request)):
			continue
		}
		if found = append(found, e); len(found) == lines {
			return found, true, nil
		}
	}
	return found, false, nil
}

// linesBackwards are the whole lines of a file, the last first, without their ends.
func linesBackwards(file io.ReaderAt, size int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var rest []byte // the end of a line whose beginning has not been read
		whole := false  // rest ends with the end of its line
		for at := size; at > 0; {
			from := max(0, at-logChunk)
			chunk := make([]byte, at-from, int(at-from)+len(rest))
			if _, err := file.ReadAt(chunk, from); err != nil && !errors.Is(err, io.EOF) {
				yield(nil, err)
				return
			}
			rest, at = append(chunk, rest...), from
			for {
				i := bytes.LastIndexByte(rest, '\n')
				if i < 0 {
					break
				}
				line := rest[i+1:]
				rest = rest[:i]
				if whole && !yield(line, nil) {
					return
				}
				whole = true
			}
		}
		if whole {
			yield(rest, nil)
		}
	}
}

func (f *logFile) open() error {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f.file, f.offset, f.rest, f.leave = file, 0, nil, false
	return nil
}

func (f *logFile) close() {
	if f.file != nil {
		f.file.Close()
	}
	f.file = nil
}

// follow hands over every line that is written from now on, until ctx ends.
func (f *logFile) follow(ctx context.Context, tell func(LogEntry) error) error {
	tick := time.NewTicker(logFileInterval)
	defer tick.Stop()
	for {
		if err := f.more(tell); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// more hands over the lines that have been written since the last time.
func (f *logFile) more(tell func(LogEntry) error) error {
	if f.file == nil {
		if err := f.open(); err != nil || f.file == nil {
			return err
		}
	}
	text, err := io.ReadAll(io.NewSectionReader(f.file, f.offset, 1<<62))
	if err != nil {
		return err
	}
	f.offset += int64(len(text))
	f.rest = append(f.rest, text...)
	for {
		line, rest, ok := bytes.Cut(f.rest, []byte("\n"))
		if !ok {
			break
		}
		f.rest = rest
		if e, ok := f.parse(line); ok {
			if err := tell(e); err != nil {
				return err
			}
		}
	}
	return f.rotated()
}

// rotated goes over to a new file once the program writes there, after one more look
// at the old one: its processes go over one after the other. A file that has been
// emptied is read from its beginning.
func (f *logFile) rotated() error {
	now, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // renamed, and the new one is not there yet
	}
	if err != nil {
		return err
	}
	old, err := f.file.Stat()
	if err != nil {
		return err
	}
	switch {
	case os.SameFile(now, old):
		if old.Size() < f.offset {
			f.offset, f.rest = 0, nil
		}
	case f.leave:
		f.close()
	default:
		f.leave = now.Size() > 0
	}
	return nil
}
