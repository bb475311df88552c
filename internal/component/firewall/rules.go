package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"scaleup/internal/topology"
)

// view is what the template shows.
type view struct {
	Server, Site string
	Reference    bool
	Rules        []rule
}

// rule is one flow as nftables says it.
type rule struct {
	Set      string   // name of the set of its sources
	Elements []string // its sources: addresses and prefixes
	Match    string   // everything else that must match
	Why      string
}

// vrrp is VRRP's IP protocol number. nft knows the name only where /etc/protocols is.
const vrrp = 112

// rulesFor writes flows as rules, in the same order.
func rulesFor(flows []topology.Flow) ([]rule, error) {
	rules := make([]rule, len(flows))
	taken := map[string]bool{}
	for i, f := range flows {
		match, err := match(f)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(f.Why, "\"\\\n\r\x00") {
			return nil, fmt.Errorf("the reason %q cannot be a comment", f.Why)
		}
		name := setName(f)
		if taken[name] {
			name += "_" + strconv.Itoa(i)
		}
		taken[name] = true
		rules[i] = rule{Set: name, Elements: elements(f.From), Match: match, Why: f.Why}
		if len(rules[i].Elements) == 0 {
			return nil, fmt.Errorf("the flow for %s has no source", f.Why)
		}
	}
	return rules, nil
}

// setName names the sources after what they may reach: tcp_3306_8008.
func setName(f topology.Flow) string {
	name := f.Protocol
	for _, port := range f.Ports {
		name += "_" + strconv.Itoa(port)
	}
	return name
}

func match(f topology.Flow) (string, error) {
	to := ""
	if f.To.IsValid() {
		to = "ip daddr " + f.To.String() + " "
	}
	switch {
	case f.Protocol == "vrrp" && len(f.Ports) == 0:
		return fmt.Sprintf("%sip protocol %d", to, vrrp), nil
	case f.Protocol == "tcp" && len(f.Ports) > 0:
		ports := make([]string, len(f.Ports))
		for i, p := range f.Ports {
			ports[i] = strconv.Itoa(p)
		}
		return fmt.Sprintf("%stcp dport { %s }", to, strings.Join(ports, ", ")), nil
	default:
		return "", fmt.Errorf("a flow of protocol %q with ports %v cannot be written as a rule", f.Protocol, f.Ports)
	}
}

// elements writes sources without those that another one covers: an interval set
// takes no overlaps.
func elements(from []netip.Prefix) []string {
	sorted := make([]netip.Prefix, len(from))
	for i, p := range from {
		sorted[i] = p.Masked()
	}
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var texts []string
	var last netip.Prefix
	for _, p := range sorted {
		if last.IsValid() && last.Contains(p.Addr()) {
			continue
		}
		last = p
		if p.IsSingleIP() {
			texts = append(texts, p.Addr().String())
		} else {
			texts = append(texts, p.String())
		}
	}
	return texts
}
