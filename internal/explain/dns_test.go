package explain

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The answer of a name server to 7, www.foobar.com: an alias, and its address. The
// records point back at names that stand before them.
const dnsAlias = "\x00\x07\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00" +
	"\x03www\x06foobar\x03com\x00\x00\x01\x00\x01" +
	"\xc0\x0c\x00\x05\x00\x01\x00\x00\x01\x2c\x00\x07\x04edge\xc0\x10" +
	"\xc0\x2c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x33\x64\x07"

func TestDNSQuestion(t *testing.T) {
	q, err := DNSQuestion(7, "www.foobar.com")
	want := "\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x06foobar\x03com\x00\x00\x01\x00\x01"
	if err != nil || string(q) != want {
		t.Errorf("%v: %q, want %q", err, q, want)
	}
	for _, bad := range []string{"", "a..b", strings.Repeat("a", 64) + ".com"} {
		if _, err := DNSQuestion(7, bad); err == nil {
			t.Errorf("%q was asked", bad)
		}
	}
}

func TestDNSAnswer(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		records      []Record
		code, err    string
	}{
		{"an alias", dnsAlias, []Record{{"www.foobar.com", "CNAME", 300, "edge.foobar.com"}, {"edge.foobar.com", "A", 60, "198.51.100.7"}}, "", ""},
		{"no such name", "\x00\x07\x81\x83" + dnsAlias[4:], nil, "NXDOMAIN", ""},
		{"the server fails", "\x00\x07\x81\x82" + dnsAlias[4:], nil, "response code 2", ""},
		{"of another question", "\x00\x08" + dnsAlias[2:], nil, "", "not the answer"},
		{"the question itself", "\x00\x07\x01\x00" + dnsAlias[4:], nil, "", "not the answer"},
		{"empty", "", nil, "", "cut off"},
		{"cut off", dnsAlias[:len(dnsAlias)-1], nil, "", "cut off"},
		{"a name that points at itself", dnsAlias[:12] + "\xc0\x0c", nil, "", "cut off"},
		{"a name that points forward", dnsAlias[:12] + "\xc0\x20" + dnsAlias[14:], nil, "", "cut off"},
	} {
		records, code, err := DNSAnswer(7, []byte(c.answer))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.err)
			}
			continue
		}
		if diff := cmp.Diff(c.records, records); err != nil || diff != "" || code != c.code {
			t.Errorf("%s: %v, code %q (-want +got):\n%s", c.name, err, code, diff)
		}
	}
}

// Whatever a name server sends, reading it comes to an end.
func FuzzDNSAnswer(f *testing.F) {
	f.Add([]byte(dnsAlias))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, code, err := DNSAnswer(7, b)
		if (err != nil || code != "") && len(records) > 0 {
			t.Errorf("records %v with code %q and error %v", records, code, err)
		}
	})
}

func TestHostsOf(t *testing.T) {
	hosts := "127.0.0.1 localhost\n# 10.0.0.1 www.foobar.com\n10.77.0.10\tfoobar.com WWW.foobar.com # here\nnonsense www.foobar.com\n\n"
	want := []netip.Addr{netip.MustParseAddr("10.77.0.10")}
	if got := HostsOf(hosts, "www.foobar.com"); !cmp.Equal(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNameServer(t *testing.T) {
	for conf, want := range map[string]string{
		"# none\nsearch x\n": "invalid IP", "nameserver 192.0.2.53\nnameserver 192.0.2.54\n": "192.0.2.53", "nameserver x\nnameserver ::1\n": "::1",
	} {
		if got := NameServer(conf).String(); got != want {
			t.Errorf("%q: %s, want %s", conf, got, want)
		}
	}
}
