package inspect

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnWire(t *testing.T) {
	site := httptest.NewUnstartedServer(http.NotFoundHandler())
	site.EnableHTTP2 = true
	site.StartTLS()
	defer site.Close()
	at := site.Listener.Addr().(*net.TCPAddr).AddrPort()
	got, err := onWire(t.Context(), at, "www.foobar.com") // not one of its names
	if err != nil {
		t.Fatal(err)
	}
	leaf := site.Certificate()
	if got.Serial != leaf.SerialNumber.Text(16) || got.Issuer != leaf.Issuer.String() || !got.NotAfter.Equal(leaf.NotAfter) || !got.NotBefore.Equal(leaf.NotBefore) {
		t.Errorf("%+v, want that of %s", got, leaf.Subject)
	}
	if len(got.Names) != len(leaf.DNSNames)+len(leaf.IPAddresses) || got.Names[0] != leaf.DNSNames[0] {
		t.Errorf("names %q, want %q and %v", got.Names, leaf.DNSNames, leaf.IPAddresses)
	}
	if got.TLS != "TLS 1.3" || got.ALPN != "h2" || got.Cipher == "" {
		t.Errorf("%s, %s, %s", got.TLS, got.ALPN, got.Cipher)
	}
}

func TestOnWireWithoutTLS(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	at := plain.Listener.Addr().(*net.TCPAddr).AddrPort()
	if got, err := onWire(t.Context(), at, "www.foobar.com"); err == nil {
		t.Errorf("a server without TLS: %+v", got)
	}
	if got, err := onWire(t.Context(), netip.AddrPortFrom(at.Addr(), 0), "www.foobar.com"); err == nil {
		t.Errorf("nobody: %+v", got)
	}
}
