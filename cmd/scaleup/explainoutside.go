package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"os"
	"time"

	"scaleup/internal/explain"
	"scaleup/internal/topology"
)

// How long this computer waits for an answer from outside. The application gives up
// after 20 s; who explains a site does not wait that long.
const (
	visitLimit  = 5 * time.Second
	lookUpLimit = time.Second
	// mostBody is how much of an answer is read, in bytes.
	mostBody = 16 << 20
)

// outside is the site as seen by a client on the operator's computer.
type outside struct {
	site    string
	address netip.Addr     // the public one
	roots   *x509.CertPool // nil: those of this computer
	https   uint16
	http    uint16
}

func (op *operation) outside() (outside, error) {
	c := outside{site: op.topology.Site.Name, address: op.topology.Public, https: topology.PortHTTPS, http: topology.PortHTTP}
	ca, err := op.authority()
	if err != nil || ca == "" {
		return c, err
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return c, hinted{fmt.Errorf("read the site's certificate authority: %w", err), "scaleup up makes it"}
	}
	c.roots = x509.NewCertPool()
	if !c.roots.AppendCertsFromPEM(pem) {
		return c, fmt.Errorf("read the site's certificate authority: %s holds no certificate", ca)
	}
	return c, nil
}

// get sends one request over a connection of its own, and follows no redirect.
func (c outside) get(ctx context.Context, url string, port uint16) (*http.Response, func(), error) {
	dialer := net.Dialer{}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, netip.AddrPortFrom(c.address, port).String())
		},
		TLSClientConfig:   &tls.Config{ServerName: c.site, RootCAs: c.roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true, DisableCompression: true,
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, transport.CloseIdleConnections, err
	}
	q.Header.Set("User-Agent", "scaleup-explain")
	p, err := transport.RoundTrip(q)
	return p, transport.CloseIdleConnections, err
}

// visit sends one HTTPS request, and measures it.
func (c outside) visit(ctx context.Context, path string) explain.Visit {
	ctx, cancel := context.WithTimeout(ctx, visitLimit)
	defer cancel()
	v := explain.Visit{URL: "https://" + c.site + path, Address: netip.AddrPortFrom(c.address, c.https), Began: time.Now()}
	var local, peer string
	var connected, secured, answered time.Time
	p, done, err := c.get(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectDone:          func(string, string, error) { connected = time.Now() },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { secured = time.Now() },
		GotFirstResponseByte: func() { answered = time.Now() },
		GotConn: func(i httptrace.GotConnInfo) {
			local, peer = i.Conn.LocalAddr().String(), i.Conn.RemoteAddr().String()
		},
	}), v.URL, c.https)
	defer done()
	if err != nil {
		v.Err = err.Error()
		return v
	}
	defer p.Body.Close()
	if v.Bytes, err = io.Copy(io.Discard, io.LimitReader(p.Body, mostBody)); err != nil {
		v.Err = "the answer broke off: " + err.Error()
		return v
	}
	v.Timings = explain.Timings{Connect: connected.Sub(v.Began), Handshake: secured.Sub(connected), Wait: answered.Sub(secured), Receive: time.Since(answered)}
	v.Local, v.Remote, v.Proto, v.Status = local, peer, p.Proto, p.StatusCode
	v.RequestID, v.Cache = p.Header.Get("X-Request-ID"), p.Header.Get("X-Cache")
	v.TLS, v.Cipher, v.Curve, v.ALPN = tls.VersionName(p.TLS.Version), tls.CipherSuiteName(p.TLS.CipherSuite), p.TLS.CurveID.String(), p.TLS.NegotiatedProtocol
	leaf := p.TLS.PeerCertificates[0]
	v.Subject, v.Issuer, v.Names, v.NotBefore, v.NotAfter = leaf.Subject.String(), leaf.Issuer.String(), leaf.DNSNames, leaf.NotBefore, leaf.NotAfter
	return v
}

// plain sends one request without TLS.
func (c outside) plain(ctx context.Context) explain.Plain {
	ctx, cancel := context.WithTimeout(ctx, visitLimit)
	defer cancel()
	p, done, err := c.get(ctx, "http://"+c.site+"/", c.http)
	defer done()
	if err != nil {
		return explain.Plain{Err: err.Error()}
	}
	defer p.Body.Close()
	return explain.Plain{Status: p.StatusCode, Location: p.Header.Get("Location")}
}

// lookUp asks what a name leads to: this computer's hosts file, and its name server.
func lookUp(ctx context.Context, name string) explain.Lookup {
	l := explain.Lookup{Name: name}
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil {
		l.Err = err.Error()
		return l
	}
	l.Hosts = explain.HostsOf(string(hosts), name)
	conf, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		l.Err = err.Error()
		return l
	}
	server := explain.NameServer(string(conf))
	if !server.IsValid() {
		l.Err = "/etc/resolv.conf names no name server"
		return l
	}
	l.Server = server.String()
	if l.Records, l.Code, err = askDNS(ctx, netip.AddrPortFrom(server, 53), name); err != nil {
		l.Err = err.Error()
	}
	return l
}

// askDNS sends one question over UDP.
func askDNS(ctx context.Context, server netip.AddrPort, name string) (records []explain.Record, code string, err error) {
	id := uint16(rand.Uint32())
	q, err := explain.DNSQuestion(id, name)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", server.String())
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline() // it has one, see above
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, "", err
	}
	if _, err := conn.Write(q); err != nil {
		return nil, "", err
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err != nil {
		return nil, "", err
	}
	return explain.DNSAnswer(id, answer[:n])
}
