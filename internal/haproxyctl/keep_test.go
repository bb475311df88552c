package haproxyctl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const config = `# a comment
backend web from http
    default-server check inter 500ms
    # server web0 127.0.9.30:80
    server web1 127.0.9.31:18081
    server web2 127.0.9.32:18082
backend app
    server app1-a 127.0.9.41:8001 disabled
	server app1-b 127.0.9.41:8002
backend mysql_primary
    server db1 127.0.9.51:3306 port 8008
    server db2 127.0.9.52:3306 port 8008
frontend f
    server none 127.0.9.99:1
`

// linesOf are the data lines of a state file.
func linesOf(t *testing.T, state string) []string {
	t.Helper()
	if !strings.HasPrefix(state, "1\n# be_id ") {
		t.Fatalf("state file starts with %.20q, want version 1 and the columns", state)
	}
	return strings.Split(strings.TrimSpace(state), "\n")[2:]
}

func TestKeep(t *testing.T) {
	dump := fixture(t, "state.txt")
	known := strings.Split(dump, "\n")[2:]
	down := func(name, address string) string {
		return "1 mysql_primary 1 " + name + " " + address + " 0 0 1 1 0 1 0 0 6 0 0 0 - 3306 - 0 0 - - 0"
	}
	without := func(i int) []string { return append(append([]string{}, known[:i]...), known[i+1:]...) }
	for _, c := range []struct {
		name, dump, config string
		want               []string
	}{
		{"nothing changed: all is kept", dump, config, known},
		{"web1 has another address", dump, strings.Replace(config, "127.0.9.31", "127.0.9.77", 1), without(0)},
		{"web2 has another port", dump, strings.Replace(config, "18082", "80", 1), without(1)},
		{"web2 was removed", dump, strings.Replace(config, "    server web2 127.0.9.32:18082\n", "", 1), without(1)},
		{"web3 is new: HAProxy's default", dump, strings.Replace(config, "backend app", "    server web3 127.0.9.33:80\nbackend app", 1), known},
		{"db1 is checked elsewhere: down until checked", dump, strings.Replace(config, "port 8008", "port 8018", 1),
			append(without(4), down("db1", "127.0.9.51"))},
		{"db3 is new: down until checked", dump, strings.Replace(config, "frontend", "    server db3 127.0.9.53:3306 port 8008\nfrontend", 1),
			append(append([]string{}, known...), down("db3", "127.0.9.53"))},
		{"start: database servers are down", "", config, []string{down("db1", "127.0.9.51"), down("db2", "127.0.9.52")}},
		{"no servers", "", "global\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			state, err := Keep(c.dump, c.config)
			if err != nil {
				t.Fatal(err)
			}
			got, want := strings.Join(linesOf(t, state), "\n"), strings.Join(c.want, "\n")
			if got != want {
				t.Errorf("kept:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestKeepRefusesAnotherVersion(t *testing.T) {
	if _, err := Keep("2\n", config); err == nil {
		t.Error("Keep() = nil, want an error")
	}
}

// FuzzKeep: whatever HAProxy and the configuration say, there is a state file
// of whole lines or an error.
func FuzzKeep(f *testing.F) {
	f.Add("1\n3 web 1 web1 127.0.9.31 2 8 1 1 1 15 3 1 6 0 0 0 - 18081 - 0 0 - - 0", config)
	f.Add("", "backend mysql_primary\n server a 1:2 port")
	f.Fuzz(func(t *testing.T, dump, config string) {
		state, err := Keep(dump, config)
		if err != nil {
			return
		}
		if _, err := parseState(state); err != nil {
			t.Errorf("Keep(%q, %q) wrote what it cannot read: %v", dump, config, err)
		}
	})
}

func TestWriteStateWithoutARunningHAProxy(t *testing.T) {
	dir := t.TempDir()
	paths := Paths{Socket: filepath.Join(dir, "none.sock"), Config: filepath.Join(dir, "haproxy.cfg"), State: filepath.Join(dir, "servers.state")}
	if err := os.WriteFile(paths.Config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	read := func() string {
		content, err := os.ReadFile(paths.State)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	if err := WriteState(t.Context(), paths, "start"); err != nil {
		t.Fatal(err)
	}
	started := read()
	if got := len(linesOf(t, started)); got != 2 {
		t.Errorf("at a start, %d servers have a state, want the 2 database servers", got)
	}
	if err := WriteState(t.Context(), paths, "reload"); err == nil {
		t.Error("a reload that cannot ask HAProxy reports no error")
	}
	if got := read(); got != started {
		t.Errorf("the state after it is %q, want that of a start", got)
	}
	if err := os.Remove(paths.Config); err != nil {
		t.Fatal(err)
	}
	if err := WriteState(t.Context(), paths, "start"); err == nil {
		t.Error("a start without configuration reports no error")
	}
	if _, err := os.Stat(paths.State); !os.IsNotExist(err) {
		t.Errorf("an outdated state file was left behind: %v", err)
	}
	if err := WriteState(t.Context(), paths, "stop"); err == nil {
		t.Error("an unknown moment reports no error")
	}
}
