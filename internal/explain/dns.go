package explain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Record is a DNS record of the kinds that lead to an address.
type Record struct {
	Name  string
	Type  string // A or CNAME
	TTL   uint32 // seconds
	Value string
}

// Numbers of RFC 1035.
const (
	dnsHeader   = 12
	dnsA        = 1
	dnsCNAME    = 5
	dnsIN       = 1
	dnsRecurse  = 0x0100
	dnsResponse = 0x8000
	dnsNXDomain = 3
)

// DNSQuestion is a query for the A records of a name. It is written here because the
// standard library tells neither the type of a record nor how long it is valid, and
// looks into the hosts file first.
func DNSQuestion(id uint16, name string) ([]byte, error) {
	q := make([]byte, dnsHeader, dnsHeader+len(name)+6)
	binary.BigEndian.PutUint16(q[0:], id)
	binary.BigEndian.PutUint16(q[2:], dnsRecurse)
	binary.BigEndian.PutUint16(q[4:], 1) // one question
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if len(label) == 0 || len(label) > 63 {
			return nil, fmt.Errorf("%q is not a host name", name)
		}
		q = append(append(q, byte(len(label))), label...)
	}
	return append(q, 0, 0, dnsA, 0, dnsIN), nil
}

var errDNSShort = errors.New("the answer of the name server is cut off")

// DNSAnswer reads the answer to the question of that id. code is "" for success.
func DNSAnswer(id uint16, b []byte) (records []Record, code string, err error) {
	if len(b) < dnsHeader {
		return nil, "", errDNSShort
	}
	flags := binary.BigEndian.Uint16(b[2:])
	if binary.BigEndian.Uint16(b) != id || flags&dnsResponse == 0 {
		return nil, "", errors.New("this is not the answer to the question")
	}
	switch flags & 0xf {
	case 0:
	case dnsNXDomain:
		return nil, "NXDOMAIN", nil
	default:
		return nil, fmt.Sprintf("response code %d", flags&0xf), nil
	}
	at := dnsHeader
	for range binary.BigEndian.Uint16(b[4:]) { // the question comes back
		if _, at, err = dnsName(b, at); err != nil {
			return nil, "", err
		}
		at += 4
	}
	for range binary.BigEndian.Uint16(b[6:]) {
		var r Record
		if r, at, err = dnsRecord(b, at); err != nil {
			return nil, "", err
		}
		if r.Type != "" {
			records = append(records, r)
		}
	}
	return records, "", nil
}

// dnsRecord reads the record at a place, and says where the next one is. One of
// another type has no Type.
func dnsRecord(b []byte, at int) (r Record, next int, err error) {
	if r.Name, at, err = dnsName(b, at); err != nil {
		return r, 0, err
	}
	if at+10 > len(b) {
		return r, 0, errDNSShort
	}
	kind, length := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+8:]))
	r.TTL = binary.BigEndian.Uint32(b[at+4:])
	at += 10
	if next = at + length; next > len(b) {
		return r, 0, errDNSShort
	}
	switch {
	case kind == dnsA && length == 4:
		r.Type, r.Value = "A", netip.AddrFrom4([4]byte(b[at:next])).String()
	case kind == dnsCNAME:
		r.Type = "CNAME"
		r.Value, _, err = dnsName(b, at)
	}
	return r, next, err
}

// dnsName reads the name at a place, and says where what follows it is. A pointer may
// only lead back, so that reading comes to an end.
func dnsName(b []byte, at int) (name string, next int, err error) {
	var labels []string
	for limit := len(b); ; {
		if at >= limit {
			return "", 0, errDNSShort
		}
		n := int(b[at])
		switch {
		case n == 0:
			if next == 0 {
				next = at + 1
			}
			return strings.Join(labels, "."), next, nil
		case n < 0x40:
			if at+1+n > limit {
				return "", 0, errDNSShort
			}
			labels = append(labels, string(b[at+1:at+1+n]))
			at += 1 + n
		case n >= 0xc0 && at+1 < limit:
			if next == 0 {
				next = at + 2
			}
			// What a pointer leads to lies before it.
			limit, at = at, (n&0x3f)<<8|int(b[at+1])
		default:
			return "", 0, errors.New("the answer of the name server holds a name that cannot be read")
		}
	}
}

// NameServer is the first name server of a resolv.conf; the zero address when there is
// none.
func NameServer(resolvConf string) netip.Addr {
	for line := range strings.Lines(resolvConf) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "nameserver" {
			if a, err := netip.ParseAddr(f[1]); err == nil {
				return a
			}
		}
	}
	return netip.Addr{}
}

// HostsOf are the addresses that a hosts file gives a name.
func HostsOf(hosts, name string) []netip.Addr {
	var found []netip.Addr
	for line := range strings.Lines(hosts) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		for i, n := range f {
			if a, err := netip.ParseAddr(f[0]); i > 0 && err == nil && strings.EqualFold(n, name) {
				found = append(found, a)
			}
		}
	}
	return found
}
