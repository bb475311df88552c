package remote_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaleup/internal/host/hosttest"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

const wanted = "5f0c1a52-9d7e-4b41-8f6e-2b9f3f6f1c11"

func TestLogsOf(t *testing.T) {
	entry := `{"_SYSTEMD_UNIT":"app@a.service","MESSAGE":"request failed request_id=` + wanted + `"}` + "\n"
	bytes := `{"_SYSTEMD_UNIT":"app@a.service","MESSAGE":[104,105]}` + "\n"
	for _, c := range []struct {
		name    string
		log     string
		journal hosttest.Answer
		want    []remote.LogLine
	}{
		{"both", `{"id":"other"}` + "\n" + `{"id":"` + wanted + `"}` + "\n", hosttest.Output(entry), []remote.LogLine{
			{Source: remote.AccessLog, Text: `{"id":"` + wanted + `"}`},
			{Source: "app@a.service", Text: "request failed request_id=" + wanted},
		}},
		{"no file, nothing in the journal", "", hosttest.Exit(1, ""), nil},
		{"a line that is being written", `{"id":"` + wanted, hosttest.Exit(1, ""), nil},
		{"the start of the tail is no whole line", strings.Repeat("x", 1000) + wanted + strings.Repeat("x", 4<<20-500) + "\n", hosttest.Exit(1, ""), nil},
		{"bytes", "", hosttest.Output(bytes), []remote.LogLine{{Source: "app@a.service", Text: "[104,105]"}}},
	} {
		s, h := server(t)
		if c.log != "" {
			h.Write(remote.AccessLog, c.log)
		}
		h.On(c.journal, "journalctl")
		p := s.Answer(t.Context(), remote.Request{LogsOf: wanted})
		if diff := cmp.Diff(c.want, p.LogLines); p.Error != "" || diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", c.name, p.Error, diff)
		}
	}
}

func TestLogsOfIsBounded(t *testing.T) {
	s, h := server(t)
	h.Write(remote.AccessLog, strings.Repeat(wanted+strings.Repeat("y", 20<<10)+"\n", 60))
	h.On(hosttest.Exit(1, ""), "journalctl")
	p := s.Answer(t.Context(), remote.Request{LogsOf: wanted})
	if len(p.LogLines) != 50 || len(p.LogLines[0].Text) != 16<<10 {
		t.Errorf("%d lines, the first of %d bytes, want 50 of 16 KiB", len(p.LogLines), len(p.LogLines[0].Text))
	}
}

// Nothing is run and nothing is read for what is no name of a request.
func TestLogsOfRefuses(t *testing.T) {
	for _, id := range []string{"-x", "a b", "a\nb", ".*", "a/b", strings.Repeat("a", 65), "é"} {
		s, h := server(t)
		h.On(func(resource.Command) (string, error) { return "", errors.New("was run") }, "journalctl")
		if p := s.Answer(t.Context(), remote.Request{LogsOf: id}); !strings.Contains(p.Error, "not the name of a request") {
			t.Errorf("%q: %q", id, p.Error)
		}
	}
}

func TestLogsOfTellsFailure(t *testing.T) {
	s, h := server(t)
	h.On(hosttest.Exit(1, "Failed to open the journal"), "journalctl")
	if p := s.Answer(t.Context(), remote.Request{LogsOf: wanted}); !strings.Contains(p.Error, "Failed to open the journal") {
		t.Errorf("error %q, want the journal's", p.Error)
	}
}
