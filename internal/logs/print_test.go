package logs

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const request = `{"time":"2026-11-27T15:00:05+00:00","id":"7c6a1de0","client":"192.0.2.7","method":"GET","host":"www.foobar.com","uri":"/menu?a=1",` +
	`"status":200,"bytes":812,"seconds":0.004,"app_status":"502, 200","app_seconds":"0.001, 0.002","cache":"MISS","lb":"lb1","agent":"curl","referer":""}`

func TestText(t *testing.T) {
	var out strings.Builder
	text := Text{Out: &out, Zone: time.FixedZone("", 3600), Server: 4}
	for _, e := range []Entry{
		{Time: base.Add(1234 * time.Microsecond), Server: "lb1", Component: "keepalived", Priority: 6, Message: "(public) Entering MASTER STATE"},
		{Time: base, Server: "web1", Component: "nginx", Priority: 4, Message: request},
		{Time: base, Server: "web1", Component: "app", Priority: 6, Message: request},
		{Time: base, Server: "db1", Component: "mysql", Priority: 3, Message: "\x1b[2J\x1b]0;title\a line\none\ttab\u009b\u202e é 漢 \xff \U000e0041"},
		{Time: base.Add(9 * time.Hour), Server: "db1", Component: "\x1b[31mname", Priority: 0, Message: strings.Repeat("long ", 100)},
	} {
		if err := text.Show(e); err != nil {
			t.Fatal(err)
		}
	}
	want := "2026-11-27\n" +
		"16:00:00.001 lb1  keepalived (public) Entering MASTER STATE\n" +
		"16:00:00.000 web1 nginx      warning: GET www.foobar.com/menu?a=1: 200, 812 bytes in 0.004 s (app 502, 200 in 0.001, 0.002 s), from 192.0.2.7 by lb1, request 7c6a1de0\n" +
		"16:00:00.000 web1 app        " + request + "\n" +
		"16:00:00.000 db1  mysql      error: \\u001b[2J\\u001b]0;title\\u0007 line\\none\\ttab\\u009b\\u202e é 漢 \ufffd \\udb40\\udc41\n" +
		"2026-11-28\n" +
		"01:00:00.000 db1  \\u001b[31mname emergency: " + strings.Repeat("long ", 100) + "\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// A document is one line, steers no terminal, and holds the message unchanged.
func TestLines(t *testing.T) {
	message := "a <b> \x1b[2J\n\u009b\u202e\x7f é \U000e0041\\u009b"
	var out strings.Builder
	if err := (Lines{&out}).Show(Entry{Time: base.In(time.FixedZone("", 3600)), Server: "db1", Component: "mysql", Priority: 3, Message: message}); err != nil {
		t.Fatal(err)
	}
	line, ok := strings.CutSuffix(out.String(), "\n")
	if !ok || strings.ContainsAny(line, "\n\x1b\u009b\u202e\x7f") {
		t.Errorf("the line is %q", line)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"schema": 1.0, "time": "2026-11-27T15:00:00Z", "server": "db1", "component": "mysql", "priority": "error", "message": message}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAccessTextOfOtherLines(t *testing.T) {
	for _, line := range []string{"", "GET / HTTP/1.1", `{"id":"of no status"}`, `{"status":`} {
		if got, ok := accessText(line); ok {
			t.Errorf("%q became %q", line, got)
		}
	}
	got, ok := accessText(`{"method":"GET","uri":"/","status":304}`)
	if !ok || strings.Contains(got, "app") {
		t.Errorf("%v %q: the app was not asked", ok, got)
	}
}
