package inspect

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
)

// onWire is what the server presents over TLS at an address. Whether it is to be trusted
// is not asked: an expired or foreign certificate has to be seen.
func onWire(ctx context.Context, at netip.AddrPort, name string) (*Certificate, error) {
	dialer := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}}}
	conn, err := dialer.DialContext(ctx, "tcp", at.String())
	if err != nil {
		return nil, fmt.Errorf("read the certificate at %s: %w", at, err)
	}
	defer conn.Close()
	return certificateOf(conn.(*tls.Conn).ConnectionState()), nil
}

func certificateOf(state tls.ConnectionState) *Certificate {
	leaf := state.PeerCertificates[0] // a TLS server has one, or the handshake fails
	names := leaf.DNSNames
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return &Certificate{
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Names: names,
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Serial: leaf.SerialNumber.Text(16),
		TLS: tls.VersionName(state.Version), Cipher: tls.CipherSuiteName(state.CipherSuite), ALPN: state.NegotiatedProtocol,
	}
}
