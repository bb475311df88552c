package spec

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"
)

// largestPEM bounds what is read of a certificate or key; a chain is a few KB.
const largestPEM = 1 << 20

// checkCertificate checks that the certificate of the operator can serve the
// site: readable, of the site's name, valid now and belonging to its key.
func checkCertificate(r *report, t TLS, site string, now time.Time) {
	const certAt, keyAt = "tls.certificate.cert", "tls.certificate.key"
	chain, certErr := readPEM(t.Cert)
	key, keyErr := readPEM(t.Key)
	if certErr != nil {
		r.failAt(certAt, "name a PEM file with the certificate first and its chain after it", "%s %v", quote(t.Cert), certErr)
	}
	if keyErr != nil {
		r.failAt(keyAt, "name a PEM file with the private key of the certificate", "%s %v", quote(t.Key), keyErr)
	}
	if certErr != nil || keyErr != nil {
		return
	}
	leaf, err := parseLeaf(chain)
	if err != nil {
		r.failAt(certAt, "name a PEM file with the certificate first and its chain after it", "%s %v", quote(t.Cert), err)
	} else {
		checkLeaf(r, certAt, t.Cert, leaf, site, now)
	}
	if why, hint := badKey(chain, key, leaf); why != "" {
		r.failAt(keyAt, hint, "%s %s", quote(t.Key), why)
	}
}

// checkLeaf checks the name and the dates of a certificate.
func checkLeaf(r *report, at, file string, leaf *x509.Certificate, site string, now time.Time) {
	const day = "2006-01-02"
	if site != "" && leaf.VerifyHostname(site) != nil {
		r.failAt(at, "use a certificate that names "+site+", or change site:", "%s is not for %s", quote(file), site)
	}
	switch {
	case now.After(leaf.NotAfter):
		r.failAt(at, "renew the certificate", "%s expired on %s", quote(file), leaf.NotAfter.UTC().Format(day))
	case now.Before(leaf.NotBefore):
		r.failAt(at, "check this computer's clock, or wait", "%s is not valid before %s", quote(file), leaf.NotBefore.UTC().Format(day))
	}
}

// readPEM reads a file that should hold PEM blocks. Its errors read on from the
// name of the file.
func readPEM(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a file")
	}
	data, err := readAtMost(path, largestPEM)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", cause(err))
	}
	if block, _ := pem.Decode(data); block == nil {
		return nil, errors.New("holds no PEM block")
	}
	return data, nil
}

// parseLeaf parses the first certificate of a chain.
func parseLeaf(chain []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("holds a damaged certificate")
		}
		return leaf, nil
	}
	return nil, errors.New("holds no certificate")
}

// badKey says why a key cannot serve a certificate, and the way out; "" when it
// can. Nothing of the key goes into the words.
func badKey(chain, key []byte, leaf *x509.Certificate) (why, hint string) {
	private, err := parseKey(key)
	if err != nil {
		return err.Error(), "name a PEM file with the unencrypted private key of the certificate"
	}
	if leaf == nil {
		return "", ""
	}
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(private.Public()) {
		return "is not the key of the certificate", "name the key that the certificate was requested with"
	}
	if _, err := tls.X509KeyPair(chain, key); err != nil {
		return "does not work with the certificate", "make both anew"
	}
	return "", ""
}

// parseKey parses the first private key of a PEM file.
func parseKey(data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("is encrypted; a server must start without a passphrase")
		default:
			continue
		}
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("is encrypted; a server must start without a passphrase")
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, errors.New("holds a damaged private key, or one of an unknown kind")
		}
		return signer, nil
	}
	return nil, errors.New("holds no private key")
}
