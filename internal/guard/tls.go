package guard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
)

// credentials are this guard's certificate and the authority of all guards.
type credentials struct {
	certificate tls.Certificate
	authority   *x509.CertPool
}

// loadCredentials reads the PEM files and checks that the certificate will be
// accepted by the other guards, so that a mistake shows at the start and not as
// silence between guards.
func loadCredentials(cfg Config) (credentials, error) {
	certificate, err := tls.LoadX509KeyPair(cfg.TLS.Cert, cfg.TLS.Key)
	if err != nil {
		return credentials{}, fmt.Errorf("load the guard's certificate: %w", err)
	}
	ca, err := os.ReadFile(cfg.TLS.CA)
	if err != nil {
		return credentials{}, fmt.Errorf("read the certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return credentials{}, fmt.Errorf("%s holds no certificate", cfg.TLS.CA)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		options := x509.VerifyOptions{DNSName: cfg.Server, Roots: pool, Intermediates: intermediates(certificate), KeyUsages: []x509.ExtKeyUsage{usage}}
		if _, err := certificate.Leaf.Verify(options); err != nil {
			return credentials{}, fmt.Errorf("%s: other guards would refuse this certificate: %w", cfg.TLS.Cert, err)
		}
	}
	return credentials{certificate, pool}, nil
}

func intermediates(chain tls.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, der := range chain.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			pool.AddCert(c)
		}
	}
	return pool
}

// server accepts only guards of the voters.
func (c credentials) server(voters []string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{c.certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    c.authority,
		VerifyConnection: func(state tls.ConnectionState) error {
			if nameOn(state, voters) == "" {
				return errors.New("the certificate is not that of a voter's guard")
			}
			return nil
		},
	}
}

// client speaks only to the guard of the named voter.
func (c credentials) client(name string) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{c.certificate},
		RootCAs:      c.authority,
		ServerName:   name,
	}
}

// nameOn is the voter that a verified certificate belongs to. A certificate with
// several voters' names belongs to none.
func nameOn(state tls.ConnectionState, voters []string) string {
	if len(state.PeerCertificates) == 0 {
		return ""
	}
	names := slices.DeleteFunc(slices.Clone(voters), func(name string) bool {
		return state.PeerCertificates[0].VerifyHostname(name) != nil
	})
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// peerName is the voter that sent a request.
func peerName(r *http.Request, voters []string) string {
	if r.TLS == nil {
		return ""
	}
	return nameOn(*r.TLS, voters)
}
