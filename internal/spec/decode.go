package spec

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// defaultLab is where servers live when the file has no lab: stanza.
var defaultLab = Lab{Name: "scaleup", Subnet: netip.MustParsePrefix("10.77.0.0/24")}

// decode reads the tree into the site: types, single values and the defaults
// that depend on nothing else. What it could not read stays zero.
func decode(r *report, root ast.Node, s *Site) {
	f, ok := node{r: r, doc: siteKeys, at: lineOf(root), v: root}.mapping()
	if !ok {
		return
	}
	if len(f.entries) > 0 {
		r.lines[""] = f.entries[0].at
	}
	d := decoder{dir: s.Dir}
	if n, ok := f.require("site", "add a line such as: site: www.example.com"); ok {
		s.Name = d.siteName(n)
	}
	if n, ok := f.require("servers", "add servers: with at least one server of each role, as in examples/seed.yaml"); ok {
		s.Servers = d.servers(n)
	}
	remote := anyRemote(s)
	s.Lab = d.lab(f, remote)
	s.VIPs = d.vips(f)
	s.SSH = d.ssh(f, remote)
	s.TLS = d.tls(f)
	if n, ok := f.require("web", "add a line such as: web: {static: ./static}"); ok {
		s.Web = d.web(n)
	}
	if n, ok := f.require("app", "add a line such as: app: {release: ./release, command: [./server]}"); ok {
		s.App = d.app(n)
	}
	if n, ok := f.require("database", "add a line such as: database: {name: shop, packages: debian-sid}"); ok {
		s.Database = d.database(n, remote)
	}
	s.Objectives = d.objectives(f)
	s.Drill = d.drill(f)
	s.DrillsAllowed = d.drillsAllowed(f)
}

// decoder reads the stanzas of one file; there is one method for each.
type decoder struct {
	dir string // where relative paths start
}

// anyRemote reports whether some server has an address.
func anyRemote(s *Site) bool {
	for _, v := range s.Servers {
		if v.Remote() {
			return true
		}
	}
	return false
}

// label is one of the labels of a DNS name, as RFC 1123 has them.
const label = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`

var (
	hostLabel = regexp.MustCompile("^" + label + "$")
	allDigits = regexp.MustCompile(`^[0-9]+$`)
	// hostName is the form of a DNS name but for its length and its last label.
	hostName = regexp.MustCompile("^(" + label + `\.)*` + label + "$")
)

// siteName reads the DNS name the site is served under.
func (d decoder) siteName(n node) string {
	const hint = "use a name such as www.example.com: lower-case letters, digits, hyphens and dots"
	name, ok := n.text(hint)
	if ok && !isHostName(name) {
		n.fail(hint, "%s is not a DNS host name", quote(name))
		return ""
	}
	return name
}

// isHostName follows RFC 1123. The last label must not be a number, or the name
// would read as an address.
func isHostName(name string) bool {
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if !hostLabel.MatchString(l) {
			return false
		}
	}
	return len(name) <= 253 && !allDigits.MatchString(labels[len(labels)-1])
}

// path reads a path: absolute, below ~, or relative to the file's folder.
func (d decoder) path(n node, hint string) string {
	written, ok := n.text(hint)
	if !ok {
		return ""
	}
	p, err := d.expand(written)
	if err != nil {
		n.fail("write the whole path", "%s: %v", quote(written), err)
		return ""
	}
	return p
}

// expand makes a path absolute.
func (d decoder) expand(p string) (string, error) {
	switch {
	case p == "~" || strings.HasPrefix(p, "~/"):
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find your home folder: %w", err)
		}
		return filepath.Join(home, p[1:]), nil
	case strings.HasPrefix(p, "~"):
		return "", errors.New("home folders of other users are not looked up")
	case filepath.IsAbs(p):
		return filepath.Clean(p), nil
	}
	return filepath.Join(d.dir, p), nil
}
