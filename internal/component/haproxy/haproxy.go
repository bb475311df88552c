// Package haproxy is the load balancers' HAProxy: the public frontends, the
// internal ones that lead from tier to tier, and the checks that decide which
// servers get traffic. It renders configuration; haproxyctl talks to the
// running program.
package haproxy

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"text/template"

	"scaleup/internal/component"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

// Unit is HAProxy's systemd unit, the Debian package's own.
const Unit = "haproxy.service"

// The paths of HAProxy on a load balancer. haproxyctl and lb-agent use the same.
const (
	configPath   = "/etc/haproxy/haproxy.cfg"
	tlsDir       = "/etc/haproxy/tls"
	sitePath     = tlsDir + "/site.pem"
	ticketsPath  = tlsDir + "/tickets.keys"
	errorPath    = "/etc/haproxy/errors/scaleup-503.http"
	adminSocket  = "/run/haproxy/admin.sock"
	statePath    = "/run/haproxy/servers.state"
	limitsDropIn = "/etc/systemd/system/haproxy.service.d/10-limits.conf"
	stateDropIn  = "/etc/systemd/system/haproxy.service.d/20-state.conf"
	alivePath    = "/haproxy-alive"
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(templateFiles, "templates/*.tmpl"))

// Component is HAProxy.
type Component struct{}

var _ component.Component = Component{}

// Name implements component.Component.
func (Component) Name() string { return "haproxy" }

// On implements component.Component.
func (Component) On(r spec.Role) bool { return r == spec.LoadBalancer }

// Packages implements component.Component.
func (Component) Packages(*spec.Site) []resource.Packages {
	return []resource.Packages{{Name: "haproxy", Names: []string{"haproxy"}}}
}

// Resources implements component.Component.
func (c Component) Resources(in component.Input) ([]resource.Spec, error) {
	site, err := sitePEM(in.Secrets.Site)
	if err != nil {
		return nil, fmt.Errorf("render HAProxy of %s: %w", in.Server.Name, err)
	}
	if len(in.Secrets.TicketKeys) == 0 {
		return nil, fmt.Errorf("render HAProxy of %s: the site's secrets have no TLS ticket keys", in.Server.Name)
	}
	v, err := newView(in)
	if err != nil {
		return nil, fmt.Errorf("render HAProxy of %s: %w", in.Server.Name, err)
	}
	r := renderer{view: v}
	sorry := r.file(errorPath, "503.http.tmpl", 0o644)
	sorry.Content = httpMessage(sorry.Content)
	config := r.file(configPath, "haproxy.cfg.tmpl", 0o644)
	config.Validate = []string{"haproxy", "-c", "-q", "-f", "{}"}
	// All of these are read again at a reload; state.conf, whose commands systemd
	// runs, needs no more than that, so an upgrade of scaleup restarts no HAProxy.
	reload := []*resource.File{
		{Path: sitePath, Content: site, Mode: 0o600, Secret: true},
		{Path: ticketsPath, Content: in.Secrets.TicketKeys, Mode: 0o600, Secret: true},
		sorry,
		r.file(stateDropIn, "state.conf.tmpl", 0o644),
		config,
	}
	restart := r.file(limitsDropIn, "limits.conf.tmpl", 0o644)
	if r.err != nil {
		return nil, fmt.Errorf("render HAProxy of %s: %w", in.Server.Name, r.err)
	}
	reads := append(resource.Reads(resource.OnChangeReload, reload...), resource.Reads(resource.OnChangeRestart, restart)...)
	packages := c.Packages(in.Topology.Site)
	specs := []resource.Spec{
		&packages[0],
		// HAProxy reads both as root, before it gives up its rights.
		&resource.Directory{Path: tlsDir, Mode: 0o700},
		&resource.Directory{Path: "/etc/haproxy/errors", Mode: 0o755},
	}
	for _, f := range append([]*resource.File{restart}, reload...) {
		specs = append(specs, f)
	}
	return append(specs, resource.Recorder(Unit, reads), &resource.Unit{
		Name: Unit, Running: true, Enabled: true, Reads: reads, Interrupts: resource.InterruptsOnChange,
	}), nil
}

// sitePEM is the file that "crt" names: the chain, then its key.
func sitePEM(pair component.KeyPair) ([]byte, error) {
	if len(pair.Cert) == 0 || len(pair.Key) == 0 {
		return nil, errors.New("the site's secrets have no certificate for the public frontend")
	}
	cert := append(bytes.TrimSpace(bytes.Clone(pair.Cert)), '\n')
	return append(cert, append(bytes.TrimSpace(bytes.Clone(pair.Key)), '\n')...), nil
}

// renderer renders files from one view and keeps the first error.
type renderer struct {
	view *view
	err  error
}

func (r *renderer) file(path, name string, mode fs.FileMode) *resource.File {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, r.view); err != nil && r.err == nil {
		r.err = err
	}
	return &resource.File{Path: path, Content: b.Bytes(), Mode: mode}
}

// httpMessage ends the lines of the header as HTTP wants them.
func httpMessage(text []byte) []byte {
	header, body, _ := bytes.Cut(text, []byte("\n\n"))
	header = bytes.ReplaceAll(header, []byte("\n"), []byte("\r\n"))
	return bytes.Join([][]byte{header, body}, []byte("\r\n\r\n"))
}
