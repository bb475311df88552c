package lbagent

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLoad(t *testing.T) {
	const good = `{"server_name":"www.foobar.com","address":"127.0.0.1:443","path":"/haproxy-alive","track_file":"/run/a","yield_file":"/run/b"}`
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"complete", good, true},
		{"unknown key", `{"server":"x"}`, false},
		{"missing keys", `{}`, false},
		{"two objects", good + good, false},
		{"no JSON", "yes", false},
	} {
		path := filepath.Join(t.TempDir(), "lb-agent.json")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Load(path)
		if (err == nil) != c.ok {
			t.Errorf("%s: Load() = %v, %v; want success %v", c.name, got, err, c.ok)
		}
	}
	if _, err := Load("/does/not/exist"); err == nil {
		t.Error("a missing file is no error")
	}
}
