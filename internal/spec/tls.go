package spec

import "github.com/goccy/go-yaml/ast"

// tls reads the tls: stanza.
func (d decoder) tls(f fields) TLS {
	n, ok := f.get("tls")
	if !ok {
		return TLS{Internal: true}
	}
	m, ok := n.mapping()
	if !ok {
		return TLS{}
	}
	e, ok := m.require("certificate", "add certificate: internal, or certificate: {cert: FILE, key: FILE}")
	if !ok {
		return TLS{}
	}
	if _, scalar := e.v.(ast.ScalarNode); scalar {
		return TLS{Internal: e.internal()}
	}
	return d.certificate(e)
}

// internal reads the word that asks for a certificate of the site's own CA.
func (n node) internal() bool {
	const hint = "use internal, or {cert: FILE, key: FILE}"
	s, ok := n.text(hint)
	switch {
	case !ok || s == "internal":
	case s == "acme":
		n.fail(hint, "acme is not built yet")
	case nearest(s, []string{"internal"}) != "":
		n.fail("did you mean internal?", "%s is not a kind of certificate", quote(s))
	default:
		n.fail(hint, "%s is not a kind of certificate", quote(s))
	}
	return s == "internal"
}

// certificate reads where the operator's own certificate is.
func (d decoder) certificate(n node) TLS {
	var t TLS
	m, ok := n.mapping()
	if !ok {
		return t
	}
	if e, ok := m.require("cert", "add cert: with the path of the PEM certificate and its chain"); ok {
		t.Cert = d.path(e, "use the path of the PEM certificate and its chain")
	}
	if e, ok := m.require("key", "add key: with the path of the PEM private key"); ok {
		t.Key = d.path(e, "use the path of the PEM private key")
	}
	return t
}
