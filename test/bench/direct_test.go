package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The web server's configuration, as its own golden file has it.
func golden(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../internal/component/nginx/testdata/golden/debian13/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestDeriveConfig(t *testing.T) {
	original := golden(t)
	got, files, err := deriveConfig(original)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(original, "worker_rlimit_nofile "+files+";") {
		t.Errorf("%q open files is not what the web server has", files)
	}
	var listens []string
	for line := range strings.Lines(got) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "listen ") {
			listens = append(listens, line)
		}
	}
	if len(listens) != 1 || !strings.Contains(listens[0], ":8443 ssl ") || strings.Contains(listens[0], "127.0.0.1") {
		t.Errorf("it listens at %q, want only the server's address at 8443 with TLS", listens)
	}
	// Nothing it writes may be the real one's.
	for _, path := range []string{"/var/log/nginx", "/run/nginx.pid", "/var/cache/"} {
		if strings.Contains(got, path) {
			t.Errorf("the second Nginx also uses %s", path)
		}
	}
	// What it serves is.
	for line := range strings.Lines(original) {
		if t := strings.TrimSpace(line); (strings.HasPrefix(t, "root ") || strings.HasPrefix(t, "try_files ")) && !strings.Contains(got, line) {
			listens = append(listens, line)
		}
	}
	if len(listens) != 1 {
		t.Errorf("these lines of the web server are lost: %q", listens[1:])
	}
}

func TestDeriveConfigWantsAWebServers(t *testing.T) {
	original := golden(t)
	for name, text := range map[string]string{
		"empty":       "",
		"no listener": listenLine.ReplaceAllString(original, ""),
		"no pid":      strings.Replace(original, "pid /run/nginx.pid;", "", 1),
		"no cache":    strings.Replace(original, "proxy_cache_path", "#", 1),
	} {
		if _, _, err := deriveConfig(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestNginxAcceptsDerived has the real program read it, with the paths moved
// into a folder of the test. The program of another Debian release may know
// fewer directives.
func TestNginxAcceptsDerived(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx"
	}
	version, err := exec.Command(nginx, "-v").CombinedOutput()
	if err != nil || os.Geteuid() != 0 {
		t.Skip("needs nginx and root")
	}
	config, _, err := deriveConfig(golden(t))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(version), "nginx/1.22") {
		config = strings.Replace(config, "http2 on;", "", 1) // since 1.25.1; before, a word of listen
	}
	dir := t.TempDir()
	config = strings.ReplaceAll(config, directFolder, dir)
	config = listenLine.ReplaceAllString(config, "\t\tlisten 127.0.0.1:8443 ssl;\n")
	if err := os.WriteFile(filepath.Join(dir, "site.pem"), keyPair(t), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(nginx, "-t", "-q", "-c", path).CombinedOutput(); err != nil {
		t.Errorf("nginx -t: %v\n%s", err, out)
	}
}

// keyPair is a certificate and its key in one file, as HAProxy has them.
func keyPair(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"www.foobar.com"}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
}
