package check

import (
	"fmt"
	"time"

	"scaleup/internal/evidence"
	"scaleup/internal/spec"
	"scaleup/internal/topology"
)

var (
	certificate      = kind{id: "certificate", why: "browsers refuse a site whose certificate has expired, and its users see a warning instead of a page"}
	certificateTwins = kind{id: "certificate-twins", why: "one of them was not renewed, or not reloaded: when the addresses move to it, users get the other certificate"}
)

// When the end of a certificate is near. Renewal by a public authority is tried from 30
// days before; three weeks without success is not chance.
const (
	day           = 24 * time.Hour
	expiresSoon   = 21 * day
	expiresAtOnce = 3 * day
)

// certificates looks at what every load balancer presents over TLS, whether it holds the
// addresses or not.
func certificates(l evidence.Look) []Finding {
	t := l.Topology
	var found []Finding
	serials := map[string]string{} // who presents a certificate first
	first := ""
	for _, s := range t.With(spec.LoadBalancer) {
		r := l.Of(s.Name)
		if r == nil || r.Wire == nil {
			continue // silent, or unread
		}
		left := r.Wire.NotAfter.Sub(l.At)
		if left < expiresSoon {
			found = append(found, certificate.found(urgency(left), s.Name, renew(t), "its certificate %s", expiry(left, r.Wire.NotAfter)))
		}
		serial := r.Wire.Issuer + " " + r.Wire.Serial
		if first == "" {
			first = s.Name
		} else if serials[serial] == "" {
			found = append(found, certificateTwins.found(Warning, s.Name, converge(t), "it presents another certificate (serial %s, until %s) than %s",
				r.Wire.Serial, r.Wire.NotAfter.UTC().Format(time.DateOnly), first))
		}
		serials[serial] = s.Name
	}
	return found
}

func urgency(left time.Duration) Severity {
	if left < expiresAtOnce {
		return Critical
	}
	return Warning
}

func expiry(left time.Duration, end time.Time) string {
	date := end.UTC().Format(time.DateOnly)
	if left <= 0 {
		return "expired on " + date
	}
	return fmt.Sprintf("expires in %s, on %s", counted(int(left/day), "day"), date)
}

// renew is how a certificate is replaced: the site's own authority issues a new one by
// itself when apply is run.
func renew(t *topology.Topology) string {
	if t.Site.TLS.Internal {
		return "have a new one issued: " + converge(t)
	}
	return fmt.Sprintf("put the renewed chain and key at %s and %s; then: %s", t.Site.TLS.Cert, t.Site.TLS.Key, converge(t))
}
