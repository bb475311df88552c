package remote

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// LogAsk is what Logs reads on one server: the newest Lines of what was written between
// Since and Until, and with Follow all that is written from now on.
type LogAsk struct {
	Units   []string  `json:"units,omitempty"` // of the journal only these; none: all
	Nginx   bool      `json:"nginx,omitempty"` // Nginx's files, too
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	Lines   int       `json:"lines,omitempty"`
	Request string    `json:"request,omitempty"` // only lines with this name of a request
	Follow  bool      `json:"follow,omitempty"`
}

// LogEntry is one line of a log.
type LogEntry struct {
	Time       time.Time `json:"time"`                 // by the server's clock; whole seconds in Nginx's files
	Unit       string    `json:"unit,omitempty"`       // the unit that wrote it, or that systemd writes of
	Identifier string    `json:"identifier,omitempty"` // what the program calls itself
	PID        int       `json:"pid,omitempty"`
	Priority   int       `json:"priority"` // syslog's: 0 emergency to 7 debug
	Message    string    `json:"message"`  // at most 16 KiB
}

// LogLife is one line of what Logs writes: an entry, or a sign of life.
type LogLife struct {
	Entry *LogEntry `json:"entry,omitempty"`
	Now   time.Time `json:"now,omitzero"`   // sign of life: the server's clock
	Told  bool      `json:"told,omitempty"` // what was stored has been told; what follows is new
}

// MaxLogLines bounds LogAsk.Lines: they are held in memory, on both sides.
const MaxLogLines = 100_000

// CheckRequestID refuses what cannot be the name of a request.
func CheckRequestID(id string) error {
	if !requestID.MatchString(id) {
		return fmt.Errorf("%q is not the name of a request: letters, digits and dashes, at most 64", id)
	}
	return nil
}

// unitName is the name of a unit, and no pattern or option.
var unitName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z@:._-]{0,200}\.[a-z]+$`)

func (a LogAsk) check() error {
	for _, u := range a.Units {
		if !unitName.MatchString(u) {
			return fmt.Errorf("%q is not the name of a unit", u)
		}
	}
	if a.Lines < 0 || a.Lines > MaxLogLines {
		return fmt.Errorf("%d lines: it is 0 to %d", a.Lines, MaxLogLines)
	}
	if a.Request != "" {
		return CheckRequestID(a.Request)
	}
	return nil
}

// Encode writes a in letters that no shell interprets.
func (a LogAsk) Encode() (string, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("encode which logs to read: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

// Logs writes entries in the order of their time, one LogLife a line, and a sign of
// life every WatchLife at least. It ends when all is told, when the context ends or
// when nobody reads any more.
func Logs(ctx context.Context, encoded string, out io.Writer) error {
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return fmt.Errorf("decode which logs to read: %w", err)
	}
	var a LogAsk
	if err := json.Unmarshal(data, &a); err != nil {
		return fmt.Errorf("decode which logs to read: %w", err)
	}
	// A connection that ends shows in the next write. Its signal would end this process
	// alone and leave journalctl behind.
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGPIPE)
	defer signal.Stop(gone)
	return logReader{root: "/", journalctl: journalctl}.run(ctx, a, out)
}

// journalctl takes nothing from this process's environment.
func journalctl(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "journalctl", args...)
	cmd.Env = []string{"LC_ALL=C.UTF-8", "SYSTEMD_COLORS=0"}
	return cmd
}

// logReader reads one server's logs.
type logReader struct {
	root       string
	journalctl func(ctx context.Context, args ...string) *exec.Cmd
}

func (r logReader) run(ctx context.Context, a LogAsk, out io.Writer) error {
	if err := a.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	w := &logWriter{enc: json.NewEncoder(out)}
	var wait sync.WaitGroup
	wait.Go(func() { w.live(ctx, cancel) })
	err := r.tell(ctx, cancel, a, w)
	cancel(err)
	wait.Wait()
	// Told to stop is no failure. That nobody reads is: it is the first cause then.
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return nil
	} else if cause != nil {
		return cause
	}
	return err
}

// tell writes what is stored, and with Follow what comes.
func (r logReader) tell(ctx context.Context, cancel context.CancelCauseFunc, a LogAsk, w *logWriter) error {
	began := time.Now()
	var files []*logFile
	if a.Nginx {
		files = nginxFiles(r.root)
	}
	var stored []LogEntry
	for _, f := range files {
		defer f.close()
		entries, err := f.stored(a)
		if err != nil {
			return fmt.Errorf("read %s: %w", f.path, err)
		}
		stored = append(stored, entries...)
	}
	entries, known, err := r.stored(ctx, a, began)
	if err != nil {
		return err
	}
	stored = append(stored, entries...)
	slices.SortStableFunc(stored, func(a, b LogEntry) int { return a.Time.Compare(b.Time) })
	for _, e := range stored[max(0, len(stored)-a.Lines):] {
		if err := w.write(LogLife{Entry: &e}); err != nil {
			return err
		}
	}
	if err := w.write(LogLife{Told: true, Now: time.Now()}); err != nil || !a.Follow {
		return err
	}
	tell := func(e LogEntry) error {
		if !strings.Contains(e.Message, a.Request) {
			return nil
		}
		return w.write(LogLife{Entry: &e})
	}
	var wait sync.WaitGroup
	for _, f := range files {
		wait.Go(func() { cancel(f.follow(ctx, tell)) })
	}
	err = r.follow(ctx, a, began, known, tell)
	cancel(err)
	wait.Wait()
	return err
}

// logWriter writes lines from several goroutines.
type logWriter struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func (w *logWriter) write(l LogLife) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enc.Encode(l); err != nil {
		return fmt.Errorf("tell what the logs say: %w", err)
	}
	return nil
}

// live writes signs of life. That one cannot be written is how an ended connection is
// noticed on a server whose logs are silent.
func (w *logWriter) live(ctx context.Context, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(WatchLife)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if err := w.write(LogLife{Now: now}); err != nil {
				cancel(err)
				return
			}
		}
	}
}

// stored are the journal's newest entries, newest first, and the cursors of those since
// began: whoever follows from then on sees them a second time.
func (r logReader) stored(ctx context.Context, a LogAsk, began time.Time) (entries []LogEntry, known map[string]bool, err error) {
	known = map[string]bool{}
	if a.Lines == 0 {
		return nil, known, nil
	}
	args := append(journalArgs(a), "--reverse", fmt.Sprintf("--lines=%d", a.Lines))
	if !a.Since.IsZero() {
		args = append(args, "--since="+journalTime(a.Since))
	}
	if !a.Until.IsZero() {
		args = append(args, "--until="+journalTime(a.Until))
	}
	if a.Request != "" {
		args = append(args, "--case-sensitive=true", "--grep="+a.Request)
	}
	err = r.read(ctx, args, func(e LogEntry, cursor string) error {
		entries = append(entries, e)
		if !e.Time.Before(began) {
			known[cursor] = true
		}
		return nil
	})
	slices.Reverse(entries) // the sort that follows keeps the order of equal times
	return entries, known, err
}

func (r logReader) follow(ctx context.Context, a LogAsk, began time.Time, known map[string]bool, tell func(LogEntry) error) error {
	args := append(journalArgs(a), "--follow", "--no-tail", "--since="+journalTime(began))
	err := r.read(ctx, args, func(e LogEntry, cursor string) error {
		if known[cursor] {
			return nil
		}
		return tell(e)
	})
	if err == nil && ctx.Err() == nil {
		return errors.New("journalctl has stopped following")
	}
	return err
}

func journalArgs(a LogAsk) []string {
	args := []string{
		"--quiet", "--no-pager", "--all", "--output=json",
		"--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,UNIT,_PID",
	}
	for _, u := range a.Units {
		args = append(args, "--unit="+u)
	}
	return args
}

// journalTime is a time as journalctl reads it whatever the server's time zone.
func journalTime(t time.Time) string {
	return fmt.Sprintf("@%d.%06d", t.Unix(), t.Nanosecond()/1000)
}

// read runs journalctl and hands over its entries until it ends.
func (r logReader) read(ctx context.Context, args []string, each func(e LogEntry, cursor string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.journalctl(ctx, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	failed := eachEntry(out, each)
	if failed != nil {
		cancel()
	}
	err = cmd.Wait()
	if failed != nil {
		return failed
	}
	if ctx.Err() != nil {
		return nil
	}
	// Like grep, journalctl exits with 1 and without a word when nothing matches.
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 && complaint.Len() == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the journal: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return nil
}

func eachEntry(out io.Reader, each func(LogEntry, string) error) error {
	for lines := bufio.NewReaderSize(out, logLine); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil // what is not a whole line was not written to its end; the exit code says why
		}
		e, cursor, err := journalEntry(line)
		if err != nil {
			return fmt.Errorf("read an entry of the journal: %w", err)
		}
		if err := each(e, cursor); err != nil {
			return err
		}
	}
}

// journalEntry reads one line of journalctl --output=json.
func journalEntry(line []byte) (e LogEntry, cursor string, err error) {
	var raw struct {
		Cursor     string          `json:"__CURSOR"`
		Time       string          `json:"__REALTIME_TIMESTAMP"` // µs
		Message    json.RawMessage `json:"MESSAGE"`
		Priority   json.RawMessage `json:"PRIORITY"`
		Identifier json.RawMessage `json:"SYSLOG_IDENTIFIER"`
		Unit       json.RawMessage `json:"_SYSTEMD_UNIT"`
		Subject    json.RawMessage `json:"UNIT"` // the unit systemd writes of
		PID        json.RawMessage `json:"_PID"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return e, "", err
	}
	stamp, err := strconv.ParseInt(raw.Time, 10, 64)
	if err != nil {
		return e, "", fmt.Errorf("its time: %w", err)
	}
	e = LogEntry{
		Time: time.UnixMicro(stamp).UTC(), Unit: cmp.Or(fieldText(raw.Subject), fieldText(raw.Unit)),
		Identifier: fieldText(raw.Identifier), Priority: 6, Message: cut(fieldText(raw.Message)),
	}
	if p, err := strconv.Atoi(fieldText(raw.Priority)); err == nil && p >= 0 && p <= 7 {
		e.Priority = p
	}
	if pid, err := strconv.Atoi(fieldText(raw.PID)); err == nil {
		e.PID = pid
	}
	return e, raw.Cursor, nil
}

// fieldText is a field as text. The journal writes what is not UTF-8 as a list of
// bytes, what it has several times as a list of all, and what it has not as null.
func fieldText(field json.RawMessage) string {
	var text string
	if json.Unmarshal(field, &text) == nil {
		return text
	}
	var numbers []uint8
	if numbers = bytesOf(field); numbers != nil {
		return string(numbers)
	}
	var several []json.RawMessage
	if json.Unmarshal(field, &several) != nil {
		return ""
	}
	texts := make([]string, len(several))
	for i, s := range several {
		texts[i] = fieldText(s)
	}
	return strings.Join(texts, " ")
}

func bytesOf(field json.RawMessage) []byte {
	var numbers []uint16 // a list of uint8 would be read as base64
	if json.Unmarshal(field, &numbers) != nil {
		return nil
	}
	text := make([]byte, len(numbers))
	for i, n := range numbers {
		text[i] = byte(n)
	}
	return text
}
