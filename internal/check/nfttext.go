package check

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ruleset is a table of the packet filter as "nft list table" prints it, as far as it is
// judged here.
type ruleset struct {
	sets   map[string][]addresses
	chains []chain
}

type chain struct {
	hook   string // input, forward, …; "" for a chain that others jump to
	policy string
	rules  []string
}

// addresses are all from the first to the last.
type addresses struct{ first, last netip.Addr }

func (a addresses) String() string {
	switch {
	case a == everyone:
		return "anyone"
	case a.first == a.last:
		return a.first.String()
	}
	return a.first.String() + "-" + a.last.String()
}

var everyone = addresses{netip.AddrFrom4([4]byte{}), netip.AddrFrom4([4]byte{255, 255, 255, 255})}

// readRules reads a table. It is tolerant: what it does not know it passes over, and
// judge treats a match that it does not know as none.
func readRules(text string) ruleset {
	r := ruleset{sets: map[string][]addresses{}}
	var name, body string // of the set that is being read
	var rule string       // so far
	var c *chain
	for l := range strings.SplitSeq(text, "\n") {
		words := strings.Fields(l)
		switch {
		case len(words) == 0 || words[0] == "#":
		case c == nil && words[0] == "set" && len(words) == 3:
			name, body = words[1], ""
		case words[0] == "chain" && len(words) == 3:
			r.chains = append(r.chains, chain{})
			c = &r.chains[len(r.chains)-1]
		case name != "" && words[0] == "}":
			r.sets[name], name = elements(body), ""
		case name != "":
			body += l + " "
		case c != nil && rule == "" && words[0] == "}":
			c = nil
		case c != nil && words[0] == "type":
			c.hook, c.policy = after(words, "hook"), after(words, "policy")
		case c != nil:
			rule += " " + strings.TrimSpace(l)
			if strings.Count(rule, "{") == strings.Count(rule, "}") { // else it goes on
				c.rules, rule = append(c.rules, strings.TrimSpace(rule)), ""
			}
		}
	}
	return r
}

// after is the word after another, without the semicolon; "" for none.
func after(words []string, word string) string {
	if i := slices.Index(words, word); i >= 0 && i+1 < len(words) {
		return strings.TrimSuffix(words[i+1], ";")
	}
	return ""
}

// elements reads "elements = { 10.0.0.1, 10.1.0.0/16, 10.2.0.1-10.2.0.9 }".
func elements(body string) []addresses {
	_, list, ok := strings.Cut(body, "elements = {")
	if !ok {
		return nil
	}
	list, _, _ = strings.Cut(list, "}")
	return spans(list)
}

// spans reads addresses, prefixes and ranges, separated by commas. One that it cannot
// read counts as everyone, so that it is looked at.
func spans(list string) []addresses {
	var all []addresses
	for e := range strings.SplitSeq(list, ",") {
		if e = strings.TrimSpace(e); e != "" {
			all = append(all, readAddresses(e))
		}
	}
	return all
}

func readAddresses(e string) addresses {
	from, to, isRange := strings.Cut(e, "-")
	if !isRange {
		to = from
	}
	first, err := netip.ParseAddr(from)
	last, err2 := netip.ParseAddr(to)
	if err == nil && err2 == nil && first.Is4() && last.Is4() {
		return addresses{first, last}
	}
	if p, err := netip.ParsePrefix(e); err == nil && p.Addr().Is4() {
		return addresses{p.Masked().Addr(), lastOf(p)}
	}
	return everyone
}

// lastOf is the last address of an IPv4 prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := range 32 - p.Bits() {
		b[3-i/8] |= 1 << (i % 8)
	}
	return netip.AddrFrom4(b)
}

// covered reports whether all addresses lie in prefixes, together.
func (a addresses) covered(by []netip.Prefix) bool {
	for at := a.first; ; {
		i := slices.IndexFunc(by, func(p netip.Prefix) bool { return p.Contains(at) })
		if i < 0 {
			return false
		}
		end := lastOf(by[i])
		if !end.Less(a.last) {
			return true
		}
		at = end.Next()
	}
}

// opening is what a rule lets in.
type opening struct {
	protocol string // tcp, udp, vrrp or "" for all
	ports    [][2]int
	to       string // destination address; "" for any
	from     []addresses
}

var (
	comment = regexp.MustCompile(`comment "[^"]*"`)
	grouped = regexp.MustCompile(`\{[^}]*\}`)
	gaps    = regexp.MustCompile(`\s+`)
)

// judge says what a rule lets in; not ok for one that accepts nothing new from the
// network: no accept, connections that are known, the server itself, ICMP.
func (r ruleset) judge(rule string) (opening, bool) {
	rule = comment.ReplaceAllString(rule, "")
	// A group becomes one word.
	rule = grouped.ReplaceAllStringFunc(rule, func(g string) string { return gaps.ReplaceAllString(g, "") })
	words := strings.Fields(rule)
	// Also as the verdict of a map.
	if !strings.Contains(rule, "accept") || harmless(words) {
		return opening{}, false
	}
	o := opening{from: []addresses{everyone}}
	for i := 0; i+2 < len(words); i++ {
		value := words[i+2]
		switch key := words[i] + " " + words[i+1]; key {
		case "ip saddr":
			o.from = r.sources(value)
		case "ip daddr":
			o.to = value
		case "tcp dport", "udp dport":
			o.protocol, o.ports = words[i], readPorts(value)
		case "ip protocol", "meta l4proto":
			o.protocol = value
			if value == "112" {
				o.protocol = "vrrp"
			}
		}
	}
	return o, true
}

// harmless reports whether a rule matches only what every server may receive.
func harmless(words []string) bool {
	switch words[0] {
	case "icmp", "icmpv6":
		return true
	case "iif", "iifname":
		return strings.Trim(words[1], `"`) == "lo"
	case "ct":
		if after(words, "state") == "" {
			return false
		}
		for state := range strings.SplitSeq(strings.Trim(after(words, "state"), "{}"), ",") {
			if state != "established" && state != "related" {
				return false
			}
		}
		return true
	}
	return false
}

func (r ruleset) sources(value string) []addresses {
	if name, ok := strings.CutPrefix(value, "@"); ok {
		return r.sets[name]
	}
	return spans(strings.Trim(value, "{}"))
}

// readPorts reads 80, {80,443} or 8000-8009. What it cannot read counts as every port.
func readPorts(value string) [][2]int {
	var all [][2]int
	for e := range strings.SplitSeq(strings.Trim(value, "{}"), ",") {
		from, to, isRange := strings.Cut(e, "-")
		if !isRange {
			to = from
		}
		low, err := strconv.Atoi(from)
		high, err2 := strconv.Atoi(to)
		if err != nil || err2 != nil || low > high {
			return nil
		}
		all = append(all, [2]int{low, high})
	}
	return all
}
