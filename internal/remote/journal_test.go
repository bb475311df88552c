package remote

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJournalEntry(t *testing.T) {
	at := time.Date(2026, 11, 27, 15, 53, 45, 983926000, time.UTC)
	tests := []struct {
		name, line string
		want       LogEntry
	}{
		{
			"text",
			`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795794825983926","MESSAGE":"Server web/web1 is UP","PRIORITY":"5","SYSLOG_IDENTIFIER":"haproxy","_SYSTEMD_UNIT":"haproxy.service","_PID":"1041"}`,
			LogEntry{Time: at, Unit: "haproxy.service", Identifier: "haproxy", PID: 1041, Priority: 5, Message: "Server web/web1 is UP"},
		},
		{
			"systemd of a unit",
			`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795794825983926","MESSAGE":"Started","PRIORITY":"6","SYSLOG_IDENTIFIER":"systemd","_SYSTEMD_UNIT":"init.scope","UNIT":"nginx.service","_PID":"1"}`,
			LogEntry{Time: at, Unit: "nginx.service", Identifier: "systemd", PID: 1, Priority: 6, Message: "Started"},
		},
		{
			"no priority, bytes that are not text",
			`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795794825983926","MESSAGE":[27,91,255]}`,
			LogEntry{Time: at, Priority: 6, Message: "\x1b[\xff"},
		},
		{
			"several identifiers, no message, a wild priority",
			`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1795794825983926","MESSAGE":null,"SYSLOG_IDENTIFIER":["a","b"],"PRIORITY":"9"}`,
			LogEntry{Time: at, Identifier: "a b", Priority: 6},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, cursor, err := journalEntry([]byte(test.line))
			if err != nil || cursor != "s=1" {
				t.Fatalf("cursor %q, error %v", cursor, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, _, err := journalEntry([]byte(`{"MESSAGE":"of no time"}`)); err == nil {
		t.Error("an entry without a time was taken")
	}
}

func TestLogAskRefusals(t *testing.T) {
	for name, a := range map[string]LogAsk{
		"option as unit":  {Units: []string{"--file=/etc/shadow.service"}},
		"pattern as unit": {Units: []string{"*.service"}},
		"shell":           {Units: []string{"a;reboot.service"}},
		"regex":           {Request: ".*"},
		"long request":    {Request: strings.Repeat("a", 65)},
		"negative lines":  {Lines: -1},
		"too many lines":  {Lines: MaxLogLines + 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := logReader{root: t.TempDir(), journalctl: func(context.Context, ...string) *exec.Cmd {
				t.Error("the journal was asked")
				return exec.Command("false")
			}}
			if err := r.run(t.Context(), a, io.Discard); err == nil {
				t.Error("it was not refused")
			}
		})
	}
	if err := (LogAsk{Units: []string{"app@a.service", "scaleup-lb-agent.service"}, Request: "7c6a1de0-53c1", Lines: MaxLogLines}).check(); err != nil {
		t.Error(err)
	}
}

// line is an entry of the journal, seconds after base.
func line(cursor string, at time.Time, message string) string {
	return fmt.Sprintf(`{"__CURSOR":%q,"__REALTIME_TIMESTAMP":"%d","MESSAGE":%q}`+"\n", cursor, at.UnixMicro(), message)
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func messages(t *testing.T, out io.Reader) (texts []string, told bool) {
	t.Helper()
	for d := json.NewDecoder(out); ; {
		var l LogLife
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return texts, told
		} else if err != nil {
			t.Fatal(err)
		}
		told = told || l.Told
		if l.Entry != nil {
			texts = append(texts, l.Entry.Message)
		}
	}
}

// What is stored comes in the order of its time, the newest lines of all sources together.
func TestLogsStored(t *testing.T) {
	base := time.Date(2026, 11, 27, 15, 0, 0, 0, time.UTC)
	newestFirst := line("c", base.Add(5500*time.Millisecond), "third") + line("b", base.Add(2*time.Second), "second") + line("a", base, "first")
	root := t.TempDir()
	access := filepath.Join(root, AccessLog)
	if err := os.MkdirAll(filepath.Dir(access), 0o755); err != nil {
		t.Fatal(err)
	}
	request := `{"time":"2026-11-27T15:00:05+00:00","id":"x","status":200}`
	if err := os.WriteFile(access, []byte(request+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var args []string
	r := logReader{root: root, journalctl: func(ctx context.Context, a ...string) *exec.Cmd {
		args = a
		return exec.CommandContext(ctx, "cat", file(t, newestFirst))
	}}
	a := LogAsk{Units: []string{"nginx.service"}, Nginx: true, Lines: 3, Since: base, Until: base.Add(time.Hour + 1500*time.Microsecond)}
	var out bytes.Buffer
	if err := r.run(t.Context(), a, &out); err != nil {
		t.Fatal(err)
	}
	texts, told := messages(t, &out)
	if diff := cmp.Diff([]string{"second", request, "third"}, texts); diff != "" || !told {
		t.Errorf("told all: %v; %s", told, diff)
	}
	want := []string{
		"--quiet", "--no-pager", "--all", "--output=json", "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT,UNIT,_PID",
		"--unit=nginx.service", "--reverse", "--lines=3", "--since=@1795791600.000000", "--until=@1795795200.001500",
	}
	if diff := cmp.Diff(want, args); diff != "" {
		t.Error(diff)
	}
}

// While following, what was told from the store is not told again, and the program on
// the server ends when nobody reads any more.
func TestLogsFollow(t *testing.T) {
	now := time.Now().Add(time.Hour) // after the reader has begun
	old := file(t, line("a", now, "stored 7c6a"))
	more := file(t, line("a", now, "stored 7c6a")+line("b", now, "of another")+line("c", now, "new 7c6a"))
	var follower *exec.Cmd
	r := logReader{root: t.TempDir(), journalctl: func(ctx context.Context, args ...string) *exec.Cmd {
		if !slices.Contains(args, "--follow") {
			if !slices.Contains(args, "--grep=7c6a") {
				t.Errorf("the request is not searched for: %q", args)
			}
			return exec.CommandContext(ctx, "cat", old)
		}
		follower = exec.CommandContext(ctx, "tail", "-n", "+1", "-f", more)
		return follower
	}}
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- r.run(t.Context(), LogAsk{Nginx: true, Follow: true, Lines: 10, Request: "7c6a"}, writer)
	}()
	var texts []string
	alive := false
	for lines := bufio.NewScanner(reader); (len(texts) < 2 || !alive) && lines.Scan(); {
		var l LogLife
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l.Entry != nil {
			texts = append(texts, l.Entry.Message)
		}
		alive = alive || l.Entry == nil && !l.Told
	}
	if diff := cmp.Diff([]string{"stored 7c6a", "new 7c6a"}, texts); diff != "" {
		t.Error(diff)
	}
	reader.Close()
	if err := <-done; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("it ended with %v", err)
	}
	if follower.ProcessState == nil {
		t.Error("journalctl is left behind")
	}
}

func TestLogsEndWithTheirContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	empty := file(t, "")
	r := logReader{root: t.TempDir(), journalctl: func(ctx context.Context, args ...string) *exec.Cmd {
		if slices.Contains(args, "--follow") {
			cancel()
			return exec.CommandContext(ctx, "tail", "-f", empty)
		}
		return exec.CommandContext(ctx, "cat", empty)
	}}
	if err := r.run(ctx, LogAsk{Follow: true, Lines: 1}, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestLogsWithoutAMatchAndWithAFailure(t *testing.T) {
	for _, test := range []struct{ script, want string }{
		{"exit 1", ""},
		{"echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1", "insufficient permissions"},
		{"exit 7", "exit status 7"},
		{"echo nonsense", "read an entry of the journal"},
	} {
		r := logReader{root: t.TempDir(), journalctl: func(ctx context.Context, _ ...string) *exec.Cmd {
			return exec.CommandContext(ctx, "sh", "-c", test.script)
		}}
		err := r.run(t.Context(), LogAsk{Lines: 1}, io.Discard)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.script, err, test.want)
		}
	}
}

func TestJournalctlGetsNoEnvironment(t *testing.T) {
	t.Setenv("MYSQL_PASSWORD", "secret")
	if env := journalctl(t.Context()).Env; len(env) == 0 || strings.Contains(strings.Join(env, " "), "secret") {
		t.Errorf("its environment is %q", env)
	}
}
