package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"scaleup/internal/resource"
)

// AccessLog is where Nginx writes one JSON object per request.
const AccessLog = "/var/log/nginx/access.log"

// LogLine is a line of a program's log that carries a request's name.
type LogLine struct {
	Source string `json:"source"` // the unit that wrote it to the journal, or the path of the file
	Text   string `json:"text"`
}

const (
	// logTail is how far from its end a file is read, in bytes: some ten thousand
	// requests, a minute of a busy server.
	logTail = 4 << 20
	// logLines bounds the lines of each source. A request leaves one or two.
	logLines = 50
	// logLine is how much of a line is sent, in bytes; Nginx takes request lines of 8 KiB.
	logLine = 16 << 10
	// logSince is how far back the journal is searched. Without it, a request that left
	// no line would cost a walk through all of it.
	logSince = "-1h"
)

// requestID is what a name of a request may be: it becomes an argument and a pattern.
// HAProxy's are UUIDs.
var requestID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,63}$`)

// logsOf finds what this server's programs wrote of one request: Nginx into its file,
// the others into the journal.
func (s *Server) logsOf(ctx context.Context, q Request, p *Response) error {
	if q.LogsOf == "" {
		return nil
	}
	if err := CheckRequestID(q.LogsOf); err != nil {
		return err
	}
	lines, err := fileLines(filepath.Join(s.System.Root, AccessLog), q.LogsOf)
	if err != nil {
		return fmt.Errorf("read Nginx's log: %w", err)
	}
	for _, text := range lines {
		p.LogLines = append(p.LogLines, LogLine{Source: AccessLog, Text: text})
	}
	journal, err := journalLines(ctx, s.System.Run, q.LogsOf)
	p.LogLines = append(p.LogLines, journal...)
	return err
}

// fileLines are the last whole lines of a file that contain id. A server without the
// file has none.
func fileLines(path, id string) ([]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	from := max(0, size-logTail)
	text, err := io.ReadAll(io.NewSectionReader(file, from, size-from))
	if err != nil {
		return nil, err
	}
	var found []string
	for i, line := range bytes.SplitAfter(text, []byte("\n")) {
		whole := bytes.HasSuffix(line, []byte("\n")) && (i > 0 || from == 0)
		if whole && bytes.Contains(line, []byte(id)) {
			found = append(found, cut(strings.TrimSpace(string(line))))
		}
	}
	return found[max(0, len(found)-logLines):], nil
}

// journalLines asks the journal, newest first, and returns them oldest first.
func journalLines(ctx context.Context, run resource.Runner, id string) ([]LogLine, error) {
	out, err := run(ctx, resource.Command{Argv: []string{
		"journalctl", "--quiet", "--no-pager", "--output=json", "--output-fields=MESSAGE,_SYSTEMD_UNIT",
		"--since=" + logSince, fmt.Sprintf("--lines=%d", logLines), "--grep=" + id,
	}})
	// Like grep, it exits with 1 and without a word when nothing matches.
	if exit := (*resource.ExitError)(nil); errors.As(err, &exit) && exit.Code == 1 && exit.Output == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("search the journal: %w", err)
	}
	var lines []LogLine
	for text := range bytes.Lines(out) {
		var entry struct {
			Message json.RawMessage `json:"MESSAGE"`
			Unit    string          `json:"_SYSTEMD_UNIT"`
		}
		if err := json.Unmarshal(text, &entry); err != nil {
			return nil, fmt.Errorf("read an entry of the journal: %w", err)
		}
		var message string
		if json.Unmarshal(entry.Message, &message) != nil {
			message = string(entry.Message) // not text: the journal writes the bytes as numbers
		}
		lines = append(lines, LogLine{Source: entry.Unit, Text: cut(message)})
	}
	return lines, nil
}

func cut(line string) string { return line[:min(len(line), logLine)] }
