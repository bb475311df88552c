package spec

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// issue writes a self-signed certificate and its key as NAME.crt and NAME.key.
func issue(t *testing.T, dir, name, host string, from, to time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host},
		DNSNames: []string{host}, NotBefore: from, NotAfter: to,
	}
	cert, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".crt"), 0o644, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, filepath.Join(dir, name+".key"), 0o600, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// issueAll writes one good certificate and those with something wrong.
func issueAll(t *testing.T, dir string) {
	t.Helper()
	const day = 24 * time.Hour
	issue(t, dir, "good", "www.foobar.com", now.Add(-day), now.Add(day))
	issue(t, dir, "wildcard", "*.foobar.com", now.Add(-day), now.Add(day))
	issue(t, dir, "other", "www.example.com", now.Add(-day), now.Add(day))
	issue(t, dir, "old", "www.foobar.com", now.Add(-3*day), now.Add(-2*day))
	issue(t, dir, "new", "www.foobar.com", now.Add(2*day), now.Add(3*day))
	block := func(kind, body string) string {
		return "-----BEGIN " + kind + "-----\n" + body + "\n-----END " + kind + "-----\n"
	}
	write(t, filepath.Join(dir, "text"), 0o644, "not a certificate\n")
	write(t, filepath.Join(dir, "damaged.crt"), 0o644, block("CERTIFICATE", "AAAA"))
	write(t, filepath.Join(dir, "damaged.key"), 0o600, block("PRIVATE KEY", "AAAA"))
	write(t, filepath.Join(dir, "encrypted.key"), 0o600, block("ENCRYPTED PRIVATE KEY", "AAAA"))
	write(t, filepath.Join(dir, "legacy.key"), 0o600, block("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA"))
}

func TestCertificateMistakes(t *testing.T) {
	dir := newDir(t)
	issueAll(t, dir)
	pair := func(name, cert, key string, line int, reason, hint string) mistake {
		stanza := "tls:\n  certificate:\n    cert: " + cert + "\n    key: " + key + "\n"
		return mistake{name: name, to: stanza, line: line, reason: reason, hint: hint}
	}
	const certLine, keyLine = 15, 16
	runMistakes(t, dir, []mistake{
		pair("no such certificate", "x.crt", "good.key", certLine, "x.crt\" cannot be read: no such file", "certificate first"),
		pair("certificate a folder", "static", "good.key", certLine, "is not a file", "certificate first"),
		pair("certificate a text", "text", "good.key", certLine, "holds no PEM block", "certificate first"),
		pair("certificate a key", "good.key", "good.key", certLine, "holds no certificate", "certificate first"),
		pair("certificate damaged", "damaged.crt", "good.key", certLine, "holds a damaged certificate", "certificate first"),
		pair("of another site", "other.crt", "other.key", certLine, "is not for www.foobar.com", "names www.foobar.com"),
		pair("expired", "old.crt", "old.key", certLine, "expired on 2026-02-27", "renew"),
		pair("not yet valid", "new.crt", "new.key", certLine, "is not valid before 2026-03-03", "clock"),
		pair("no such key", "good.crt", "x.key", keyLine, "x.key\" cannot be read: no such file", "private key"),
		pair("key a text", "good.crt", "text", keyLine, "holds no PEM block", "private key"),
		pair("key a certificate", "good.crt", "good.crt", keyLine, "holds no private key", "private key"),
		pair("key damaged", "good.crt", "damaged.key", keyLine, "holds a damaged private key", "private key"),
		pair("key encrypted", "good.crt", "encrypted.key", keyLine, "is encrypted", "unencrypted"),
		pair("key encrypted the old way", "good.crt", "legacy.key", keyLine, "is encrypted", "unencrypted"),
		pair("key of another", "good.crt", "other.key", keyLine, "is not the key of the certificate", "requested with"),
	})
}

func TestCertificates(t *testing.T) {
	dir := newDir(t)
	issueAll(t, dir)
	for _, name := range []string{"good", "wildcard"} {
		t.Run(name, func(t *testing.T) {
			text := good + strings.ReplaceAll("tls: {certificate: {cert: NAME.crt, key: NAME.key}}\n", "NAME", name)
			s, err := parse([]byte(text), filepath.Join(dir, "site.yaml"), now)
			if err != nil {
				t.Fatal(err)
			}
			want := TLS{Cert: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key")}
			if s.TLS != want {
				t.Errorf("got %+v, want %+v", s.TLS, want)
			}
		})
	}
}
