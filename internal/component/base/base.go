// Package base is what every server has whatever its role: its clock in UTC, a
// bounded journal that outlives a crash, and the kernel settings its role needs.
// It installs nothing and hardens nothing.
package base

import (
	"bytes"
	"embed"
	"fmt"
	"text/template"

	"scaleup/internal/component"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

const (
	journalUnit   = "systemd-journald.service"
	journalDropIn = "/etc/systemd/journald.conf.d/60-scaleup.conf"
	sysctlFile    = "/etc/sysctl.d/60-scaleup.conf"
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(templateFiles, "templates/*.tmpl"))

// Component is the base of a server.
type Component struct{}

var _ component.Component = Component{}

// Name implements component.Component.
func (Component) Name() string { return "base" }

// On implements component.Component: every server has it.
func (Component) On(spec.Role) bool { return true }

// Packages implements component.Component.
func (Component) Packages(*spec.Site) []resource.Packages { return nil }

// view is what the templates show.
type view struct {
	Server, Site string
	Reference    bool
	Settings     []setting
}

// Resources implements component.Component.
func (Component) Resources(in component.Input) ([]resource.Spec, error) {
	v := view{
		Server: in.Server.Name, Site: in.Topology.Site.Name, Reference: in.Facts.Reference,
		Settings: settingsFor(in.Server.Role, in.Facts.Container, in.Facts.InterfaceOf(in.Server.Address.String())),
	}
	journal, err := render(journalDropIn, "journald.conf.tmpl", v)
	if err != nil {
		return nil, err
	}
	sysctls, err := render(sysctlFile, "sysctl.conf.tmpl", v)
	if err != nil {
		return nil, err
	}
	reads := resource.Reads(resource.OnChangeRestart, journal)
	return []resource.Spec{
		// One clock for logs of all servers. The C library takes a link that leads nowhere (no tzdata) for UTC, too.
		&resource.Link{Path: "/etc/localtime", Target: "/usr/share/zoneinfo/Etc/UTC"},
		sysctls,
		&resource.Sysctls{Values: values(v.Settings)},
		journal,
		resource.Recorder(journalUnit, reads),
		// systemd holds the journal's open streams while it restarts: no program notices.
		&resource.Unit{Name: journalUnit, Running: true, Enabled: true, Reads: reads},
	}, nil
}

func render(path, name string, v view) (*resource.File, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, v); err != nil {
		return nil, fmt.Errorf("render %s of %s: %w", path, v.Server, err)
	}
	return &resource.File{Path: path, Content: b.Bytes(), Mode: 0o644}, nil
}
