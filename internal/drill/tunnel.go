package drill

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync"

	"scaleup/internal/host"
)

// SQLAccess is the way to the database tier for the drill's own rows: through the
// internal virtual address, as the application goes, from an application server,
// since no other may.
type SQLAccess struct {
	Address  string // IP:port of the internal virtual address
	Roots    *x509.CertPool
	Password string
}

// TLS accepts any server of the site's own authority: behind the address is
// another one after each failover.
func (a SQLAccess) TLS() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // the name; the chain is verified below
		VerifyConnection: func(s tls.ConnectionState) error {
			between := x509.NewCertPool()
			for _, c := range s.PeerCertificates[1:] {
				between.AddCert(c)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: a.Roots, Intermediates: between})
			return err
		},
	}
}

// tunnels lead through application servers: one after the other is tried, those
// the drill does not break first.
type tunnels struct {
	mu   sync.Mutex
	open []host.Host
}

var errNoWay = errors.New("no application server lets the drill through to the database")

func (t *tunnels) dial(ctx context.Context, address string) (net.Conn, error) {
	t.mu.Lock()
	hosts := append([]host.Host(nil), t.open...)
	t.mu.Unlock()
	failure := errNoWay
	for _, h := range hosts {
		through, ok := h.(host.Tunnel)
		if !ok {
			continue
		}
		conn, err := through.Tunnel(ctx, address)
		if err == nil {
			return conn, nil
		}
		failure = err
	}
	return nil, failure
}

func (t *tunnels) close() {
	for _, h := range t.open {
		h.Close()
	}
}
