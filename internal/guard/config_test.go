package guard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodConfig = `{"server": "db1", "group_name": "` + worldGroup + `", "initial": "db1",
"voters": [{"name": "db1", "address": "10.0.0.1"}, {"name": "db2", "address": "10.0.0.2"}, {"name": "db3", "address": "10.0.0.3"}],
"socket": "/run/mysqld/mysqld.sock", "mysql_user": "guard", "mysql_port": 3306, "replication_user": "replication",
"replication_password_file": "${CREDENTIALS_DIRECTORY}/replication-password", "listen": ":8008", "peer_listen": ":8009",
"tls": {"ca": "/ca.pem", "cert": "/cert.pem", "key": "${CREDENTIALS_DIRECTORY}/key"}, "state_dir": "/var/lib/scaleup-guard"}`

func TestParseConfig(t *testing.T) {
	cfg, err := ParseConfig([]byte(goodConfig))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Control != DefaultControl || cfg.nameOf("10.0.0.2") != "db2" || cfg.nameOf("10.0.0.9") != "10.0.0.9" || cfg.addressOf("db3") != "10.0.0.3" {
		t.Errorf("ParseConfig = %+v", cfg)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for _, c := range []struct{ from, to, says string }{
		{`"server": "db1"`, `"server": "db1", "colour": "red"`, "unknown field"},
		{`"server": "db1"`, `"server": 1`, "decode"},
		{`"server": "db1"`, `"server": "db9"`, `server "db9" is not one of the voters`},
		{`"initial": "db1"`, `"initial": ""`, "initial"},
		{`, {"name": "db3", "address": "10.0.0.3"}`, ``, "odd number"},
		{`10.0.0.3`, `10.0.0.2`, "twice"},
		{`"db3"`, `"db2"`, "twice"},
		{`10.0.0.3`, `db3.example`, "not an IP address"},
		{worldGroup, `my group`, "not a UUID"},
		{`3306`, `0`, "mysql_port"},
		{`:8009`, `8009`, "peer_listen"},
		{`/cert.pem`, ``, "tls.cert is missing"},
		{`"/var/lib/scaleup-guard"}`, `"/var/lib/scaleup-guard"} {}`, "after the end"},
	} {
		if _, err := ParseConfig([]byte(strings.Replace(goodConfig, c.from, c.to, 1))); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s -> %s: %v, want an error about %q", c.from, c.to, err, c.says)
		}
	}
}

func TestLoadConfigExpandsCredentials(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "guard.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(goodConfig)
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	cfg, err := LoadConfig(path)
	if err != nil || cfg.TLS.Key != filepath.Join(dir, "key") {
		t.Fatalf("LoadConfig: %+v, %v", cfg.TLS, err)
	}
	for text, ok := range map[string]bool{"secret\n": true, "": false, "\n": false, strings.Repeat("x", 32): true, strings.Repeat("x", 33): false} {
		if err := os.WriteFile(filepath.Join(dir, "replication-password"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		password, err := cfg.replicationPassword()
		if (err == nil) != ok || (ok && password != strings.TrimSpace(text)) {
			t.Errorf("replicationPassword of %q: %v", text, err)
		}
		if err != nil && len(text) > 1 && strings.Contains(err.Error(), text) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	write(strings.Replace(goodConfig, "/ca.pem", "${HOME}/ca.pem", 1))
	if _, err := LoadConfig(path); err == nil {
		t.Error("LoadConfig expanded ${HOME}")
	}
	write(goodConfig)
	os.Unsetenv("CREDENTIALS_DIRECTORY")
	if _, err := LoadConfig(path); err == nil {
		t.Error("LoadConfig went on without CREDENTIALS_DIRECTORY")
	}
}
