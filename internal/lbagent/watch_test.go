package lbagent

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "yield")
	changed, stop, err := watch(path)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	told := func(what string, want bool) {
		t.Helper()
		patience := 10 * time.Second
		if !want {
			patience = 20 * time.Millisecond
		}
		select {
		case <-changed:
			if !want {
				t.Errorf("%s: told", what)
			}
		case <-time.After(patience):
			if want {
				t.Errorf("%s: not told", what)
			}
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(path, nil, 0o644))
	told("it came", true)
	must(os.WriteFile(filepath.Join(dir, ".track"), nil, 0o644))
	must(os.Rename(filepath.Join(dir, ".track"), filepath.Join(dir, "track")))
	told("other files came and went", false)
	must(os.Remove(path))
	told("it went", true)
	must(os.Rename(filepath.Join(dir, "track"), path))
	told("it came under another name", true)
	if _, _, err := watch(filepath.Join(dir, "nowhere", "yield")); err == nil {
		t.Error("a folder that is not there is watched")
	}
}

func TestNames(t *testing.T) {
	event := func(name string, length int) []byte {
		e := make([]byte, 16+length)
		binary.NativeEndian.PutUint32(e[12:], uint32(length))
		copy(e[16:], name)
		return e
	}
	for _, c := range []struct {
		name   string
		events []byte
		want   bool
	}{
		{"none", nil, false},
		{"it", event("yield", 16), true},
		{"another", event("track", 16), false},
		{"one that begins so", event("yield.old", 16), false},
		{"the second of two", append(event(".track", 16), event("yield", 16)...), true},
		{"one without a name", event("", 0), false},
		{"cut off", event("yield", 16)[:20], false},
	} {
		if got := names(c.events, "yield"); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}
