// Package nginx is the web servers' Nginx: it serves the static release and
// passes everything else to the app tier, with a short cache that answers for
// the application while that is away.
package nginx

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"text/template"

	"scaleup/internal/component"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

// Unit is Nginx's systemd unit, the Debian package's own.
const Unit = "nginx.service"

// The paths of Nginx on a web server.
const (
	configPath  = "/etc/nginx/nginx.conf"
	dropInPath  = "/etc/systemd/system/nginx.service.d/10-scaleup.conf"
	releasesDir = "/srv/www/releases"
	cacheParent = "/var/cache/nginx"
	keep        = 3 // former static releases kept for a rollback
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(templateFiles, "templates/*.tmpl"))

// Component is Nginx.
type Component struct{}

var _ component.Component = Component{}

// Name implements component.Component.
func (Component) Name() string { return "nginx" }

// On implements component.Component.
func (Component) On(r spec.Role) bool { return r == spec.Web }

// Packages implements component.Component. logrotate keeps the access log from
// filling the disk, with the rules that Debian's Nginx brings.
func (Component) Packages(*spec.Site) []resource.Packages {
	return []resource.Packages{{Name: "nginx", Names: []string{"nginx-light", "libnginx-mod-http-brotli-static", "logrotate"}}}
}

// Resources implements component.Component. The configuration names the release
// it serves, so a new static release is a reload, and no worker ever sees files
// of two releases under one name.
func (c Component) Resources(in component.Input) ([]resource.Spec, error) {
	v, err := newView(in)
	if err != nil {
		return nil, fmt.Errorf("render Nginx of %s: %w", in.Server.Name, err)
	}
	config, err := render(configPath, "nginx.conf.tmpl", v)
	if err != nil {
		return nil, err
	}
	config.Validate = []string{"nginx", "-t", "-q", "-c", "{}"}
	dropIn, err := render(dropInPath, "unit.conf.tmpl", v)
	if err != nil {
		return nil, err
	}
	reads := append(resource.Reads(resource.OnChangeReload, config), resource.Reads(resource.OnChangeRestart, dropIn)...)
	packages := c.Packages(in.Topology.Site)
	return []resource.Spec{
		&packages[0],
		&resource.Directory{Path: releasesDir, Mode: 0o755},
		&resource.Release{Path: v.Root, Digest: in.Releases.Static, Keep: keep},
		// Nginx makes the cache in it by itself, for its workers' user.
		&resource.Directory{Path: cacheParent, Mode: 0o755},
		dropIn,
		resource.Recorder(Unit, reads),
		config,
		// A reload closes idle connections that a load balancer may be about to use: the server
		// leaves the rotation for it.
		&resource.Unit{Name: Unit, Running: true, Enabled: true, Reads: reads, Interrupts: resource.InterruptsOnChange},
	}, nil
}

func render(path, name string, v view) (*resource.File, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, v); err != nil {
		return nil, fmt.Errorf("render %s of %s: %w", path, v.Server, err)
	}
	return &resource.File{Path: path, Content: b.Bytes(), Mode: fs.FileMode(0o644)}, nil
}
