package secrets

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"scaleup/internal/component"
)

const (
	caCert = "ca.pem"
	caKey  = "ca.key"

	authorityLife = 10 * 365 * 24 * time.Hour
	// leafLife is what browsers accept at most (CA/Browser Forum, 398 days).
	leafLife = 397 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is issued anew.
	renewBefore = 60 * 24 * time.Hour
)

// authority is the site's own certificate authority.
type authority struct {
	cert *x509.Certificate
	pem  []byte
	key  crypto.Signer
}

// names are what a certificate is for.
type names struct {
	dns []string
	ip  netip.Addr
}

// siteNames are the site's name and, for www.x, also x.
func siteNames(site string) []string {
	if bare, ok := strings.CutPrefix(site, "www."); ok {
		return []string{site, bare}
	}
	return []string{site}
}

func (s *Store) authority(site string) (authority, error) {
	pair, err := s.readPair(caCert, caKey)
	if _, lost := os.Stat(s.Path(caCert)); lost == nil && errors.Is(err, fs.ErrNotExist) {
		// The key is written first, so it was there. A new authority would make every
		// browser and member that trusts this one refuse the site.
		return authority{}, fmt.Errorf("%s is there and its key %s is not; bring the key back from a backup, or remove the certificate, too, to begin with a new authority", s.Path(caCert), s.Path(caKey))
	}
	if errors.Is(err, fs.ErrNotExist) {
		if pair, err = newAuthority(site); err != nil {
			return authority{}, err
		}
		if err := s.writePair(caCert, caKey, pair); err != nil {
			return authority{}, err
		}
	}
	if err != nil {
		return authority{}, err
	}
	cert, err := parseCertificate(pair.Cert)
	if err != nil {
		return authority{}, fmt.Errorf("read %s: %w", s.Path(caCert), err)
	}
	key, err := parseKey(pair.Key)
	if err != nil {
		return authority{}, fmt.Errorf("read %s: %w", s.Path(caKey), err)
	}
	return authority{cert: cert, pem: pair.Cert, key: key}, nil
}

func newAuthority(site string) (component.KeyPair, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "scaleup authority of " + site}, IsCA: true, BasicConstraintsValid: true,
		MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return issue(template, authority{}, authorityLife)
}

// certificate returns a server's certificate, issued anew when it is missing,
// near its end, of another authority, or for other names.
func (s *Store) certificate(a authority, name string, of names) (component.KeyPair, error) {
	certFile, keyFile := "certs/"+name+".pem", "certs/"+name+".key"
	pair, err := s.readPair(certFile, keyFile)
	if err == nil && usable(pair.Cert, a, of) {
		return pair, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: of.dns[0]}, DNSNames: of.dns, IPAddresses: []net.IP{of.ip.AsSlice()},
		KeyUsage: x509.KeyUsageDigitalSignature,
		// Guards and replicating members are each other's clients and servers.
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if pair, err = issue(template, a, leafLife); err != nil {
		return pair, err
	}
	return pair, s.writePair(certFile, keyFile, pair)
}

func usable(pemCert []byte, a authority, of names) bool {
	cert, err := parseCertificate(pemCert)
	if err != nil || cert.CheckSignatureFrom(a.cert) != nil || time.Now().Add(renewBefore).After(cert.NotAfter) {
		return false
	}
	for _, n := range of.dns {
		if cert.VerifyHostname(n) != nil {
			return false
		}
	}
	return cert.VerifyHostname(of.ip.String()) == nil
}

// issue makes a P-256 key and a certificate for it; without an authority the
// certificate signs itself.
func issue(template *x509.Certificate, a authority, life time.Duration) (component.KeyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return component.KeyPair{}, fmt.Errorf("make a key: %w", err)
	}
	template.SerialNumber = new(big.Int).SetBytes(random(16))
	// Servers' clocks may be a little behind the operator's.
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = template.NotBefore.Add(life)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return component.KeyPair{}, fmt.Errorf("issue a certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return component.KeyPair{}, fmt.Errorf("encode a key: %w", err)
	}
	return component.KeyPair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}, nil
}

func (s *Store) readPair(certFile, keyFile string) (component.KeyPair, error) {
	cert, err := os.ReadFile(s.Path(certFile))
	if err != nil {
		return component.KeyPair{}, fmt.Errorf("read a certificate: %w", err)
	}
	key, err := os.ReadFile(s.Path(keyFile))
	if err != nil {
		return component.KeyPair{}, fmt.Errorf("read the key of a certificate: %w", err)
	}
	return component.KeyPair{Cert: cert, Key: key}, nil
}

// writePair writes the key first: a certificate without its key would look whole
// to the next run.
func (s *Store) writePair(certFile, keyFile string, pair component.KeyPair) error {
	if err := s.write(keyFile, pair.Key); err != nil {
		return err
	}
	return s.write(certFile, pair.Cert)
}

func parseCertificate(content []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("no PEM certificate in it")
	}
	return x509.ParseCertificate(block.Bytes)
}

func parseKey(content []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("no PEM key in it")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return signer, nil
}
