package guard

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestZZReal(t *testing.T) {
	if os.Getenv("GREAL") == "" {
		t.Skip("no")
	}
	begun := time.Now()
	state := os.Getenv("GSTATE")
	pw := filepath.Join(t.TempDir(), "pw")
	os.WriteFile(pw, []byte("repl-secret-0123456789\n"), 0o600)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := 1; i <= 3; i++ {
		name := fmt.Sprintf("db%d", i)
		cfg := testConfig(name)
		for j := range cfg.Voters {
			cfg.Voters[j].Address = fmt.Sprintf("127.0.0.%d", j+1)
		}
		cfg.MySQLPort = 13306
		cfg.Socket, cfg.MySQLUser, cfg.ReplicationUser, cfg.ReplicationPasswordFile = "/tmp/g/root/d"+name[2:]+"/s.sock", "guard", "replication", pw
		cfg.TLS = TLS{"/tmp/g/root/tls/ca.pem", "/tmp/g/root/tls/" + name + ".pem", "/tmp/g/root/tls/" + name + ".key"}
		cfg.StateDir, cfg.Control = state+"/"+name, "/tmp/g/run/"+name+".sock"
		cfg.Listen, cfg.PeerListen = fmt.Sprintf("127.0.0.%d:18008", i), fmt.Sprintf("127.0.0.%d:18009", i)
		log := slog.New(slog.NewTextHandler(os.Stdout, nil)).With("g", name)
		go func() {
			if err := Run(ctx, cfg, log); err != nil {
				fmt.Println(name, err)
			}
		}()
	}
	last := ""
	d, _ := time.ParseDuration(os.Getenv("GREAL"))
	for time.Since(begun) < d {
		line := ""
		for i := 1; i <= 3; i++ {
			var st Status
			if r, err := http.Get(fmt.Sprintf("http://127.0.0.%d:18008/status", i)); err == nil {
				json.NewDecoder(r.Body).Decode(&st)
				r.Body.Close()
			}
			p, _ := http.Get(fmt.Sprintf("http://127.0.0.%d:18008/primary", i))
			q, _ := http.Get(fmt.Sprintf("http://127.0.0.%d:18008/replica", i))
			c1, c2 := 0, 0
			if p != nil && q != nil {
				c1, c2 = p.StatusCode, q.StatusCode
				p.Body.Close()
				q.Body.Close()
			}
			line += fmt.Sprintf("%s %s %s P%d R%d | ", st.Server, st.State, st.Role, c1, c2)
		}
		if line != last {
			fmt.Printf("%6.2f %s\n", time.Since(begun).Seconds(), line)
			last = line
		}
		time.Sleep(50 * time.Millisecond)
	}
}
