package guard

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority issues certificates for tests.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) issue(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(name string, data []byte) {
	if err := os.WriteFile(filepath.Join(a.dir, name), data, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// guard issues a certificate as the site's does for a server.
func (a *authority) guard(file string, names ...string) TLS {
	a.issue(file, &x509.Certificate{DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	return TLS{CA: filepath.Join(a.dir, "ca.pem"), Cert: filepath.Join(a.dir, file+".pem"), Key: filepath.Join(a.dir, file+".key")}
}

// freePort is one that was free a moment ago.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func runConfig(t *testing.T, name string, tls TLS, peerPort string) Config {
	dir := t.TempDir()
	cfg := testConfig(name)
	for i := range cfg.Voters {
		cfg.Voters[i].Address = fmt.Sprintf("127.0.0.%d", i+1)
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Socket, cfg.MySQLUser, cfg.ReplicationUser, cfg.ReplicationPasswordFile = filepath.Join(dir, "none.sock"), "guard", "replication", password
	cfg.TLS, cfg.StateDir, cfg.Control = tls, filepath.Join(dir, "state"), filepath.Join(dir, "guard.sock")
	cfg.Listen, cfg.PeerListen = "127.0.0.1:"+freePort(t), cfg.addressOf(name)+":"+peerPort
	return cfg
}

// start runs a guard without a MySQL until the test ends.
func start(t *testing.T, cfg Config) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, cfg, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		begun := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(begun); took > 500*time.Millisecond {
			t.Errorf("stopping took %s", took)
		}
	})
	deadline := time.Now().Add(5 * time.Second)
	for {
		response, err := http.Get("http://" + cfg.Listen + "/status")
		if err == nil {
			response.Body.Close()
			return
		}
		select {
		case err := <-done:
			t.Fatalf("Run ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestRunWithoutMySQL(t *testing.T) {
	a := newAuthority(t)
	peerPort := freePort(t)
	cfg := runConfig(t, "db1", a.guard("db1", "db1"), peerPort)
	start(t, cfg)

	response, err := http.Get("http://" + cfg.Listen + "/primary")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/primary without MySQL: %s", response.Status)
	}
	info, err := os.Stat(cfg.Control)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("control socket: %v, %v, want 0600", info, err)
	}
	control := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", cfg.Control)
	}}}
	for body, want := range map[string]int{`{"to":"db2"}`: http.StatusConflict, `{"too":"db2"}`: http.StatusBadRequest} {
		response, err := control.Post("http://guard/switch", "application/json", bytes.NewBufferString(body))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("/switch %s: %s, want %d", body, response.Status, want)
		}
	}
}

func TestGuardsKnowOneAnother(t *testing.T) {
	a := newAuthority(t)
	peerPort := freePort(t)
	start(t, runConfig(t, "db1", a.guard("db1", "db1"), peerPort))

	client := func(name string, tls TLS) *httpPeers {
		cfg := runConfig(t, name, tls, peerPort)
		c, err := loadCredentials(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return newPeers(cfg, c)
	}
	db2 := client("db2", a.guard("db2", "db2"))
	if answer, err := db2.Ask(t.Context(), "db1", true); err != nil || answer.Server != "db1" || answer.MySQL.Reachable {
		t.Errorf("Ask = %+v, %v", answer, err)
	}
	err := db2.Grant(t.Context(), "db1", GrantRequest{Epoch: 1, Candidate: "db2", Newest: Record{Group: worldGroup}})
	if err == nil || !strings.Contains(err.Error(), "MySQL of db1") && !strings.Contains(err.Error(), "group") {
		t.Errorf("Grant without MySQL: %v", err)
	}
	err = db2.Grant(t.Context(), "db1", GrantRequest{Epoch: 1, Candidate: "db3"})
	if err == nil || !strings.Contains(err.Error(), `"db2" asks for a grant to "db3"`) {
		t.Errorf("Grant in the name of another: %v", err)
	}

	// db1's address answers with db1's certificate, whoever is asked for.
	wrong := client("db2", a.guard("db2b", "db2"))
	wrong.bases["db3"] = wrong.bases["db1"]
	if _, err := wrong.Ask(t.Context(), "db3", false); err == nil || !strings.Contains(err.Error(), "db3") {
		t.Errorf("db1 was taken for db3: %v", err)
	}

	for name, tls := range map[string]TLS{
		"of a web server":       a.guard("web1", "web1", "db2.example"),
		"with two voters' name": a.guard("both", "db2", "db3"),
		"of another authority":  newAuthority(t).guard("db2", "db2"),
	} {
		cfg := runConfig(t, "db2", tls, peerPort)
		pair, err := loadKeyPairOnly(cfg, a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newPeers(cfg, pair).Ask(t.Context(), "db1", false); err == nil {
			t.Errorf("a certificate %s was let in", name)
		}
	}
}

// loadKeyPairOnly skips the checks that an honest guard makes of itself.
func loadKeyPairOnly(cfg Config, trusted *authority) (credentials, error) {
	c, err := tls.LoadX509KeyPair(cfg.TLS.Cert, cfg.TLS.Key)
	pool := x509.NewCertPool()
	pool.AddCert(trusted.cert)
	return credentials{c, pool}, err
}

func TestLoadCredentialsRefuses(t *testing.T) {
	a := newAuthority(t)
	a.issue("server-only", &x509.Certificate{DNSNames: []string{"db1"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	serverOnly := TLS{CA: filepath.Join(a.dir, "ca.pem"), Cert: filepath.Join(a.dir, "server-only.pem"), Key: filepath.Join(a.dir, "server-only.key")}
	for name, tls := range map[string]TLS{
		"another name":    a.guard("db9", "db9"),
		"no client usage": serverOnly,
		"other authority": {CA: newAuthority(t).guard("x", "db1").CA, Cert: a.guard("db1", "db1").Cert, Key: filepath.Join(a.dir, "db1.key")},
		"no file":         {CA: "/none", Cert: "/none", Key: "/none"},
	} {
		if _, err := loadCredentials(runConfig(t, "db1", tls, "8009")); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRunRefusesATakenPort(t *testing.T) {
	a := newAuthority(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := runConfig(t, "db1", a.guard("db1", "db1"), freePort(t))
	cfg.Listen = taken.Addr().String()
	if err := Run(t.Context(), cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "health checks") {
		t.Errorf("Run: %v", err)
	}
}

func TestRestarting(t *testing.T) {
	if !restarting(nil) || restarting(errors.New("ERROR 3862: Clone Donor Error")) {
		t.Error("restarting takes a refusal for a restart, or an end for a failure")
	}
}

func TestAnswerSurvivesTheWire(t *testing.T) {
	sent := server{state: Online, role: Primary, view: "7:1", members: online("db1"), executed: gtids("1-3"), record: inView(2, "7:1", "db1", "db1")}.answer("db1")
	data, err := json.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	var got Answer
	if err := json.Unmarshal(data, &got); err != nil || !sameRecord(got.Record, sent.Record) || got.MySQL.Executed != sent.MySQL.Executed || !got.MySQL.majority() {
		t.Errorf("received %+v, %v", got, err)
	}
}
