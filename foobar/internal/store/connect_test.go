package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// authority is a CA of its own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue signs a certificate for name; without a parent it signs itself, as a CA.
func (parent *authority) issue(t *testing.T, name string, until time.Time) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		IsCA: parent == nil, BasicConstraintsValid: true,
	}
	signer := &authority{template, key}
	if parent != nil {
		signer = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.cert, &key.PublicKey, signer.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func TestVerifyChain(t *testing.T) {
	later := time.Now().Add(time.Hour)
	var none *authority
	ours, theirs := none.issue(t, "our CA", later), none.issue(t, "their CA", later)
	trusted := x509.NewCertPool()
	trusted.AddCert(ours.cert)

	tests := []struct {
		name   string
		server *authority
		good   bool
	}{
		{"our server, under a name never dialled", ours.issue(t, "db3", later), true},
		{"a server of another CA", theirs.issue(t, "db3", later), false},
		{"our server, expired", ours.issue(t, "db3", time.Now().Add(-time.Hour)), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clientEnd, serverEnd := net.Pipe()
			defer clientEnd.Close()
			go func() {
				defer serverEnd.Close()
				_ = tls.Server(serverEnd, &tls.Config{Certificates: []tls.Certificate{{
					Certificate: [][]byte{tt.server.cert.Raw}, PrivateKey: tt.server.key,
				}}}).Handshake()
			}()
			err := tls.Client(clientEnd, verifyChain(trusted)).Handshake()
			if (err == nil) != tt.good {
				t.Errorf("got %v, want good %v", err, tt.good)
			}
			if err != nil && classify(err, beforeCommit) != broken {
				t.Errorf("got %v for %v, want broken: another try meets the same certificate", classify(err, beforeCommit), err)
			}
		})
	}
}
