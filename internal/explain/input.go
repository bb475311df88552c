package explain

import (
	"net/netip"
	"time"

	"scaleup/internal/check"
	"scaleup/internal/evidence"
)

// Input is all that answers speak from.
type Input struct {
	Look   evidence.Look
	Lookup Lookup
	Visit  Visit
	Plain  Plain
	Trace  *Trace         // nil: no answer wants one
	Drills map[string]Run // the last run of each drill on this site, by name
	// History is what check needs beyond the look.
	History check.History
}

// Lookup is what the resolver of the operator's computer says of the site's name.
type Lookup struct {
	Name    string
	Hosts   []netip.Addr // what the computer's hosts file says
	Server  string       // the name server asked
	Records []Record     // its answer, in order
	Code    string       // its response code, such as NXDOMAIN; "" for success
	Err     string       // why there is no answer
}

// Visit is one HTTPS request to the public address, made from the operator's computer.
type Visit struct {
	URL       string
	Address   netip.AddrPort
	Began     time.Time
	Local     string // this computer's end of the connection
	Remote    string // the site's
	TLS       string // TLS 1.3
	Cipher    string
	Curve     string // key exchange; "" when it is not told
	ALPN      string // h2, http/1.1
	Proto     string // HTTP/2.0
	Status    int
	RequestID string
	Cache     string // X-Cache of the answer: what Nginx's cache did
	Bytes     int64
	Subject   string
	Issuer    string
	Names     []string
	NotBefore time.Time
	NotAfter  time.Time
	Timings   Timings
	Err       string // why there is no answer
}

// Timings of a visit, each a duration of its own.
type Timings struct {
	Connect   time.Duration // TCP
	Handshake time.Duration // TLS
	Wait      time.Duration // from there, when the request goes out, to the first byte of the answer
	Receive   time.Duration // from there to the last byte
}

// Plain is one HTTP request without TLS to the public address.
type Plain struct {
	Status   int
	Location string
	Err      string
}

// Run is how a drill ended when it was run last.
type Run struct {
	At      time.Time
	Verdict string
	Failed  int // requests that failed, in all trials
	Sent    int // requests in all trials
}
