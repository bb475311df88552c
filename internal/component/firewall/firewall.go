// Package firewall is the packet filter of every server: what is not a flow of
// the topology is dropped. It renders one nftables file, which owns the table
// "inet scaleup" and touches no other.
package firewall

import (
	"bytes"
	"embed"
	"fmt"
	"text/template"

	"scaleup/internal/component"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

// Path is the file that Debian's nftables.service loads at boot.
const Path = "/etc/nftables.conf"

const unit = "nftables.service"

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(templateFiles, "templates/*.tmpl"))

// Component is the firewall of a server.
type Component struct{}

var _ component.Component = Component{}

// Name implements component.Component.
func (Component) Name() string { return "firewall" }

// On implements component.Component: every server has one.
func (Component) On(spec.Role) bool { return true }

// Packages implements component.Component.
func (Component) Packages(*spec.Site) []resource.Packages {
	return []resource.Packages{{Name: "firewall", Names: []string{"nftables"}}}
}

// Resources implements component.Component. The unit comes after the rules were
// loaded and confirmed: its own loading of the same file changes nothing. It has
// no reads, for a restart of nftables.service flushes the tables of others, too;
// the Firewall resource loads what changed.
func (c Component) Resources(in component.Input) ([]resource.Spec, error) {
	rules, err := rulesFor(in.Topology.FlowsTo(in.Server))
	if err != nil {
		return nil, fmt.Errorf("render the firewall of %s: %w", in.Server.Name, err)
	}
	v := view{Server: in.Server.Name, Site: in.Topology.Site.Name, Reference: in.Facts.Reference, Rules: rules}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, "nftables.conf.tmpl", v); err != nil {
		return nil, fmt.Errorf("render the firewall of %s: %w", in.Server.Name, err)
	}
	packages := c.Packages(in.Topology.Site)
	return []resource.Spec{
		&packages[0],
		&resource.Firewall{Path: Path, Content: b.Bytes()},
		&resource.Unit{Name: unit, Running: true, Enabled: true},
	}, nil
}
