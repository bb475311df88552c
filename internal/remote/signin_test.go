package remote

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scaleup/internal/nettest"
	"scaleup/internal/resource"
)

// refusing is a MySQL that turns everybody away with this error before it greets.
func refusing(t *testing.T, number uint16) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	packet := append([]byte{0xff, byte(number), byte(number >> 8)}, "no entry"...)
	packet = append([]byte{byte(len(packet)), 0, 0, 0}, packet...)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test has ended
			}
			conn.Write(packet)
			conn.Close()
		}
	}()
	return l.Addr().String()
}

func authority(t *testing.T, path string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A wrong password is an answer; whatever says nothing about the password is not.
func TestSignIn(t *testing.T) {
	const password = "correct-horse-battery"
	root := t.TempDir()
	authority(t, filepath.Join(root, "ca.pem"))
	for _, c := range []struct {
		name, address, ca, problem string
	}{
		{"wrong password", refusing(t, errAccessDenied), "ca.pem", ""},
		{"too many connections", refusing(t, 1040), "ca.pem", "sign in to MySQL as app: "},
		{"nobody listens", nettest.Refusing(t).String(), "ca.pem", "refused"},
		{"no authority", nettest.Refusing(t).String(), "none.pem", "none.pem"},
	} {
		p := (&Server{System: resource.System{Root: root}}).Answer(t.Context(), Request{SignIn: &SignIn{
			Address: c.address, CA: c.ca, Logins: []Login{{User: "app", Password: password}},
		}})
		if (p.Error != "") != (c.problem != "") || !strings.Contains(p.Error, c.problem) || strings.Contains(p.Error, password) {
			t.Errorf("%s: error %q, want %q in it and no password", c.name, p.Error, c.problem)
		}
		if c.problem == "" && (len(p.SignedIn) != 1 || p.SignedIn[0]) {
			t.Errorf("%s: let in: %v", c.name, p.SignedIn)
		}
	}
}
