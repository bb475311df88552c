package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
)

// The bench's own lab: another name and network than any example's, so that a
// lab with somebody's data is never touched.
const (
	labName   = "foobar-bench"
	labSubnet = "10.76.0.0/24"
)

var (
	labLine    = regexp.MustCompile(`(?m)^lab:.*$`)
	relative   = regexp.MustCompile(`(static|release): \.\./(\S+)`)
	labSubnets = netip.MustParsePrefix(labSubnet)
)

// benchSite is the site of an example in the bench's lab, in a file that may lie
// anywhere.
func benchSite(example, repository string) (string, error) {
	if !labLine.MatchString(example) || len(relative.FindAllString(example, -1)) != 2 {
		return "", fmt.Errorf("the example has no line for the lab, the static files or the release")
	}
	site := labLine.ReplaceAllString(example, fmt.Sprintf("lab: {name: %s, subnet: %s}", labName, labSubnet))
	return relative.ReplaceAllStringFunc(site, func(s string) string {
		m := relative.FindStringSubmatch(s)
		return m[1] + ": " + filepath.Join(repository, m[2])
	}), nil
}

// largeSite is a generated site of 1,000 servers.
func largeSite(repository string) string {
	var b strings.Builder
	b.WriteString("site: www.foobar.com\nlab: {name: foobar-large, subnet: 10.64.0.0/16}\nservers:\n")
	for _, tier := range []struct {
		prefix, role string
		count        int
	}{{"lb", "loadbalancer", 2}, {"web", "web", 497}, {"app", "app", 498}, {"db", "database", 3}} {
		for i := range tier.count {
			fmt.Fprintf(&b, "  %s%d: {role: %s}\n", tier.prefix, i+1, tier.role)
		}
	}
	fmt.Fprintf(&b, "web: {static: %s}\n", filepath.Join(repository, "foobar/static"))
	fmt.Fprintf(&b, "app:\n  release: %s\n  command: [./foobar]\n  migrate: [./foobar, migrate]\n", filepath.Join(repository, "foobar/release"))
	b.WriteString("database: {name: foobar}\n")
	return b.String()
}
