package assets

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

func load(t *testing.T) Set {
	t.Helper()
	set, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestFingerprint(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"app.css", "", "app.e3b0c44298fc.css"},
		{"app.css", "abc", "app.ba7816bf8f01.css"},
		{"a.b.svg", "abc", "a.b.ba7816bf8f01.svg"},
		{"plain", "abc", "plain.ba7816bf8f01"},
	}
	for _, tt := range tests {
		if got := fingerprint(tt.name, []byte(tt.body)); got != tt.want {
			t.Errorf("fingerprint(%q, %q): got %q, want %q", tt.name, tt.body, got, tt.want)
		}
	}
}

func TestPaths(t *testing.T) {
	fingerprinted := regexp.MustCompile(`^/static/[a-z0-9-]+\.[0-9a-f]{12}\.(css|svg|bin)$`)
	set := load(t)
	for _, f := range set.Files() {
		if fixedNames[f.Name] {
			if f.Path != "/"+f.Name {
				t.Errorf("%s: got path %s, want one without a fingerprint", f.Name, f.Path)
			}
		} else if !fingerprinted.MatchString(f.Path) {
			t.Errorf("%s: got path %s, want %s", f.Name, f.Path, fingerprinted)
		}
	}
	for name := range fixedNames {
		if _, err := set.Path(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := set.Path("no-such-file.css"); err == nil {
		t.Error("got a path for a file that does not exist")
	}
}

func TestBenchFiles(t *testing.T) {
	set := load(t)
	for name, size := range map[string]int{"bench-1k.bin": 1024, "bench-100k.bin": 102400} {
		f := set[name]
		if len(f.Body) != size || f.Compress {
			t.Errorf("%s: got %d bytes, compress %v; want %d, false", name, len(f.Body), f.Compress, size)
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(f.Body); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if packed.Len() < size {
			t.Errorf("%s: compresses to %d bytes, want noise", name, packed.Len())
		}
	}
}

// The site loads nothing from elsewhere: not in pictures, not in the stylesheet, not in the error page.
func TestFilesAreWellFormedAndSelfContained(t *testing.T) {
	for _, f := range load(t).Files() {
		if !f.Compress {
			continue
		}
		text := strings.ReplaceAll(string(f.Body), "http://www.w3.org/2000/svg", "")
		if strings.Contains(text, "http:") || strings.Contains(text, "https:") || strings.Contains(text, "@import") {
			t.Errorf("%s: refers to another site", f.Name)
		}
		if !strings.HasSuffix(f.Name, ".svg") {
			continue
		}
		d := xml.NewDecoder(bytes.NewReader(f.Body))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", f.Name, err)
				break
			}
		}
	}
}
