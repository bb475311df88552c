// Package keepalived is the load balancers' keepalived, which moves the virtual
// addresses between them, and lb-agent, which tells it whether HAProxy serves.
// It renders configuration; package lbagent is the agent itself.
package keepalived

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"text/template"

	"scaleup/internal/component"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
)

// The units of the component.
const (
	Unit      = "keepalived.service"
	AgentUnit = "scaleup-lb-agent.service"
)

const (
	configPath       = "/etc/keepalived/keepalived.conf"
	unitDropIn       = "/etc/systemd/system/keepalived.service.d/10-scaleup.conf"
	agentUnitPath    = "/etc/systemd/system/" + AgentUnit
	agentConfigPath  = "/etc/scaleup/lb-agent.json"
	agentUser        = "scaleup-lb"
	runtimeDirectory = "scaleup-lb" // below /run; not /run/scaleup, which is others'
	trackFile        = "/run/" + runtimeDirectory + "/track"
	yieldFile        = "/run/" + runtimeDirectory + "/yield"
)

//go:embed templates
var templateFiles embed.FS

var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(templateFiles, "templates/*.tmpl"))

// Component is keepalived with lb-agent.
type Component struct{}

var _ component.Component = Component{}

// Name implements component.Component.
func (Component) Name() string { return "keepalived" }

// On implements component.Component.
func (Component) On(r spec.Role) bool { return r == spec.LoadBalancer }

// Packages implements component.Component.
func (Component) Packages(*spec.Site) []resource.Packages {
	return []resource.Packages{{Name: "keepalived", Names: []string{"keepalived"}}}
}

// Resources implements component.Component. The agent comes first: it has asked
// HAProxy before keepalived starts.
func (c Component) Resources(in component.Input) ([]resource.Spec, error) {
	v, err := newView(in)
	if err != nil {
		return nil, fmt.Errorf("render keepalived of %s: %w", in.Server.Name, err)
	}
	files := map[string]*resource.File{}
	for path, name := range map[string]string{
		configPath: "keepalived.conf.tmpl", unitDropIn: "keepalived-unit.conf.tmpl", agentUnitPath: "lb-agent.service.tmpl",
	} {
		var b bytes.Buffer
		if err := templates.ExecuteTemplate(&b, name, v); err != nil {
			return nil, fmt.Errorf("render keepalived of %s: %w", in.Server.Name, err)
		}
		files[path] = &resource.File{Path: path, Content: b.Bytes(), Mode: 0o644}
	}
	agentConfig, err := agentConfigFile(v.Site)
	if err != nil {
		return nil, fmt.Errorf("render lb-agent of %s: %w", in.Server.Name, err)
	}
	config := files[configPath]
	// keepalived refuses a file to track that does not exist. Until lb-agent has
	// written it, it says what is true: this server does not serve.
	config.Validate = []string{"/bin/sh", "-c", "mkdir -p /run/" + runtimeDirectory + ` && { [ -e ` + trackFile + ` ] || echo 1 >` + trackFile + `; } && exec keepalived -t -f "$1"`, "sh", "{}"}

	agentReads := resource.Reads(resource.OnChangeRestart, agentConfig, files[agentUnitPath])
	// Never a reload, for the reason the drop-in gives. A restart of the load
	// balancer that the plan has moved the addresses away from costs nothing.
	reads := resource.Reads(resource.OnChangeRestart, config, files[unitDropIn])
	packages := c.Packages(in.Topology.Site)
	return []resource.Spec{
		&packages[0],
		&resource.User{Name: agentUser},
		agentConfig,
		files[agentUnitPath],
		resource.Recorder(AgentUnit, agentReads),
		&resource.Unit{Name: AgentUnit, Running: true, Enabled: true, Reads: agentReads, Interrupts: resource.InterruptsOnRestart},
		config,
		files[unitDropIn],
		resource.Recorder(Unit, reads),
		&resource.Unit{Name: Unit, Running: true, Enabled: true, Reads: reads, Interrupts: resource.InterruptsOnRestart},
	}, nil
}

// agentConfigFile is lb-agent's configuration, in the form of lbagent.Config.
func agentConfigFile(site string) (*resource.File, error) {
	content, err := json.MarshalIndent(struct {
		ServerName string `json:"server_name"`
		Address    string `json:"address"`
		Path       string `json:"path"`
		TrackFile  string `json:"track_file"`
		YieldFile  string `json:"yield_file"`
	}{site, "127.0.0.1:443", "/haproxy-alive", trackFile, yieldFile}, "", "  ")
	if err != nil {
		return nil, err
	}
	return &resource.File{Path: agentConfigPath, Content: append(content, '\n'), Mode: 0o644}, nil
}
