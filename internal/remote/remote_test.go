package remote_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/facts"
	"scaleup/internal/host/hosttest"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

func server(t *testing.T) (*remote.Server, *hosttest.Host) {
	t.Helper()
	h := hosttest.New(t, facts.Facts{})
	return &remote.Server{System: h.System(), Facts: func(context.Context) (facts.Facts, error) {
		return facts.ReferenceFor("web1", "10.77.0.31"), nil
	}}, h
}

// A far end answers each request before it needs the next one.
func TestServe(t *testing.T) {
	s, h := server(t)
	h.Write("/etc/x", "1")
	requests, in := io.Pipe()
	out, responses := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(t.Context(), requests, responses) }()

	enc, dec := json.NewEncoder(in), json.NewDecoder(out)
	ask := func(q remote.Request) remote.Response {
		t.Helper()
		if err := enc.Encode(q); err != nil {
			t.Fatal(err)
		}
		var p remote.Response
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := ask(remote.Request{}); !cmp.Equal(p, remote.Response{}) {
		t.Errorf("an empty request was answered with %+v", p)
	}
	p := ask(remote.Request{Facts: true, Candidates: []string{"haproxy"}, Observe: []resource.Resource{
		{Spec: &resource.AbsentPath{Path: "/etc/x"}}, {Spec: &resource.Link{Path: "/etc/y"}},
	}})
	want := map[string]resource.State{"absent:/etc/x": "present", "link:/etc/y": "absent"}
	if diff := cmp.Diff(want, p.States); diff != "" || p.Facts == nil || p.Facts.Hostname != "web1" {
		t.Errorf("facts %+v, states (-want +got):\n%s", p.Facts, diff)
	}
	// A request that fails is answered, and the next one, too.
	if p := ask(remote.Request{Observe: []resource.Resource{{Spec: &resource.User{Name: "app"}}}}); p.Error == "" {
		t.Error("no error from a server without /etc/passwd")
	}
	if p := ask(remote.Request{}); p.Error != "" {
		t.Errorf("the failure before this request is still told: %q", p.Error)
	}
	in.Close()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestServeMalformed(t *testing.T) {
	for name, input := range map[string]string{
		"no JSON":         "hello\n",
		"cut off":         `{"facts": tr`,
		"unknown kind":    `{"observe":[{"kind":"teapot","spec":{}}]}`,
		"a list":          `[]`,
		"resource of nil": `{"observe":[{}]}`,
	} {
		s, _ := server(t)
		var out bytes.Buffer
		if err := s.Serve(t.Context(), strings.NewReader(input), &out); err == nil || out.Len() > 0 {
			t.Errorf("%s: error %v, answer %q, want an error and no answer", name, err, out.String())
		}
	}
}

func TestApply(t *testing.T) {
	owner, group := hosttest.Owner(t)
	file := &resource.File{Path: "/etc/x", Content: []byte("new"), Mode: 0o644, Owner: owner, Group: group}
	old := *file
	old.Content = []byte("old")
	for _, c := range []struct {
		name, content string
		from          resource.State
		want          remote.Applied
		after         string
	}{
		{"as planned", "old", old.Want(), remote.Applied{Before: old.Want(), After: file.Want()}, "new"},
		{"so already", "new", old.Want(), remote.Applied{Before: file.Want(), After: file.Want()}, "new"},
		{"changed since the plan", "old", "sha256:other", remote.Applied{Before: old.Want(), After: old.Want(), Stale: true}, "old"},
		// Installing a package brings its configuration along.
		{"brought by a step of the same plan", "old", resource.Absent, remote.Applied{Before: old.Want(), After: file.Want()}, "new"},
	} {
		s, h := server(t)
		h.Write("/etc/x", c.content)
		p := s.Answer(t.Context(), remote.Request{Apply: &remote.Apply{Resource: resource.Resource{Spec: file}, From: c.from}})
		if p.Error != "" {
			t.Errorf("%s: %s", c.name, p.Error)
			continue
		}
		if diff := cmp.Diff(&c.want, p.Applied); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if got := h.Read("/etc/x"); got != c.after {
			t.Errorf("%s: the file holds %q, want %q", c.name, got, c.after)
		}
	}
}

func TestApplyFails(t *testing.T) {
	s, h := server(t)
	h.Write("/etc/passwd", "")
	user := remote.Request{Apply: &remote.Apply{Resource: resource.Resource{Spec: &resource.User{Name: "app"}}, From: resource.Absent}}

	h.On(hosttest.Output(""), "useradd") // says yes and does nothing
	if p := s.Answer(t.Context(), user); !strings.Contains(p.Error, "no lasting effect") || !strings.Contains(p.Error, "user:app") {
		t.Errorf("error %q, want: user:app, no lasting effect", p.Error)
	}
	h.On(hosttest.Exit(10, "cannot update password file"), "useradd")
	if p := s.Answer(t.Context(), user); !strings.Contains(p.Error, "cannot update password file") || p.Applied != nil {
		t.Errorf("answer %+v, want the program's reason and nothing else", p)
	}
}

// A guard that does not answer is no error: status and plan have to say so.
func TestMemberWithoutGuard(t *testing.T) {
	s, _ := server(t)
	if p := s.Answer(t.Context(), remote.Request{Member: "http://127.0.0.1:1/status"}); p.Error != "" || p.Member != nil {
		t.Errorf("answer %+v, want an empty one", p)
	}
}

func TestArgv(t *testing.T) {
	for _, argv := range [][]string{
		{"true"},
		{"printf", "%s", ""},
		{"sh", "-c", "echo \"$HOME\" 'x' `id` $(id) && rm -rf /; exit"},
		{"echo", "one\ntwo\ttabs\x00", "\\", "-n", "--", "*", "~"},
		{"echo", "Grüße", "日本", "🍺", "\u2028", "not UTF-8: \xff\xfe"},
	} {
		encoded, err := remote.EncodeArgv(argv)
		if err != nil {
			t.Fatal(err)
		}
		if rest := strings.Trim(encoded, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"); rest != "" {
			t.Errorf("%q is encoded with letters a shell may interpret: %q", argv, rest)
		}
		got, err := remote.DecodeArgv(encoded)
		if diff := cmp.Diff(argv, got); err != nil || diff != "" {
			t.Errorf("%v (-sent +received):\n%s", err, diff)
		}
	}
	if _, err := remote.EncodeArgv(nil); err == nil {
		t.Error("an empty command was encoded")
	}
	for _, bad := range []string{"", "!", "W10", "e30"} { // W10 is [], e30 is {}
		if argv, err := remote.DecodeArgv(bad); err == nil {
			t.Errorf("%q was decoded as %q", bad, argv)
		}
	}
}

func TestExec(t *testing.T) {
	for _, c := range []struct {
		name     string
		argv     []string
		code     int
		out, err string
	}{
		{"echoes its input and arguments", []string{"sh", "-c", `cat; printf %s "$1"`, "sh", "a b'"}, 0, "input a b'", ""},
		{"fails", []string{"sh", "-c", "echo no >&2; exit 7"}, 7, "", "no\n"},
		{"is not there", []string{"scaleup-no-such-program"}, 127, "", "not found"},
		{"is not there by its path", []string{"/nowhere/program"}, 127, "", "no such file"},
	} {
		encoded, err := remote.EncodeArgv(c.argv)
		if err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		code, err := remote.Exec(t.Context(), encoded, strings.NewReader("input "), &stdout, &stderr)
		if err != nil || code != c.code || stdout.String() != c.out || !strings.Contains(stderr.String(), c.err) {
			t.Errorf("%s: code %d, error %v, output %q, %q", c.name, code, err, stdout.String(), stderr.String())
		}
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	encoded, err := remote.EncodeArgv([]string{"sleep", "60"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the operator went away"))
	if code, err := remote.Exec(ctx, encoded, nil, os.Stdout, os.Stderr); err == nil && code == 0 {
		t.Error("it ended well")
	}
}
