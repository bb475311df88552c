//go:build lab

package test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// finding is what tests read of check --json.
type finding struct{ ID, Severity, Server, Message string }

func (s site) findings(t *testing.T) []finding {
	t.Helper()
	r := s.scaleup(t, "check", "--json")
	var doc struct{ Findings []finding }
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil || r.code != 0 && r.code != 2 {
		t.Fatalf("check --json ends with %d (%v)\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	return doc.Findings
}

// serious are those above info.
func serious(all []finding) []finding {
	return slices.DeleteFunc(slices.Clone(all), func(f finding) bool { return f.Severity == "info" })
}

// testSeen asks the running site what it is, in all the ways there are.
func testSeen(t *testing.T) {
	r := ha.must(t, 0, "check")
	t.Logf("check took %.1f s", r.took.Seconds())
	if found := serious(ha.findings(t)); len(found) > 0 {
		t.Errorf("right after up: %+v", found)
	}

	r = ha.must(t, 0, "explain", "--all", "--json")
	t.Logf("explain --all took %.1f s", r.took.Seconds())
	var explained struct {
		Answers []struct {
			Name, Text string
			Evidence   []struct{ What, Value, From string }
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &explained); err != nil || len(explained.Answers) == 0 {
		t.Fatalf("explain --all --json: %v\n%s", err, r.stdout)
	}
	shown := ""
	for _, a := range explained.Answers {
		if a.Text == "" || len(a.Evidence) == 0 {
			t.Errorf("%s is answered by %q and %d pieces of evidence", a.Name, a.Text, len(a.Evidence))
		}
		for _, e := range a.Evidence {
			if shown += e.Value + "\n"; strings.HasPrefix(e.Value, "not read") {
				t.Errorf("%s, %s: %s", a.Name, e.What, e.Value)
			}
		}
	}
	for _, proof := range []string{"Error 1290", "the packets are dropped", "balance leastconn", "TLS 1.3"} {
		if !strings.Contains(shown, proof) {
			t.Errorf("no evidence shows %q", proof)
		}
	}

	testPicture(t)
	r = ha.must(t, 0, "doctor")
	t.Logf("doctor took %.1f s: %s", r.took.Seconds(), strings.TrimSpace(r.stdout))
	testRequestSeen(t)
}

func testPicture(t *testing.T) {
	file := filepath.Join(t.TempDir(), "site.svg")
	r := ha.must(t, 0, "graph", "--output", file)
	t.Logf("graph took %.1f s", r.took.Seconds())
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the picture is no XML: %v", err)
		}
		if c, ok := token.(xml.CharData); ok {
			text += string(c) + "\n"
		}
	}
	for _, want := range []string{"lb1", "web2", "app1", "db3", "primary", "standby", "No single point of failure."} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture does not say %q", want)
		}
	}
}

// testRequestSeen follows one request by its name, in the logs and through the tiers.
func testRequestSeen(t *testing.T) {
	page, err := ha.user(t).get("/menu")
	if err != nil {
		t.Fatal(err)
	}
	id := page.header.Get("X-Request-ID")
	eventually(t, 10*time.Second, func() error { // Nginx writes its log each second
		if r := ha.must(t, 0, "logs", "--request", id); !strings.Contains(r.stdout, "/menu") {
			return fmt.Errorf("no line of request %s:\n%s%s", id, r.stdout, r.stderr)
		}
		return nil
	})
	r := ha.must(t, 0, "explain", "request", "/api/menu")
	for _, hop := range []string{"TLS handshake", "Nginx", "application", "database"} {
		if !strings.Contains(r.stdout, hop) {
			t.Errorf("the way of a request lacks %q:\n%s", hop, r.stdout)
		}
	}
}
